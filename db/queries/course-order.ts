import { escapeIdentifier, escapeLiteral } from 'pg';
import { metrics, isCourseMetric } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { searchSeparator } from './search-text.ts';

/** What courses can be sorted by; a `-` before it is from the greatest down. */
export const courseSorts: readonly string[] = [
  'course_id',
  'title',
  'start',
  'end',
  'created_at',
  ...metrics.filter(isCourseMetric).map((metric) => metric.name),
];

export interface CourseOrder {
  /** One of `courseSorts`. */
  readonly by: string;
  readonly descending: boolean;
}

/** Where a walk stands: what the last row was sorted by, and its course. */
export interface CoursePosition {
  readonly key: number | string | null;
  readonly courseId: number;
}

/** Characters of a title that are compared: the longest that the Dashboard takes. */
const comparedLetters = 255;

/**
 * What `course_versions v` is sorted by: a whole number, for dates the seconds since 1970,
 * or folded text, compared by code points because locales differ between databases.
 */
export function sortKey(sql: Queryable, order: CourseOrder): Fragment {
  return sql.unsafe(sortKeyText(order));
}

function sortKeyText({ by }: CourseOrder): string {
  switch (by) {
    case 'course_id':
      return 'v.course_id';
    case 'title':
      return `(case when v.title is not null then
        left(split_part(v.search_text, ${escapeLiteral(searchSeparator)}, 1), ${comparedLetters})
        end collate "C")`;
    case 'start':
      return 'extract(epoch from v.start_at)::bigint';
    case 'end':
      return 'extract(epoch from v.end_at)::bigint';
    case 'created_at':
      return 'extract(epoch from v.created_at)::bigint';
  }
  const metric = metrics.find((one) => one.name === by);
  if (metric?.kind === 'sum') return `v.${escapeIdentifier(metric.name)}`;
  if (metric?.kind !== 'derived') throw new Error(`courses are not sorted by ${by}`);
  return `(v.${escapeIdentifier(metric.input)} * ${metric.numerator}::bigint / ${metric.denominator}::bigint)`;
}

/** Nulls come last either way, and courses that are alike by their number. */
export function orderBy(sql: Queryable, order: CourseOrder): Fragment {
  return sql.unsafe(orderByText(order));
}

/** The same as SQL that has no parameters. */
export function orderByText(order: CourseOrder): string {
  if (order.by === 'course_id') return order.descending ? 'v.course_id desc' : 'v.course_id';
  return `${sortKeyText(order)} ${order.descending ? 'desc' : 'asc'} nulls last, v.course_id`;
}

/** The condition of coming after a position. Begins with `and`. */
export function afterPosition(
  sql: Queryable,
  order: CourseOrder,
  position: CoursePosition | undefined,
): Fragment {
  if (position === undefined) return sql``;
  const { courseId } = position;
  if (order.by === 'course_id') {
    return order.descending
      ? sql`and v.course_id < ${courseId}`
      : sql`and v.course_id > ${courseId}`;
  }
  const key = sortKey(sql, order);
  if (position.key === null) return sql`and ${key} is null and v.course_id > ${courseId}`;
  const value =
    typeof position.key === 'string' ? sql`${position.key}::text` : sql`${position.key}::bigint`;
  const beyond = order.descending ? sql`${key} < ${value}` : sql`${key} > ${value}`;
  return sql`and (${beyond} or (${key} = ${value} and v.course_id > ${courseId}) or ${key} is null)`;
}
