import type { Queryable } from '../connect.ts';
import { isKnownCampaign } from './known-campaigns.ts';

export interface KnownNames {
  /** Slugs. */
  readonly campaign: readonly string[];
  /** Domains, tracked or home. */
  readonly wiki: readonly string[];
  /** Domains: these, and those that totals of home wikis were carried over of. */
  readonly home_wiki: readonly string[];
  readonly type: readonly string[];
}

/**
 * Everything that can be filtered by: campaigns, home wikis of totals carried over, and what a course that is still public has
 * or had at any snapshot. Reads every version, so its result is to be kept.
 */
export async function listKnownNames(sql: Queryable): Promise<KnownNames> {
  const [row] = await sql<[KnownNames]>`
    with states as (
      select distinct type, home_wiki, wikis from course_versions
    ), domains (wiki) as (
      select home_wiki from states where home_wiki is not null
      union select unnest(wikis) from states
    )
    select
      array(select distinct c.slug from campaigns c where ${isKnownCampaign(sql)}) as campaign,
      array(select wiki from domains) as wiki,
      array(select wiki from domains union
        select g.key from snapshots s join snapshot_groups g using (snapshot_id)
        where not s.has_course_rows and g.dimension = 'home_wiki') as home_wiki,
      array(select distinct type from states where type is not null) as type`;
  return row;
}

/** Which of the slugs are of no campaign. */
export async function findUnknownCampaigns(
  sql: Queryable,
  slugs: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ slug: string }[]>`
    select slug from unnest(${slugs}::text[]) as asked (slug)
    where not exists (
      select from campaigns c where c.slug = asked.slug and ${isKnownCampaign(sql)})`;
  return rows.map((row) => row.slug);
}
