import type { Queryable } from '../connect.ts';
import { isKnownCampaign } from './known-campaigns.ts';

/**
 * `known` at the snapshot; `later` where the campaign is newer; `gone` where it is not at the
 * source any more and no course of the snapshot has it; `unknown` otherwise.
 */
export type CampaignStanding = 'known' | 'later' | 'gone' | 'unknown';

export async function findCampaignStanding(
  sql: Queryable,
  slug: string,
  snapshotId: number,
): Promise<CampaignStanding> {
  const [row] = await sql<[{ standing: CampaignStanding }]>`
    with named as (
      select c.is_gone, c.first_snapshot_id,
        c.first_snapshot_id <= ${snapshotId} and ${isKnownCampaign(sql, snapshotId)} as is_listed
      from campaigns c where c.slug = ${slug} and ${isKnownCampaign(sql)}
    )
    select case
      when bool_or(is_listed) then 'known'
      when bool_or(first_snapshot_id > ${snapshotId}) then 'later'
      when bool_or(is_gone) then 'gone'
      else 'unknown' end as standing
    from named`;
  return row.standing;
}
