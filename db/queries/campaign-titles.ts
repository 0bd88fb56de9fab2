import type { Queryable } from '../connect.ts';

/** By slug; of campaigns that share one, the title of the first that was made. */
export async function readCampaignTitles(
  sql: Queryable,
  slugs: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql<{ slug: string; title: string }[]>`
    select distinct on (slug) slug, title from campaigns where slug = any(${slugs}::text[])
    order by slug, campaign_id`;
  return new Map(rows.map((row) => [row.slug, row.title]));
}
