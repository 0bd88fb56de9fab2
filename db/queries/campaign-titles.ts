import type { Queryable } from '../connect.ts';
import { firstOfSlug, isKnownCampaign } from './known-campaigns.ts';

/** By slug; of campaigns that share one, the title of the one that describes them. */
export async function readCampaignTitles(
  sql: Queryable,
  slugs: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql<{ slug: string; title: string }[]>`
    select distinct on (c.slug) c.slug, c.title from campaigns c
    where c.slug = any(${slugs}::text[]) and ${isKnownCampaign(sql)}
    order by ${firstOfSlug(sql)}`;
  return new Map(rows.map((row) => [row.slug, row.title]));
}
