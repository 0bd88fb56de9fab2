import type { Queryable } from '../connect.ts';
import { selectionCondition, type CourseSelection } from './course-selection.ts';
import type { RowsAt } from './filters.ts';

/** How many courses are selected at a snapshot. */
export async function countCourses(
  sql: Queryable,
  selection: CourseSelection,
  at: RowsAt,
): Promise<number> {
  const [row] = await sql<[{ courses: number }]>`
    select count(*) as courses from course_versions v
    where ${selectionCondition(sql, selection, at)}`;
  return row.courses;
}
