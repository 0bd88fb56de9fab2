import type { Queryable } from '../connect.ts';
import type { StoredTotals } from './compute-totals.ts';
import { countPeople, peopleGroup } from './count-people.ts';
import type { RowsAt } from './filters.ts';

/**
 * Counts of people by tracked wiki or campaign: as they were published, or of the newest
 * snapshot, where a slug has changed hands since, counted anew. Of an earlier snapshot
 * nobody knows then: such a key is left out of `knows`.
 */
export interface PeopleGroups {
  /** By key; a group without people or courses may be missing. */
  readonly counted: ReadonlyMap<string, StoredTotals>;
  knows(key: string): boolean;
}

export async function readPeopleGroups(
  sql: Queryable,
  dimension: 'wiki' | 'campaign',
  at: RowsAt,
): Promise<PeopleGroups> {
  const changed = await sql<{ slug: string }[]>`
    select distinct slug from campaign_slug_changes
    where ${dimension === 'campaign'} and snapshot_id > ${at.snapshotId}`;
  if (changed.length > 0 && at.isLatest) {
    const groups = await countPeople(sql, dimension, at.computedAt);
    return { counted: byKey(groups.map(peopleGroup)), knows: () => true };
  }
  const published = await sql<Group[]>`
    select key, totals, coverage from snapshot_groups
    where snapshot_id = ${at.snapshotId} and dimension = ${dimension}`;
  const unknown = new Set(changed.map((row) => row.slug));
  return { counted: byKey(published), knows: (key) => !unknown.has(key) };
}

interface Group extends StoredTotals {
  readonly key: string | null;
}

function byKey(groups: readonly Group[]): Map<string, StoredTotals> {
  return new Map(
    groups.flatMap(({ key, totals, coverage }) =>
      key === null ? [] : [[key, { totals, coverage }]],
    ),
  );
}
