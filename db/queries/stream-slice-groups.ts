import type { Queryable } from '../connect.ts';
import { splitTotals, totalsColumns } from './compute-totals.ts';
import { groupJoin, type Dimension } from './dimensions.ts';
import { sliceCondition } from './filters.ts';
import { countsPeople, readSlicePeople } from './slice-people.ts';
import {
  readSliceTotals,
  withPeople,
  type SliceGroup,
  type SliceQuestion,
} from './slice-totals.ts';
import { readCarriedGroups } from './carried-groups.ts';
import { findWithdrawnSince } from './withdrawn-since.ts';

type GroupedSlice = SliceQuestion & { readonly dimension: Dimension };

/** How many groups `streamSliceGroups` gives. */
export async function countSliceGroups(sql: Queryable, question: GroupedSlice): Promise<number> {
  const { dimension, filters, snapshot, at } = question;
  if (!snapshot.hasCourseRows) {
    const carried = await readCarriedGroups(sql, [snapshot.snapshotId], filters.home_wiki);
    return carried.get(snapshot.snapshotId)?.size ?? 0;
  }
  const [row] = await sql<[{ groups: number }]>`
    select count(*) as groups from (
      select from course_versions v ${groupJoin(sql, dimension, at.computedAt)}
      where ${sliceCondition(sql, filters, at)}
      group by g.key) groups`;
  return row.groups;
}

/** Groups fetched at once: some milliseconds of work. */
const groupsAtOnce = 200;

/**
 * The groups of `readSliceTotals` in its order, so many at once; of those to come only their
 * people are in memory, five numbers a group. In a transaction in which others may ask
 * meanwhile, one at a time.
 */
export async function* streamSliceGroups(
  tx: Queryable,
  question: GroupedSlice,
): AsyncGenerator<readonly SliceGroup[]> {
  const { snapshot, dimension, filters, at } = question;
  if (!snapshot.hasCourseRows) {
    const { groups } = await readSliceTotals(tx, question);
    yield groups ?? [];
    return;
  }
  const withdrawnSince = await findWithdrawnSince(tx, at.snapshotId);
  const peopleAreKnown = countsPeople(snapshot.totals) && withdrawnSince === 0;
  const people = peopleAreKnown ? await readSlicePeople(tx, question) : undefined;
  await tx`
    declare slice_groups no scroll cursor for
    select * from (
      select g.key, ${totalsColumns(tx, at.computedAt)}
      from course_versions v ${groupJoin(tx, dimension, at.computedAt)}
      where ${sliceCondition(tx, filters, at)}
      group by g.key
    ) groups order by edits desc nulls last, key collate "C" nulls last`;
  for (;;) {
    const rows = await tx.unsafe<GroupRow[]>(`fetch ${groupsAtOnce} from slice_groups`);
    if (rows.length === 0) break;
    yield rows.map(({ key, ...totals }) => ({
      key,
      ...withPeople(splitTotals(totals), peopleAreKnown, people?.ofGroup(key)),
    }));
  }
  await tx`close slice_groups`;
}

type GroupRow = { readonly key: string | null } & Readonly<Record<string, number | null>>;
