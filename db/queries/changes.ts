import type { Queryable, TransactionSql } from '../connect.ts';
import { stateOf } from './course-state.ts';

export interface Changes {
  /** Public courses at the source. */
  readonly staged: number;
  /** Of these, those that were read whole. */
  readonly reread: number;
  readonly added: number;
  readonly changed: number;
  /** Still at the source, not public any more. */
  readonly hidden: number;
}

/**
 * Compares the staged courses with the current versions and keeps the difference in the
 * session's table `course_changes` (course_id, change), for the statements that write it.
 */
export async function findChanges(sql: Queryable): Promise<Changes> {
  await sql`drop table if exists course_changes`;
  await sql`
    create temporary table course_changes as
    select course_id,
      case
        when v.is_there is null then 'added'
        when s.is_there is not null then 'changed'
        when exists (select from staged_hidden h where h.course_id = v.course_id) then 'hidden'
        else 'disappeared'
      end as change
    from (select *, true as is_there from staged_courses) s
    full join (select *, true as is_there from course_versions where valid_to is null) v
      using (course_id)
    where s.is_there is null or v.is_there is null
      or (${stateOf(sql, 's')}) is distinct from (${stateOf(sql, 'v')})`;
  await sql`analyze course_changes`;
  const [row] = await sql<[Changes]>`
    select staged, reread, added, changed, hidden
    from (
      select count(*) as staged, count(*) filter (where keeps is null) as reread
      from staged_courses
    ) staged, (
      select count(*) filter (where change = 'added') as added,
        count(*) filter (where change = 'changed') as changed,
        count(*) filter (where change = 'hidden') as hidden
      from course_changes
    ) changes`;
  return row;
}

/**
 * Whether the store has had nothing yet, neither snapshots nor courses, and nobody else is at the
 * table of versions, as who makes a dump is. If so, the table is this transaction's alone until it
 * ends; nobody is waited for.
 */
export async function claimUntouched(tx: TransactionSql): Promise<boolean> {
  const [{ empty }] = await tx<[{ empty: boolean }]>`
    select not exists (select from snapshots) and not exists (select from course_versions)
      and not exists (select from withdrawn_courses) as empty`;
  if (!empty) return false;
  try {
    await tx.savepoint((inner) => inner`lock table course_versions nowait`);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === lockNotAvailable) return false;
    throw error;
  }
}

const lockNotAvailable = '55P03';

/** The changes where the store is untouched: all is new, and nothing of it kept from before. */
export async function countFirstCourses(sql: Queryable): Promise<Changes> {
  const [{ staged }] = await sql<[{ staged: number }]>`
    select count(*) as staged from staged_courses`;
  return { staged, reread: staged, added: staged, changed: 0, hidden: 0 };
}
