import { key, text, type Cell } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import type { Warnings } from './warnings.ts';

/** The domain of every row of `wikis`, by id; null for a row that names no wiki. */
export type WikiDomains = ReadonlyMap<number, string | null>;

/** The whole table: a few hundred rows. */
export async function readWikis(
  database: DashboardConnection,
  warnings: Warnings,
): Promise<WikiDomains> {
  const domains = new Map<number, string | null>();
  const seen = new Set<string>();
  const rows = await database.rows(
    ['id', 'language', 'project'],
    'select id, language, project from wikis order by id',
  );
  for (const row of rows) {
    const domain = wikiDomain(text(row.language, warnings), text(row.project, warnings));
    domains.set(key(row.id), domain);
    if (domain === null) warnings.add('Wikis of no known domain, left out');
    else if (seen.has(domain)) warnings.add('Duplicate wikis, taken for one');
    else seen.add(domain);
  }
  return domains;
}

/** Wikis without a language have a domain of their own, or none. */
const multilingual: ReadonlyMap<Cell, string> = new Map([
  ['wikidata', 'www.wikidata.org'],
  ['wikisource', 'wikisource.org'],
]);

export function wikiDomain(language: Cell, project: Cell): string | null {
  if (project === null || project === '') return null;
  if (language === null || language === '') return multilingual.get(project) ?? null;
  return `${language}.${project}.org`;
}
