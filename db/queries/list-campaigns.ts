import type { Queryable } from '../connect.ts';

export interface CampaignRow {
  /** Of those that share the slug, the first one's. */
  readonly campaignId: number;
  readonly slug: string;
  readonly title: string;
  readonly description: string | null;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly createdAt: Date | null;
}

/**
 * The campaigns known at a snapshot, under their names of today, by slug. Those that share
 * a slug are one, described as the first of them was made.
 */
export async function listCampaigns(sql: Queryable, snapshotId: number): Promise<CampaignRow[]> {
  return sql<CampaignRow[]>`
    select distinct on (slug) campaign_id as "campaignId", slug, title, description, start_at as start, end_at as end,
      created_at as "createdAt"
    from campaigns where first_snapshot_id <= ${snapshotId}
    order by slug, campaign_id`;
}
