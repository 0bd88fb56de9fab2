/**
 * Every published number, once. SQL sums, CSV columns, response schemas, the data
 * dictionary and the page's labels are derived from this list: adding a metric is one
 * entry here, with the definitions version that introduces it.
 *
 * Definitions follow the Programs & Events Dashboard's own columns as of August 2026.
 */
import { wikidataMetrics } from './wikidata.ts';

interface MetricBase {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** Where the value comes from, in the Dashboard's own terms. */
  readonly source: string;
  readonly definition: string;
  readonly caveats: readonly string[];
  /** Whether the value can be missing (`null`): not collected, which is not zero. */
  readonly nullable: boolean;
  readonly sinceVersion: number;
}

/** Stored per course in the column of the same name, as a 64-bit integer. */
export interface SumMetric extends MetricBase {
  readonly kind: 'sum';
  /** Whether a single course's value can be below zero. */
  readonly signed: boolean;
}

export interface CountMetric extends MetricBase {
  readonly kind: 'count';
  /** The course status that is counted; every course when absent. */
  readonly status?: 'current' | 'archived';
}

export interface DistinctMetric extends MetricBase {
  readonly kind: 'distinct';
}

/** `trunc(total of input × numerator / denominator)`, in exact integer arithmetic. */
export interface DerivedMetric extends MetricBase {
  readonly kind: 'derived';
  readonly input: string;
  readonly numerator: number;
  readonly denominator: number;
}

/**
 * By kind:
 * - `sum`: a value per course; totals add the values up.
 * - `count`: a number of courses.
 * - `distinct`: a number of different people; never adds up across groups.
 * - `derived`: computed from another metric's total, never from derived values.
 */
export type Metric = SumMetric | CountMetric | DistinctMetric | DerivedMetric;
export type CourseMetric = SumMetric | DerivedMetric;

/** Raised whenever an entry is added or a definition changes; snapshots keep theirs. */
export const definitionsVersion = 1;

const frozenWhenNotUpdated =
  'Frozen for courses that the Dashboard no longer updates; null for courses it never updated.';
const peopleOverlap = 'People take part in several courses: values of groups do not add up.';
const nullWhereNotKept =
  'Null in snapshots of totals that the Dashboard kept itself, where it did not keep this one.';
const needsEnrollments = 'Null where the source cannot tell people apart, as in a CSV export.';

