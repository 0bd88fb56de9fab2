import type { Queryable } from '../connect.ts';

/** `known` at the snapshot; `later` where the campaign is newer; `unknown` otherwise. */
export type CampaignStanding = 'known' | 'later' | 'unknown';

export async function findCampaignStanding(
  sql: Queryable,
  slug: string,
  snapshotId: number,
): Promise<CampaignStanding> {
  const [row] = await sql<[{ first: number | null }]>`
    select min(first_snapshot_id) as first from campaigns where slug = ${slug}`;
  if (row.first === null) return 'unknown';
  return row.first <= snapshotId ? 'known' : 'later';
}
