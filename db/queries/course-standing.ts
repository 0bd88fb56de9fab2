import type { Queryable } from '../connect.ts';
import { graceBegan } from './withdrawals.ts';

/** `public` at some snapshot; `withdrawn` and within its grace; `unknown` otherwise. */
export type CourseStanding = 'public' | 'withdrawn' | 'unknown';

/** What is known of a course whatever the snapshot. */
export async function findCourseStanding(
  sql: Queryable,
  courseId: number,
  now: Date,
): Promise<CourseStanding> {
  const [row] = await sql<[{ standing: CourseStanding }]>`
    select case
      when exists (select from course_versions where course_id = ${courseId}) then 'public'
      when exists (
        select from withdrawn_courses
        where course_id = ${courseId} and withdrawn_at >= ${graceBegan(now)}) then 'withdrawn'
      else 'unknown' end as standing`;
  return row.standing;
}
