import { courseMetricsAt } from '../metrics/registry.ts';
import type { CsvField } from './records.ts';

/**
 * The columns of `/v1/courses.csv`, which are the fields of a course in their order. Those
 * of `head` are quoted once, when a course's version is written, and stored beside it;
 * status, new_or_returning and url are put in when it is asked for.
 */
const courseHeadColumns = [
  'course_id',
  'slug',
  'title',
  'institution',
  'term',
  'type',
  'home_wiki',
  'wikis',
  'campaigns',
  'start',
  'end',
  'created_at',
] as const;

export function courseColumns(definitionsVersion: number): string[] {
  return [
    ...courseHeadColumns,
    'status',
    'new_or_returning',
    'url',
    ...courseMetricsAt(definitionsVersion).map((metric) => metric.name),
  ];
}

/** What the head of a course's line holds; times are RFC 3339 UTC. */
export interface CourseHead {
  readonly courseId: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly string[];
  readonly start: string | null;
  readonly end: string | null;
  readonly createdAt: string | null;
}

export function courseHeadFields(course: CourseHead): CsvField[] {
  return [
    course.courseId,
    course.slug,
    course.title,
    course.institution,
    course.term,
    course.type,
    course.homeWiki,
    course.wikis,
    course.campaigns,
    course.start,
    course.end,
    course.createdAt,
  ];
}

/** What `encodeURIComponent` leaves as it is, and the slashes of a path. */
const unreserved = /^[\w.!~*'()/-]+$/;

/**
 * The path of a course's page below the Dashboard's address; needs no CSV quoting. A course
 * without a slug has no page.
 */
export function courseUrlPath(slug: string | null): string | null {
  if (slug === null || slug === '') return null;
  // Most slugs have nothing to encode, and a test is cheaper.
  if (unreserved.test(slug)) return `/courses/${slug}`;
  return `/courses/${slug.split('/').map(encodeURIComponent).join('/')}`;
}
