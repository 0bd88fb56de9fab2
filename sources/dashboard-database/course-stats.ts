import { parseDocument } from 'yaml';
import { wikidataMetricOf } from '../../metrics/wikidata.ts';
import { count } from './cells.ts';
import type { Warnings } from './warnings.ts';

const wikidata = 'www.wikidata.org';

type Values = Record<string, number | null>;

/**
 * The Wikidata metrics in a `course_stats.stats_hash`: YAML as Ruby writes it, of at most
 * 64 kB. None for a course without such statistics; a label it lacks was not collected.
 */
export function wikidataValues(yaml: string, warnings: Warnings): Values {
  const labels = plainLabels(yaml) ?? parsedLabels(yaml);
  if (labels === 'unreadable') {
    warnings.add('Unreadable YAML in course_stats, taken for none');
    return {};
  }
  const values: Values = {};
  for (const [label, value] of labels) {
    const name = typeof label === 'string' ? wikidataMetricOf(label) : undefined;
    if (name === undefined) {
      warnings.addNamed('Unknown Wikidata labels, left out', String(label));
    } else if (typeof value === 'number' && Number.isSafeInteger(value)) {
      const before = values[name];
      // Labels that fold into one metric can come to more than each of them.
      values[name] = before === null ? null : count((before ?? 0) + value, warnings);
    } else if (value !== null) {
      warnings.add('Wikidata statistics that are no whole number, read as null');
    }
  }
  return values;
}

const plainSection = /^([\w.-]+):$/;
const plainEntry = /^ {2}(:?\w[\w ]*): (0|-?[1-9]\d{0,14})$/;

/**
 * Reads what Ruby writes for sections of whole numbers, line by line: a hundred times
 * faster than all of YAML, of which a sync meets tens of thousands. `undefined` for a text
 * with a line of any other kind.
 */
function plainLabels(yaml: string): Map<string, number> | undefined {
  const labels = new Map<string, number>();
  const sections = new Set<string>();
  let section: string | undefined;
  for (const line of yaml.trimEnd().split('\n')) {
    const entry = plainEntry.exec(line);
    if (entry !== null && section !== undefined) {
      if (section === wikidata) labels.set(entry[1] ?? '', Number(entry[2]));
      continue;
    }
    section = plainSection.exec(line)?.[1];
    if (section === undefined ? line !== '---' || sections.size > 0 : sections.has(section)) {
      return undefined;
    }
    if (section !== undefined) sections.add(section);
  }
  return labels;
}

function parsedLabels(yaml: string): ReadonlyMap<unknown, unknown> | 'unreadable' {
  let stats: unknown;
  try {
    const document = parseDocument(yaml, { prettyErrors: false });
    if (document.errors.length > 0) return 'unreadable';
    // Ruby's anchors are few; more would only serve to make a short text huge.
    stats = document.toJS({ mapAsMap: true, maxAliasCount: 100 });
  } catch {
    // What no document can be made of is counted like any other unreadable text.
    return 'unreadable';
  }
  if (stats === null) return new Map();
  if (!(stats instanceof Map)) return 'unreadable';
  const labels: unknown = stats.get(wikidata);
  if (labels === undefined || labels === null) return new Map();
  return labels instanceof Map ? labels : 'unreadable';
}
