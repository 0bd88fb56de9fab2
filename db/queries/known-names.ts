import type { Queryable } from '../connect.ts';
import { isKnownCampaign } from './known-campaigns.ts';

export interface KnownNames {
  /** Slugs. */
  readonly campaign: readonly string[];
  /** Domains, tracked or home; those that most courses track first. */
  readonly wiki: readonly string[];
  /** Domains: these, and those that totals of home wikis were carried over of. */
  readonly home_wiki: readonly string[];
  readonly type: readonly string[];
}

/**
 * Everything that can be filtered by: campaigns, wikis, home wikis of totals carried over, and
 * the types that a course that is still public has or had at any snapshot. Reads every version,
 * so its result is to be kept.
 */
export async function listKnownNames(sql: Queryable): Promise<KnownNames> {
  const [row] = await sql<[KnownNames]>`
    with states as (
      select distinct type from course_versions where type is not null
    ), tracked as (
      select unnest(wikis) as wiki, count(*) as courses from course_versions
      where valid_to is null group by 1
    ), domains as (
      select wiki, courses from wikis left join tracked using (wiki)
    )
    select
      array(select distinct c.slug from campaigns c where ${isKnownCampaign(sql)}) as campaign,
      array(select wiki from domains
        order by courses desc nulls last, wiki collate "C") as wiki,
      array(select wiki from (
          select wiki, courses from domains
          union all
          select distinct g.key, null::bigint
          from snapshots s join snapshot_groups g using (snapshot_id)
          where not s.has_course_rows and g.dimension = 'home_wiki' and g.key is not null
            and not exists (select from wikis w where w.wiki = g.key)
        ) home
        order by courses desc nulls last, wiki collate "C") as home_wiki,
      array(select type from states) as type`;
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

/** Which of the domains are of no wiki. */
export async function findUnknownWikis(
  sql: Queryable,
  domains: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ wiki: string }[]>`
    select wiki from unnest(${domains}::text[]) as asked (wiki)
    where not exists (select from wikis w where w.wiki = asked.wiki)`;
  return rows.map((row) => row.wiki);
}
