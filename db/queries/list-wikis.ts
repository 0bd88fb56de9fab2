import type { Queryable } from '../connect.ts';

export interface WikiRow {
  readonly wikiId: number;
  /** A domain. */
  readonly wiki: string;
}

/** The wikis of these domains: those that a public course has or had are all there. */
export async function listWikis(sql: Queryable, domains: readonly string[]): Promise<WikiRow[]> {
  return sql<WikiRow[]>`
    select wiki_id as "wikiId", wiki from wikis where wiki = any(${domains}::text[])`;
}
