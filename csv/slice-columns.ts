import { metricsAt } from '../metrics/registry.ts';
import type { MetricValues } from '../metrics/totals.ts';
import type { CsvField } from './records.ts';

/** Fields are those of the JSON in its order; a file with groups has a row for each. */
function metricColumns(definitionsVersion: number, ...suffixes: string[]): string[] {
  const names = metricsAt(definitionsVersion).map((metric) => metric.name);
  return suffixes.flatMap((suffix) => names.map((name) => name + suffix));
}

/** Of metrics that a value's own version does not have, nothing is known: empty. */
function metricFields(
  definitionsVersion: number,
  ...values: (MetricValues | null)[]
): (number | null)[] {
  const names = metricsAt(definitionsVersion).map((metric) => metric.name);
  return values.flatMap((each) => names.map((name) => each?.[name] ?? null));
}

const groupColumns = ['key', 'label'];

interface Sums {
  readonly totals: MetricValues;
  readonly coverage: MetricValues;
}

interface Group extends Sums {
  readonly key: string | null;
  readonly label: string | null;
}

interface Moment {
  readonly snapshot_id: number;
  readonly computed_at: string;
  readonly withdrawn_since: number;
}

export function totalsColumns(definitionsVersion: number, isGrouped: boolean): string[] {
  return [
    'snapshot_id',
    'computed_at',
    'withdrawn_since',
    ...(isGrouped ? groupColumns : []),
    ...metricColumns(definitionsVersion, '', '_coverage'),
  ];
}

/** A row of the whole, or of one of its groups. */
export function totalsFields(
  definitionsVersion: number,
  { snapshot_id, computed_at, withdrawn_since }: Moment,
  of: Sums | Group,
): CsvField[] {
  return [
    ...[snapshot_id, computed_at, withdrawn_since],
    ...('key' in of ? [of.key, of.label] : []),
    ...metricFields(definitionsVersion, of.totals, of.coverage),
  ];
}

interface TrendMoment extends Moment {
  readonly partial: boolean;
}

interface TrendItem extends TrendMoment, Sums {
  readonly deltas: MetricValues | null;
}

/** Deltas are of the whole: rows of groups have none. */
export function trendsColumns(definitionsVersion: number, isGrouped: boolean): string[] {
  return [
    'snapshot_id',
    'computed_at',
    'partial',
    'withdrawn_since',
    ...(isGrouped ? groupColumns : []),
    ...metricColumns(definitionsVersion, '', ...(isGrouped ? [] : ['_delta']), '_coverage'),
  ];
}

/** A row of the whole. */
export function trendsFields(definitionsVersion: number, item: TrendItem): CsvField[] {
  const { totals, deltas, coverage } = item;
  return [...momentFields(item), ...metricFields(definitionsVersion, totals, deltas, coverage)];
}

export function trendsGroupFields(
  definitionsVersion: number,
  moment: TrendMoment,
  { key, label, totals, coverage }: Group,
): CsvField[] {
  return [
    ...momentFields(moment),
    ...[key, label],
    ...metricFields(definitionsVersion, totals, coverage),
  ];
}

function momentFields(moment: TrendMoment): CsvField[] {
  const { snapshot_id, computed_at, partial, withdrawn_since } = moment;
  return [snapshot_id, computed_at, partial, withdrawn_since];
}
