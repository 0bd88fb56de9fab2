import type { Queryable } from '../connect.ts';

/** `public` at some snapshot; `withdrawn` and not erased yet; `unknown` otherwise. */
export type CourseStanding = 'public' | 'withdrawn' | 'unknown';

/** What is known of a course whatever the snapshot. */
export async function findCourseStanding(
  sql: Queryable,
  courseId: number,
): Promise<CourseStanding> {
  const [row] = await sql<[{ standing: CourseStanding }]>`
    select case
      when exists (select from course_versions where course_id = ${courseId}) then 'public'
      when exists (select from withdrawn_courses where course_id = ${courseId}) then 'withdrawn'
      else 'unknown' end as standing`;
  return row.standing;
}
