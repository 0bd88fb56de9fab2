import type { Queryable } from '../connect.ts';
import { eraseWithdrawn } from './withdrawals.ts';

/** What a course was when it was to be erased. */
export type PurgedStanding = 'withdrawn' | 'public' | 'unknown';

/**
 * Erases one withdrawn course for good, whatever is left of its grace; no other is touched.
 * In a transaction.
 */
export async function purgeCourse(sql: Queryable, courseId: number): Promise<PurgedStanding> {
  if ((await eraseWithdrawn(sql, sql`course_id = ${courseId}::bigint`)) > 0) return 'withdrawn';
  const { count } = await sql`
    select from course_versions where course_id = ${courseId}::bigint limit 1`;
  return count > 0 ? 'public' : 'unknown';
}
