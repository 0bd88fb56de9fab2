import { Type, type Static } from '@sinclair/typebox';
import { courseMetricsAt, definitionsVersion, type CourseMetric } from '../metrics/registry.ts';
import { derive } from '../metrics/totals.ts';
import { statuses } from './filters.ts';
import { nextCursorProperty } from './page.ts';
import {
  count,
  identifier,
  nullableInteger,
  nullableString,
  reference,
  timestamp,
  timestampText,
  word,
} from './scalars.ts';

const newOrReturning = ['first_time_instructor', 'returning_instructor', 'unknown'] as const;

function metricField(metric: CourseMetric) {
  const description = `${metric.title}, in ${metric.unit}; null is not collected.`;
  const signed = metric.kind === 'sum' && metric.signed;
  return nullableInteger(signed ? { description } : { description, minimum: 0 });
}

const metricFields = Object.fromEntries(
  courseMetricsAt(definitionsVersion).map((metric) => [metric.name, metricField(metric)]),
);

const courseFields = {
  course_id: identifier({
    description: 'Stays, whatever the course is renamed to.',
  }),
  slug: nullableString({
    description: 'Of the course’s address; a rename changes it. Null for a course without one.',
  }),
  title: nullableString({ description: 'As its organisers gave it.' }),
  institution: nullableString({ description: 'The school, library or group behind it.' }),
  term: nullableString({ description: 'As its organisers gave it: Spring 2026 …' }),
  type: nullableString({ description: 'As the Dashboard calls it: Editathon, BasicCourse …' }),
  home_wiki: nullableString({ description: 'A wiki’s domain.' }),
  wikis: Type.Array(Type.String(), { description: 'Tracked wikis by domain, sorted.' }),
  campaigns: Type.Array(Type.String(), {
    description: 'Slugs of its campaigns as they are today, sorted; one where campaigns share it.',
  }),
  start: nullableString({ format: 'date-time', description: 'When it begins, UTC.' }),
  end: nullableString({ format: 'date-time', description: 'When it ends, UTC.' }),
  created_at: nullableString({
    format: 'date-time',
    description: 'When it was created on the Dashboard, UTC.',
  }),
  status: word(statuses, { description: 'At the snapshot’s computed_at.' }),
  new_or_returning: word(newOrReturning, {
    description: 'Whether its instructor has run a course before, as tagged on the Dashboard.',
  }),
  url: nullableString({
    format: 'uri',
    description: 'Its page on the Dashboard; null for a course without a slug, which has none.',
  }),
  ...metricFields,
};

export const Course = Type.Object(courseFields, {
  $id: 'Course',
  description: 'A public course (the Dashboard says program) as it is at a snapshot.',
});
export type Course = CourseFields & Readonly<Record<string, CourseValue>>;
type CourseValue = string | number | null | readonly string[];

interface CourseFields {
  readonly course_id: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly home_wiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly string[];
  readonly start: string | null;
  readonly end: string | null;
  readonly created_at: string | null;
  readonly status: string;
  readonly new_or_returning: string;
  readonly url: string | null;
}

export const CoursePage = Type.Object(
  {
    snapshot_id: identifier({ description: 'Of every page of the walk.' }),
    withdrawn_since: count({
      description: 'How many of the whole snapshot’s courses are not public any more.',
    }),
    items: Type.Array(reference(Course), { description: 'In the order that was asked for.' }),
    next_cursor: nextCursorProperty,
  },
  { $id: 'CoursePage', description: 'Courses, a page at a time.' },
);
export type CoursePage = Omit<Static<typeof CoursePage>, 'items'> & { items: Course[] };

export const CourseVersion = Type.Object(
  {
    from_snapshot_id: identifier({ description: 'The first snapshot with this state.' }),
    from_computed_at: timestamp({ description: 'When that was computed, UTC.' }),
    to_snapshot_id: nullableInteger({
      minimum: 1,
      description: 'The first snapshot after it without this state; null where it still holds.',
    }),
    to_computed_at: nullableString({
      format: 'date-time',
      description: 'When that was computed, UTC.',
    }),
    ...courseFields,
    status: word(statuses, {
      description: 'At from_computed_at: status moves with time, and makes no new version.',
    }),
  },
  {
    $id: 'CourseVersion',
    description: 'A course’s state over a range of snapshots.',
  },
);

export const CourseHistory = Type.Object(
  {
    snapshot_id: identifier({ description: 'The newest snapshot that the history reaches to.' }),
    items: Type.Array(reference(CourseVersion), { description: 'Newest first.' }),
    next_cursor: nextCursorProperty,
  },
  {
    $id: 'CourseHistory',
    description: 'The states of a course, newest first, a page at a time.',
  },
);

/** A course as the store has it; metrics lack the derived ones. */
export interface StoredCourse {
  readonly courseId: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  /** Slugs, in any order, with any repetitions. */
  readonly campaigns: readonly string[];
  readonly start: Date | null;
  readonly end: Date | null;
  readonly createdAt: Date | null;
  readonly status: string;
  readonly newOrReturning: string;
  readonly urlPath: string | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** With the metrics of a definitions version, and its page below the Dashboard's address. */
export function courseBody(stored: StoredCourse, version: number, dashboardUrl: string): Course {
  const metrics: Record<string, number | null> = {};
  for (const metric of courseMetricsAt(version)) {
    metrics[metric.name] =
      metric.kind === 'derived'
        ? derive(metric, stored.metrics[metric.input] ?? null)
        : (stored.metrics[metric.name] ?? null);
  }
  return {
    course_id: stored.courseId,
    slug: stored.slug,
    title: stored.title,
    institution: stored.institution,
    term: stored.term,
    type: stored.type,
    home_wiki: stored.homeWiki,
    wikis: stored.wikis,
    campaigns: [...new Set(stored.campaigns)].sort(),
    start: momentText(stored.start),
    end: momentText(stored.end),
    created_at: momentText(stored.createdAt),
    status: stored.status,
    new_or_returning: stored.newOrReturning,
    url: stored.urlPath === null ? null : dashboardUrl + stored.urlPath,
    ...metrics,
  };
}

interface StoredVersion extends StoredCourse {
  readonly fromSnapshotId: number;
  readonly fromComputedAt: Date;
  readonly toSnapshotId: number | null;
  readonly toComputedAt: Date | null;
}

export function courseVersionBody(stored: StoredVersion, version: number, dashboardUrl: string) {
  return {
    from_snapshot_id: stored.fromSnapshotId,
    from_computed_at: timestampText(stored.fromComputedAt),
    to_snapshot_id: stored.toSnapshotId,
    to_computed_at: momentText(stored.toComputedAt),
    ...courseBody(stored, version, dashboardUrl),
  };
}

function momentText(moment: Date | null): string | null {
  return moment === null ? null : timestampText(moment);
}
