import { sumMetrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { identifiers, type Fragment } from '../fragments.ts';

/** A course's state as it is stored, by the names of the columns and of the metrics. */
export interface CourseRow {
  readonly courseId: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  /** Slugs, in no order; one that several of its campaigns share comes several times. */
  readonly campaigns: readonly string[];
  readonly start: Date | null;
  readonly end: Date | null;
  readonly createdAt: Date | null;
  readonly status: string;
  readonly newOrReturning: string;
  readonly urlPath: string | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** A row of `courseRowColumns`. */
export type FlatCourseRow = Omit<CourseRow, 'metrics'> & Readonly<Record<string, unknown>>;

/** The columns of a course from `course_versions v`, its status as of the moment `at`. */
export function courseRowColumns(sql: Queryable, at: Fragment): Fragment {
  return sql`v.course_id as "courseId", v.slug, v.title, v.institution, v.term, v.type,
    v.home_wiki as "homeWiki", v.wikis,
    array(select c.slug from campaigns c where c.campaign_id = any(v.campaign_ids)) as campaigns,
    v.start_at as start, v.end_at as end, v.created_at as "createdAt",
    course_status(v.start_at, v.end_at, ${at}) as status,
    v.new_or_returning as "newOrReturning", v.url_path as "urlPath",
    ${identifiers(
      sql,
      sumMetrics.map((metric) => `v.${metric.name}`),
    )}`;
}

/** Puts the metrics of a row of `courseRowColumns` together. */
export function courseRow(row: FlatCourseRow): CourseRow {
  const metrics: Record<string, number | null> = {};
  for (const { name } of sumMetrics) metrics[name] = row[name] as number | null;
  return {
    courseId: row.courseId,
    slug: row.slug,
    title: row.title,
    institution: row.institution,
    term: row.term,
    type: row.type,
    homeWiki: row.homeWiki,
    wikis: row.wikis,
    campaigns: row.campaigns,
    start: row.start,
    end: row.end,
    createdAt: row.createdAt,
    status: row.status,
    newOrReturning: row.newOrReturning,
    urlPath: row.urlPath,
    metrics,
  };
}
