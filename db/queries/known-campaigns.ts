import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';

/**
 * Of `campaigns c`, those that may be named: what is at the source, and of what is gone what a
 * course that is still public has or had, at any snapshot or at the given one.
 */
export function isKnownCampaign(sql: Queryable, snapshotId?: number): Fragment {
  const valid =
    snapshotId === undefined
      ? sql``
      : sql`and v.valid_from <= ${snapshotId} and (v.valid_to is null or v.valid_to > ${snapshotId})`;
  return sql`(not c.is_gone or exists (
    select from course_versions v where v.campaign_ids @> array[c.campaign_id] ${valid}))`;
}

/** The order in which one of the campaigns that share a slug is chosen to describe them. */
export function firstOfSlug(sql: Queryable): Fragment {
  return sql`c.slug, c.is_gone, c.campaign_id`;
}
