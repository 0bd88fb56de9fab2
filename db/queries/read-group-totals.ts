import type { Queryable } from '../connect.ts';
import { noCourses } from './compute-totals.ts';
import type { RowsAt } from './filters.ts';
import type { SliceValues } from './published-people.ts';
import { countsPeople } from './slice-people.ts';
import { readSliceTotals, withPeople } from './slice-totals.ts';
import type { SnapshotRow } from './snapshots.ts';

export interface GroupTotals {
  readonly withdrawnSince: number;
  /** The keys of the groups that have courses. */
  readonly keys: readonly string[];
  /** A group's totals; a key that is of no course has none. */
  of(key: string): SliceValues;
}

/**
 * Totals of every tracked wiki or campaign at a snapshot, as they are in its totals grouped by
 * the dimension. In a transaction that sees one state of the store.
 */
export async function readGroupTotals(
  sql: Queryable,
  dimension: 'wiki' | 'campaign',
  snapshot: SnapshotRow,
  at: RowsAt,
): Promise<GroupTotals> {
  const question = { filters: {}, dimension, snapshot, at };
  const { withdrawnSince, groups } = await readSliceTotals(sql, question);
  const named = (groups ?? []).flatMap(({ key, ...values }) =>
    key === null ? [] : [[key, values] as const],
  );
  const byKey = new Map<string, SliceValues>(named);
  const peopleAreKnown = countsPeople(snapshot.totals) && withdrawnSince === 0;
  const empty = withPeople(noCourses, peopleAreKnown, undefined);
  return {
    withdrawnSince,
    keys: [...byKey.keys()],
    of: (key) => byKey.get(key) ?? empty,
  };
}
