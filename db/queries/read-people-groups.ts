import type { Queryable } from '../connect.ts';
import type { StoredTotals } from './compute-totals.ts';

export interface PeopleGroups {
  /** By key: the counts of people as they were published. */
  readonly counted: ReadonlyMap<string, StoredTotals>;
  /** Keys that stand for other courses now than then, so that nobody knows. */
  readonly changed: ReadonlySet<string>;
}

/** The published counts of people by tracked wiki or campaign. */
export async function readPeopleGroups(
  sql: Queryable,
  snapshotId: number,
  dimension: 'wiki' | 'campaign',
): Promise<PeopleGroups> {
  const counted = await sql<({ key: string } & StoredTotals)[]>`
    select key, totals, coverage from snapshot_groups
    where snapshot_id = ${snapshotId} and dimension = ${dimension} and key is not null`;
  const changed = await sql<{ slug: string }[]>`
    select distinct slug from campaign_slug_changes
    where ${dimension === 'campaign'} and snapshot_id > ${snapshotId}`;
  return {
    counted: new Map(counted.map(({ key, totals, coverage }) => [key, { totals, coverage }])),
    changed: new Set(changed.map((row) => row.slug)),
  };
}
