import { metricsAt } from '../metrics/registry.ts';
import type { MetricValues } from '../metrics/totals.ts';
import type { CsvField } from './records.ts';

const campaignColumns = [
  'campaign_slug',
  'title',
  'description',
  'start',
  'end',
  'created_at',
  'url',
] as const;

/** Totals by their bare names, then how many courses had a value. */
function totalsColumns(definitionsVersion: number): string[] {
  const names = metricsAt(definitionsVersion).map((metric) => metric.name);
  return [...names, ...names.map((name) => `${name}_coverage`)];
}

/** The columns of `/v1/campaigns.csv`: the fields of a campaign in their order. */
export function columnsOfCampaigns(definitionsVersion: number): string[] {
  return [...campaignColumns, ...totalsColumns(definitionsVersion)];
}

/** The columns of `/v1/wikis.csv`. */
export function columnsOfWikis(definitionsVersion: number): string[] {
  return ['wiki', ...totalsColumns(definitionsVersion)];
}

interface Group {
  readonly totals: MetricValues;
  readonly coverage: MetricValues;
}

export function campaignFields(
  campaign: Group & Readonly<Record<(typeof campaignColumns)[number], string | null>>,
): CsvField[] {
  return [...campaignColumns.map((name) => campaign[name]), ...totalsFields(campaign)];
}

export function wikiFields(wiki: Group & { readonly wiki: string }): CsvField[] {
  return [wiki.wiki, ...totalsFields(wiki)];
}

/** Both have every metric of the definitions version, in its order. */
function totalsFields({ totals, coverage }: Group): CsvField[] {
  return [...Object.values(totals), ...Object.values(coverage)];
}
