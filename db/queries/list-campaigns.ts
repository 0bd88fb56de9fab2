import type { Queryable } from '../connect.ts';
import { firstOfSlug, isKnownCampaign } from './known-campaigns.ts';

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
 * The campaigns known at a snapshot, under their names of today, by slug; of those that are
 * gone at the source, those that its public courses have. Campaigns that share a slug are one,
 * described as the first of them was made, of those that are still there if any is.
 */
export async function listCampaigns(sql: Queryable, snapshotId: number): Promise<CampaignRow[]> {
  return sql<CampaignRow[]>`
    select distinct on (c.slug) c.campaign_id as "campaignId", c.slug, c.title, c.description,
      c.start_at as start, c.end_at as end, c.created_at as "createdAt"
    from campaigns c
    where c.first_snapshot_id <= ${snapshotId} and ${isKnownCampaign(sql, snapshotId)}
    order by ${firstOfSlug(sql)}`;
}
