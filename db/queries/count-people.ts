import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { dimensions, groupJoin, type Dimension } from './dimensions.ts';
import { withoutWorkers } from './without-workers.ts';
import { writeGroups } from './write-groups.ts';

/** People of one group; `key` is null for the courses that have none. */
export interface PeopleCounts {
  readonly key: string | null;
  readonly editors: number;
  readonly new_editors: number;
  readonly new_editors_60d: number;
  readonly facilitators: number;
  readonly active_facilitators: number;
}

export interface PeopleRow extends PeopleCounts {
  readonly courses: number;
}

export const peopleMetrics = [
  'editors',
  'new_editors',
  'new_editors_60d',
  'facilitators',
  'active_facilitators',
] as const;

/** Distinct people over the current versions: of the whole (dimension '') or of each group. */
export async function countPeople(
  sql: Queryable,
  dimension: Dimension | '',
  computedAt: Date,
): Promise<PeopleRow[]> {
  return sql<PeopleRow[]>`
    with members as (${members(sql, dimension, computedAt, sql`v.valid_to is null`)}),
    ${counted(sql, sql`members`)},
    sizes as (
      select key, count(*) as courses from members group by key
    )
    select s.key, s.courses,
      coalesce(editors, 0) as editors,
      coalesce(new_editors, 0) as new_editors,
      coalesce(new_editors_60d, 0) as new_editors_60d,
      coalesce(facilitators, 0) as facilitators,
      coalesce(active_facilitators, 0) as active_facilitators
    from sizes s left join counted c on c.key is not distinct from s.key`;
}

/**
 * The same over the courses of a slice of the newest snapshot, a condition on
 * `course_versions v`. Groups without people are left out, and courses not counted: so they
 * are read once, in the order that the database likes. In a transaction.
 */
export async function countSlicePeople(
  sql: Queryable,
  dimension: Dimension | '',
  computedAt: Date,
  slice: Fragment,
): Promise<PeopleCounts[]> {
  // Nearly every row is a person of its own: handing them over between workers takes twice the
  // work of folding them in one, and longer.
  await withoutWorkers(sql);
  return sql<PeopleCounts[]>`
    with ${counted(sql, sql`(${members(sql, dimension, computedAt, slice)})`)}
    select * from counted`;
}

function members(
  sql: Queryable,
  dimension: Dimension | '',
  computedAt: Date,
  condition: Fragment,
): Fragment {
  const groups =
    dimension === ''
      ? sql`cross join (select null::text as key) g`
      : groupJoin(sql, dimension, computedAt);
  return sql`
    select g.key, v.course_id,
      course_status(v.start_at, v.end_at, ${computedAt}) = 'current' as active
    from course_versions v ${groups}
    where ${condition}`;
}

/** Each person is folded to one row a group first, so that counting needs no sort. */
function counted(sql: Queryable, members: Fragment): Fragment {
  return sql`people as (
      select m.key, e.person_key,
        bool_or(e.role = 0) as editor,
        bool_or(e.role = 0 and e.new_editor) as new_editor,
        bool_or(e.role = 0 and e.new_editor_60d) as new_editor_60d,
        bool_or(e.role = 1) as facilitator,
        bool_or(e.role = 1 and m.active) as active_facilitator
      from ${members} m join enrollments e using (course_id)
      group by m.key, e.person_key
    ), counted as (
      select key,
        count(*) filter (where editor) as editors,
        count(*) filter (where new_editor) as new_editors,
        count(*) filter (where new_editor_60d) as new_editors_60d,
        count(*) filter (where facilitator) as facilitators,
        count(*) filter (where active_facilitator) as active_facilitators
      from people group by key
    )`;
}

/** A group's counts as totals with their coverage: the people of every course are known. */
function peopleGroup({ key, courses, ...people }: PeopleRow) {
  return {
    key,
    totals: { ...people },
    coverage: Object.fromEntries(peopleMetrics.map((name) => [name, courses])),
  };
}

/** Keeps the counts of people of a snapshot, of every group of every dimension. */
export async function writePeopleGroups(
  sql: Queryable,
  snapshotId: number,
  computedAt: Date,
): Promise<void> {
  for (const dimension of dimensions) {
    const groups = await countPeople(sql, dimension, computedAt);
    await writeGroups(sql, snapshotId, dimension, groups.map(peopleGroup));
  }
}
