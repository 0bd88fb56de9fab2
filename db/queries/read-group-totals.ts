import { isAdditive, metrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { computeGroupTotals } from './compute-group-totals.ts';
import type { StoredTotals } from './compute-totals.ts';
import { peopleMetrics } from './count-people.ts';
import type { RowsAt } from './filters.ts';
import { readPeopleGroups } from './read-people-groups.ts';
import { findWithdrawnSince } from './withdrawn-since.ts';

/** Of a group without courses: sums over nothing are 0. */
const none = zeros(metrics.filter(isAdditive).map((metric) => metric.name));
const nobody = zeros(peopleMetrics);

function zeros(names: readonly string[]): StoredTotals {
  const values = Object.fromEntries(names.map((name) => [name, 0]));
  return { totals: values, coverage: values };
}

export interface GroupTotals {
  readonly withdrawnSince: number;
  /** The keys of the groups that have courses. */
  readonly keys: readonly string[];
  /** A group's totals; a key that is of no course has none. */
  of(key: string): StoredTotals;
}

/**
 * Totals of every tracked wiki or campaign at a snapshot: from its rows, and counts of
 * people as they were published, where they are still those of the same courses. In a
 * transaction that sees one state of the store.
 */
export async function readGroupTotals(
  sql: Queryable,
  dimension: 'wiki' | 'campaign',
  at: RowsAt,
  countsPeople: boolean,
): Promise<GroupTotals> {
  const computed = await computeGroupTotals(sql, dimension, at);
  computed.delete(null);
  const withdrawnSince = await findWithdrawnSince(sql, at.snapshotId);
  const people = await readPeopleGroups(sql, dimension, at);
  const known = (key: string) => countsPeople && withdrawnSince === 0 && people.knows(key);
  return {
    withdrawnSince,
    keys: [...computed.keys()].filter((key) => key !== null),
    of(key) {
      const rows = computed.get(key) ?? none;
      const counted = known(key) ? (people.counted.get(key) ?? nobody) : undefined;
      return {
        totals: { ...rows.totals, ...counted?.totals },
        coverage: { ...rows.coverage, ...counted?.coverage },
      };
    },
  };
}
