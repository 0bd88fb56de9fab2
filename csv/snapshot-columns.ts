import { metrics } from '../metrics/registry.ts';
import type { MetricValues } from '../metrics/totals.ts';
import type { CsvField } from './records.ts';

/** The columns of `/v1/snapshots.csv`: nested fields by their own or their joined names. */
export function snapshotColumns(): string[] {
  const names = metrics.map((metric) => metric.name);
  return [
    'snapshot_id',
    'computed_at',
    'source_kind',
    'source_read_at',
    'definitions_version',
    'previous_snapshot_id',
    'added',
    'changed',
    'withdrawn',
    ...names,
    ...names.map((name) => `${name}_delta`),
    ...names.map((name) => `${name}_coverage`),
    'partial',
  ];
}

/** An item of the history as the API gives it. */
interface HistoryItem {
  readonly snapshot_id: number;
  readonly computed_at: string;
  readonly source: { readonly kind: string; readonly read_at: string };
  readonly definitions_version: number;
  readonly previous_snapshot_id: number | null;
  readonly changes: {
    readonly added: number | null;
    readonly changed: number | null;
    readonly withdrawn: number | null;
  };
  readonly totals: MetricValues;
  readonly deltas: MetricValues | null;
  readonly coverage: MetricValues;
  readonly partial: boolean;
}

export function snapshotFields(item: HistoryItem): CsvField[] {
  const names = metrics.map((metric) => metric.name);
  return [
    item.snapshot_id,
    item.computed_at,
    item.source.kind,
    item.source.read_at,
    item.definitions_version,
    item.previous_snapshot_id,
    item.changes.added,
    item.changes.changed,
    item.changes.withdrawn,
    ...names.map((name) => item.totals[name] ?? null),
    ...names.map((name) => item.deltas?.[name] ?? null),
    ...names.map((name) => item.coverage[name] ?? null),
    item.partial,
  ];
}
