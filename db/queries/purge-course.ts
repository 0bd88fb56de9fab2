import type { Queryable } from '../connect.ts';

/** What a course was when it was to be erased. */
export type PurgedStanding = 'withdrawn' | 'public' | 'unknown';

/** Erases one withdrawn course for good, whatever is left of its grace; no other is touched. */
export async function purgeCourse(sql: Queryable, courseId: number): Promise<PurgedStanding> {
  const [row] = await sql<[{ standing: PurgedStanding }]>`
    with erased as (
      delete from withdrawn_courses where course_id = ${courseId}::bigint returning course_id
    ), rows as (
      delete from withdrawn_course_versions v using erased where v.course_id = erased.course_id
    )
    select case
      when exists (select from erased) then 'withdrawn'
      when exists (select from course_versions where course_id = ${courseId}::bigint) then 'public'
      else 'unknown' end as standing`;
  return row.standing;
}
