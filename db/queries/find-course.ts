import type { Queryable } from '../connect.ts';
import { courseRow, courseRowColumns, type CourseRow } from './course-columns.ts';
import { sliceCondition, type RowsAt } from './filters.ts';

/** A course as it is at a snapshot, if it is public and in it. */
export async function findCourse(
  sql: Queryable,
  courseId: number,
  at: RowsAt,
): Promise<CourseRow | undefined> {
  const [row] = await sql<(CourseRow & Record<string, unknown>)[]>`
    select ${courseRowColumns(sql, sql`${at.computedAt}`)} from course_versions v
    where v.course_id = ${courseId} and ${sliceCondition(sql, {}, at)}`;
  return row === undefined ? undefined : courseRow(row);
}
