import type { SumMetric } from './registry.ts';

/**
 * Every label that the Dashboard writes, or wrote, under `www.wikidata.org` in
 * `course_stats.stats_hash`, with what it counts. The Dashboard makes them from the
 * differences between revisions; before that it made them from edit summaries.
 */
const labels: readonly (readonly [label: string, unit: string])[] = [
  ['total revisions', 'edits'],
  ['items created', 'items'],
  ['items cleared', 'items'],
  ['properties created', 'properties'],
  ['claims created', 'claims'],
  ['claims changed', 'claims'],
  ['claims removed', 'claims'],
  ['qualifiers added', 'qualifiers'],
  ['qualifiers changed', 'qualifiers'],
  ['qualifiers removed', 'qualifiers'],
  ['references added', 'references'],
  ['references changed', 'references'],
  ['references removed', 'references'],
  ['labels added', 'labels'],
  ['labels changed', 'labels'],
  ['labels removed', 'labels'],
  ['descriptions added', 'descriptions'],
  ['descriptions changed', 'descriptions'],
  ['descriptions removed', 'descriptions'],
  ['aliases added', 'aliases'],
  ['aliases changed', 'aliases'],
  ['aliases removed', 'aliases'],
  ['interwiki links added', 'links'],
  ['interwiki links updated', 'links'],
  ['interwiki links removed', 'links'],
  ['merged from', 'merges'],
  ['merged to', 'merges'],
  ['redirects created', 'redirects'],
  ['reverts performed', 'reverts'],
  ['restorations performed', 'restorations'],
  ['lexeme items created', 'lexemes'],
  ['lemmas added', 'lemmas'],
  ['lemmas changed', 'lemmas'],
  ['lemmas removed', 'lemmas'],
  ['forms added', 'forms'],
  ['forms changed', 'forms'],
  ['forms removed', 'forms'],
  ['representations added', 'representations'],
  ['representations changed', 'representations'],
  ['representations removed', 'representations'],
  ['form claims added', 'claims'],
  ['form claims changed', 'claims'],
  ['form claims removed', 'claims'],
  ['senses added', 'senses'],
  ['senses changed', 'senses'],
  ['senses removed', 'senses'],
  ['glosses added', 'glosses'],
  ['glosses changed', 'glosses'],
  ['glosses removed', 'glosses'],
  ['sense claims added', 'claims'],
  ['sense claims changed', 'claims'],
  ['sense claims removed', 'claims'],
  ['other updates', 'edits'],
  ['no data', 'edits'],
];

const onlyWithStatistics = 'Null for courses without Wikidata statistics.';
const extraCaveats: Readonly<Record<string, string>> = {
  'other updates':
    'Of the Dashboard’s earlier statistics, made from edit summaries; includes what those called unknown.',
  'no data': 'Of the Dashboard’s earlier statistics: edits without an edit summary.',
};

/** One sum metric per label: `claims created` is published as `wikidata_claims_created`. */
export const wikidataMetrics: readonly SumMetric[] = labels.map(([label, unit]) => {
  const extra = extraCaveats[label];
  return {
    name: metricName(label),
    title: `Wikidata: ${label}`,
    unit,
    kind: 'sum',
    signed: false,
    source: `course_stats.stats_hash, www.wikidata.org, ${label}`,
    definition:
      `“${label[0]?.toUpperCase()}${label.slice(1)}” in the Dashboard’s Wikidata statistics of ` +
      'the course: counted over the participants’ edits on www.wikidata.org.',
    caveats: extra === undefined ? [onlyWithStatistics] : [onlyWithStatistics, extra],
    nullable: true,
    sinceVersion: 1,
  };
});

const metricByLabel: ReadonlyMap<string, string> = new Map([
  ...labels.map(([label]): [string, string] => [label, metricName(label)]),
  ['unknown', metricName('other updates')],
]);

/**
 * The metric that a label of the Dashboard's belongs to, `undefined` for a label that is
 * not known. Two labels can share one: the legacy `unknown` is part of `other updates`.
 */
export function wikidataMetricOf(label: string): string | undefined {
  return metricByLabel.get(label);
}

function metricName(label: string): string {
  return `wikidata_${label.replaceAll(' ', '_')}`;
}
