import { parseDocument } from 'yaml';
import { text } from './cells.ts';
import type { Warnings } from './warnings.ts';

/** By metric name; null is not collected. */
type Values = Readonly<Record<string, number | null>>;

/** The keys of a wiki's entry. The Dashboard's first release wrote the 60-day count as `new_editors`. */
const metricOfKey: Readonly<Record<string, string>> = {
  edits: 'edits',
  programs: 'courses',
  articles_created: 'articles_created',
  new_editors_with_preregistration: 'new_editors_60d',
  new_editors: 'new_editors_60d',
};

/**
 * A `system_stats.wiki_stats`: a hash in Ruby's YAML, from the domain of a home wiki to its
 * totals. None where there is none, and with a warning where it cannot be read.
 */
export function homeWikiTotals(yaml: string, warnings: Warnings): ReadonlyMap<string, Values> {
  const wikis = parsed(yaml);
  const totals = new Map<string, Values>();
  if (wikis === undefined) {
    warnings.add('Unreadable YAML in system_stats, taken for none');
    return totals;
  }
  for (const [domain, entry] of wikis) {
    const wiki = typeof domain === 'string' ? text(domain, warnings) : null;
    if (wiki === null || wiki === '' || totals.has(wiki) || !(entry instanceof Map)) {
      warnings.add('Entries of wiki_stats that are no totals of a wiki, left out');
    } else {
      totals.set(wiki, valuesOf(entry, warnings));
    }
  }
  return totals;
}

function valuesOf(entry: ReadonlyMap<unknown, unknown>, warnings: Warnings): Values {
  const values: Record<string, number | null> = {};
  for (const [key, value] of entry) {
    const metric = typeof key === 'string' ? metricOfKey[key] : undefined;
    if (metric === undefined) continue;
    const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    if (!isCount) warnings.add('Numbers of wiki_stats that are no counts, read as null');
    values[metric] = isCount ? value : null;
  }
  return values;
}

/** Undefined for what is not a hash. */
function parsed(yaml: string): ReadonlyMap<unknown, unknown> | undefined {
  let hash: unknown;
  try {
    const document = parseDocument(yaml, { prettyErrors: false, logLevel: 'error' });
    if (document.errors.length > 0) return undefined;
    hash = document.toJS({ mapAsMap: true, maxAliasCount: 100 });
  } catch {
    // What no document can be made of is counted like any other unreadable text.
    return undefined;
  }
  if (hash === null) return new Map();
  return hash instanceof Map ? hash : undefined;
}
