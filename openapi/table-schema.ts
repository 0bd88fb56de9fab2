/** The columns of downloads as the Table Schema of Frictionless Data v2 describes them. */
import { metrics, type Metric } from '../metrics/registry.ts';
import { statuses } from './filters.ts';

export interface TableField {
  readonly name: string;
  readonly type: 'integer' | 'string' | 'datetime' | 'list';
  readonly title: string;
  readonly description: string;
  readonly format?: string;
  /** Of a list. */
  readonly delimiter?: string;
  readonly itemType?: string;
  readonly constraints?: {
    readonly required?: true;
    readonly unique?: true;
    readonly minimum?: number;
    readonly enum?: readonly string[];
  };
  /** Not of the standard: what a number counts. */
  readonly unit?: string;
}

type Description = Omit<TableField, 'name'>;

const required = { required: true } as const;

function moment(title: string, description: string): Description {
  return { type: 'datetime', title, description: `${description} UTC.` };
}

/** How a list is one field. */
export const listSentence = 'A | or a \\ that is of an item is written \\| or \\\\.';

function list(title: string, description: string): Description {
  const divided = `${description} Sorted, with | between. ${listSentence}`;
  return { type: 'list', delimiter: '|', itemType: 'string', title, description: divided };
}

/** What is not a number, by the resource's and the column's name. */
const described: Readonly<Record<string, Readonly<Record<string, Description>>>> = {
  courses: {
    course_id: {
      type: 'integer',
      title: 'Course',
      description: 'The course’s number, which stays whatever the course is renamed to.',
      constraints: { required: true, unique: true, minimum: 1 },
    },
    slug: {
      type: 'string',
      title: 'Slug',
      description: 'Of the course’s address on the Dashboard; a rename changes it.',
    },
    title: { type: 'string', title: 'Title', description: 'As its organisers wrote it.' },
    institution: {
      type: 'string',
      title: 'Institution',
      description: 'The school or organisation behind the course.',
    },
    term: { type: 'string', title: 'Term', description: 'When it is held, in free words.' },
    type: {
      type: 'string',
      title: 'Type',
      description: 'As the Dashboard calls it: Editathon, BasicCourse and so on.',
    },
    home_wiki: { type: 'string', title: 'Home wiki', description: 'A wiki’s domain.' },
    wikis: list('Wikis', 'The tracked wikis by domain.'),
    campaigns: list('Campaigns', 'The slugs of its campaigns as they are today.'),
    start: moment('Start', 'When it begins.'),
    end: moment('End', 'When it ends.'),
    created_at: moment('Created', 'When it was created on the Dashboard.'),
    status: {
      type: 'string',
      title: 'Status',
      description:
        'At the snapshot’s computed_at; ended_recently is less than 30 days before, undated is ' +
        'without a start or an end.',
      constraints: { required: true, enum: statuses },
    },
    new_or_returning: {
      type: 'string',
      title: 'New or returning',
      description: 'Whether its organiser has held one before; unknown where nobody said.',
      constraints: {
        required: true,
        enum: ['first_time_instructor', 'returning_instructor', 'unknown'],
      },
    },
    url: {
      type: 'string',
      format: 'uri',
      title: 'Address',
      description: 'Its page on the Dashboard, which a course without a slug does not have.',
    },
  },
  campaigns: {
    campaign_slug: {
      type: 'string',
      title: 'Campaign',
      description: 'Its slug; campaigns that share one are one here.',
      constraints: { required: true, unique: true },
    },
    title: { type: 'string', title: 'Title', description: 'As its organisers wrote it.' },
    description: { type: 'string', title: 'Description', description: 'As they describe it.' },
    start: moment('Start', 'When it begins.'),
    end: moment('End', 'When it ends.'),
    created_at: moment('Created', 'When it was created on the Dashboard.'),
    url: {
      type: 'string',
      format: 'uri',
      title: 'Address',
      description: 'Its page on the Dashboard.',
      constraints: required,
    },
  },
  wikis: {
    wiki: {
      type: 'string',
      title: 'Wiki',
      description: 'A tracked wiki, by domain.',
      constraints: { required: true, unique: true },
    },
  },
};

const metricOf = new Map(metrics.map((metric) => [metric.name, metric]));
const coverageSuffix = '_coverage';

/** @throws when a column is not described */
export function tableFields(resource: string, columns: readonly string[]): TableField[] {
  return columns.map((name) => {
    const description = described[resource]?.[name];
    if (description !== undefined) return { name, ...description };
    const metric = metricOf.get(name);
    if (metric !== undefined) return metricField(metric);
    const covered = metricOf.get(name.slice(0, -coverageSuffix.length));
    if (name.endsWith(coverageSuffix) && covered !== undefined) return coverageField(covered);
    throw new Error(`the column ${name} of ${resource} is not described`);
  });
}

function metricField(metric: Metric): TableField {
  const canBeNegative = metric.kind === 'sum' && metric.signed;
  return {
    name: metric.name,
    type: 'integer',
    title: metric.title,
    description: [metric.definition, ...metric.caveats].join(' '),
    ...(canBeNegative ? {} : { constraints: { minimum: 0 } }),
    unit: metric.unit,
  };
}

function coverageField(metric: Metric): TableField {
  return {
    name: metric.name + coverageSuffix,
    type: 'integer',
    title: `${metric.title}: coverage`,
    description: `How many of the courses have a value for ${metric.name}.`,
    constraints: { required: true, minimum: 0 },
    unit: 'courses',
  };
}