export const metrics: readonly Metric[] = [
  {
    name: 'courses',
    title: 'Courses',
    unit: 'courses',
    kind: 'count',
    source: 'courses',
    definition:
      'Public courses (the Dashboard says programs): edit-a-thons, classes, campaigns’ events. ' +
      'Public means that the Dashboard does not mark the course private.',
    caveats: [
      'Includes unsubmitted, unapproved, withdrawn and freshly cloned courses, as the Dashboard’s own totals do.',
      nullWhereNotKept,
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'active_courses',
    title: 'Active courses',
    unit: 'courses',
    kind: 'count',
    status: 'current',
    source: 'courses.start, courses.end',
    definition: 'Courses under way at the snapshot’s computed_at: start <= t <= end.',
    caveats: [
      'The Dashboard calls these strictly current; its word active reaches further.',
      nullWhereNotKept,
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'archived_courses',
    title: 'Archived courses',
    unit: 'courses',
    kind: 'count',
    status: 'archived',
    source: 'courses.end',
    definition: 'Courses that ended 30 days or more before the snapshot’s computed_at.',
    caveats: [nullWhereNotKept],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'edits',
    title: 'Edits',
    unit: 'edits',
    kind: 'sum',
    signed: false,
    source: 'courses.revision_count',
    definition:
      'Edits by participants on tracked wikis during the course, in all namespaces that the ' +
      'Dashboard fetched, less deleted, system and untracked-article edits.',
    caveats: [],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'bytes_added',
    title: 'Bytes added',
    unit: 'bytes',
    kind: 'sum',
    signed: false,
    source: 'courses.character_sum',
    definition:
      'Bytes added to live, tracked mainspace articles by edits that added text; edits that ' +
      'removed text are left out, so it is never negative.',
    caveats: ['Bytes, not characters: a letter outside ASCII takes two to four.'],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'words_added',
    title: 'Words added',
    unit: 'words',
    kind: 'derived',
    input: 'bytes_added',
    numerator: 40,
    denominator: 207,
    source: 'courses.character_sum',
    definition:
      'An estimate: trunc(bytes_added / 5.175). Of a group it is computed from the summed ' +
      'bytes, so it can differ from the sum of the courses’ words.',
    caveats: ['One constant for every language: not comparable between scripts.'],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'references_added',
    title: 'References added',
    unit: 'references',
    kind: 'sum',
    signed: true,
    source: 'courses.references_count',
    definition: 'References added less references removed.',
    caveats: ['Can be negative, where more references were removed than added.'],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'articles_edited',
    title: 'Articles edited',
    unit: 'articles',
    kind: 'sum',
    signed: false,
    source: 'courses.article_count',
    definition: 'Distinct articles edited within each course, added up over courses.',
    caveats: ['An article edited in two courses counts twice.'],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'articles_created',
    title: 'Articles created',
    unit: 'articles',
    kind: 'sum',
    signed: false,
    source: 'courses.new_article_count',
    definition: 'Of the articles edited, those that the course created.',
    caveats: [],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'article_views',
    title: 'Article views',
    unit: 'views',
    kind: 'sum',
    signed: false,
    source: 'courses.view_sum',
    definition:
      'Views of the edited articles as reported by the Dashboard: days since the first edit ' +
      'times average daily views.',
    caveats: [
      'An estimate that keeps growing, may decrease, and freezes when the Dashboard stops updating the course.',
      'Known to be underestimated upstream.',
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'uploads',
    title: 'Uploads',
    unit: 'files',
    kind: 'sum',
    signed: false,
    source: 'courses.upload_count',
    definition: 'Files uploaded to Wikimedia Commons by participants during the course.',
    caveats: [],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'uploads_in_use',
    title: 'Uploads in use',
    unit: 'files',
    kind: 'sum',
    signed: false,
    source: 'courses.uploads_in_use_count',
    definition: 'Of the uploads, those used on at least one page.',
    caveats: [],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'upload_usages',
    title: 'Upload usages',
    unit: 'usages',
    kind: 'sum',
    signed: false,
    source: 'courses.upload_usages_count',
    definition: 'Pages, on all wikis, that use an upload, summed over the uploads.',
    caveats: [],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'enrollments',
    title: 'Enrolments',
    unit: 'enrolments',
    kind: 'sum',
    signed: false,
    source: 'courses.user_count',
    definition: 'Enrolments as an editor: one per person and course.',
    caveats: [
      'A person in three courses counts three times; editors counts people.',
      'Not lowered when a participant is removed by hand.',
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'trained_enrollments',
    title: 'Trained enrolments',
    unit: 'enrolments',
    kind: 'sum',
    signed: false,
    source: 'courses.trained_count',
    definition: 'Of the enrolments, those with no overdue training.',
    caveats: ['From a CSV export: the training completion rate times enrolments, rounded.'],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'new_editor_enrollments',
    title: 'New editors’ enrolments',
    unit: 'enrolments',
    kind: 'sum',
    signed: false,
    source: 'courses_users, users.registered_at',
    definition:
      'Of the enrolments, those of people whose account was registered between the start and ' +
      'the end of that course. The Dashboard’s CSV export calls it new_editors.',
    caveats: [
      'A person who is new in two overlapping courses counts twice; new_editors counts people.',
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'mainspace_edits',
    title: 'Mainspace edits',
    unit: 'edits',
    kind: 'sum',
    signed: false,
    source: 'article_course_timeslices, articles.namespace 0',
    definition: 'Edits to tracked pages of the main (article) namespace.',
    caveats: [frozenWhenNotUpdated],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'article_talk_edits',
    title: 'Article talk edits',
    unit: 'edits',
    kind: 'sum',
    signed: false,
    source: 'article_course_timeslices, articles.namespace 1',
    definition: 'Edits to tracked pages of the article talk namespace.',
    caveats: [frozenWhenNotUpdated],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'userspace_edits',
    title: 'Userspace edits',
    unit: 'edits',
    kind: 'sum',
    signed: false,
    source: 'article_course_timeslices, articles.namespace 2',
    definition: 'Edits to tracked pages of the user namespace.',
    caveats: [frozenWhenNotUpdated],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'editors',
    title: 'Editors',
    unit: 'people',
    kind: 'distinct',
    source: 'courses_users, role 0',
    definition: 'Different people enrolled as editors.',
    caveats: [peopleOverlap, needsEnrollments],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'new_editors',
    title: 'New editors',
    unit: 'people',
    kind: 'distinct',
    source: 'courses_users, role 0, users.registered_at',
    definition:
      'Different editors whose account was registered between the start and the end of a ' +
      'course they are in, both ends included.',
    caveats: [
      peopleOverlap,
      needsEnrollments,
      'Somebody whose registration time is unknown is never new.',
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'new_editors_60d',
    title: 'New editors (60 days)',
    unit: 'people',
    kind: 'distinct',
    source: 'courses_users, role 0, users.registered_at',
    definition:
      'As new_editors, but registered from 60 days before the start of the course: the ' +
      'Wikimedia Foundation’s definition.',
    caveats: [
      peopleOverlap,
      needsEnrollments,
      'Somebody whose registration time is unknown is never new.',
    ],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'facilitators',
    title: 'Facilitators',
    unit: 'people',
    kind: 'distinct',
    source: 'courses_users, role 1',
    definition: 'Different people enrolled as facilitators.',
    caveats: [peopleOverlap, needsEnrollments],
    nullable: true,
    sinceVersion: 1,
  },
  {
    name: 'active_facilitators',
    title: 'Active facilitators',
    unit: 'people',
    kind: 'distinct',
    source: 'courses_users, role 1',
    definition: 'Different facilitators of a course under way at the snapshot’s computed_at.',
    caveats: [peopleOverlap, needsEnrollments],
    nullable: true,
    sinceVersion: 1,
  },
  ...wikidataMetrics,
];

function isSum(metric: Metric): metric is SumMetric {
  return metric.kind === 'sum';
}

export function isCourseMetric(metric: Metric): metric is CourseMetric {
  return metric.kind === 'sum' || metric.kind === 'derived';
}

/** Whether values of groups that share no course add up to the value of the whole. */
export function isAdditive(metric: Metric): boolean {
  return metric.kind === 'sum' || metric.kind === 'count';
}

/** The metrics that existed at a definitions version, in the order of publication. */
export function metricsAt(version: number): readonly Metric[] {
  return metrics.filter((metric) => metric.sinceVersion <= version);
}

/** The metrics that a single course has, in the order of its fields and CSV columns. */
export function courseMetricsAt(version: number): readonly CourseMetric[] {
  return metricsAt(version).filter(isCourseMetric);
}

/** The metrics that a source reports for each course, and the store keeps as columns. */
export const sumMetrics: readonly SumMetric[] = metrics.filter(isSum);
