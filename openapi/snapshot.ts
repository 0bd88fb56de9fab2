import { Type, type Static } from '@sinclair/typebox';
import { completeCoverage, completeTotals, type MetricValues } from '../metrics/totals.ts';
import { MetricCoverage, MetricDeltas, MetricTotals } from './metric-values.ts';
import {
  identifier,
  nullableInteger,
  nullableString,
  reference,
  timestamp,
  timestampText,
  word,
} from './scalars.ts';

/** Where a snapshot's numbers come from. */
export const publishedSourceKinds = [
  'dashboard_database',
  'dashboard_csv',
  'dashboard_system_stats',
  'demo',
] as const;

const snapshotFields = {
  snapshot_id: identifier({
    description: 'Ascending by publication; cite it together with the address.',
  }),
  computed_at: timestamp({ description: 'When the numbers were computed, UTC.' }),
  source: Type.Object(
    {
      kind: word(publishedSourceKinds, {
        description:
          'dashboard_database: the Dashboard’s own database; dashboard_csv: a course export; ' +
          'dashboard_system_stats: totals that the Dashboard kept itself, with no course rows; ' +
          'demo: invented data.',
      }),
      read_at: timestamp({ description: 'When the source was read, UTC.' }),
    },
    { description: 'What the numbers were read from, and when.' },
  ),
  definitions_version: Type.Integer({
    minimum: 1,
    description: 'Which definitions the metrics follow: those of /v1/metrics up to this version.',
  }),
  previous_snapshot_id: nullableInteger({
    minimum: 1,
    description: 'The snapshot before of the same kind of source; null of the first.',
  }),
  changes: Type.Object(
    {
      added: nullableInteger({
        minimum: 0,
        description: 'Courses that the snapshot before did not have.',
      }),
      changed: nullableInteger({
        minimum: 0,
        description: 'Courses whose state differs from the snapshot before.',
      }),
      withdrawn: nullableInteger({
        minimum: 0,
        description: 'Courses of the snapshot before that are not public any more.',
      }),
    },
    {
      description: 'Null where nobody knows, as of totals that the Dashboard kept itself.',
    },
  ),
  totals: reference(MetricTotals),
  coverage: reference(MetricCoverage),
};

export const Snapshot = Type.Object(snapshotFields, {
  $id: 'Snapshot',
  description: 'System-wide metrics as they were published: never changed afterwards.',
});
export type Snapshot = Static<typeof Snapshot>;

export const SnapshotHistoryItem = Type.Object(
  {
    ...snapshotFields,
    deltas: Type.Unsafe<MetricValues | null>({
      anyOf: [reference(MetricDeltas), { type: 'null' }],
      description:
        'Changes against the item before in time; null where there is none or where its source ' +
        'is of another kind.',
    }),
    partial: Type.Boolean({
      description: 'Whether its period is that of the newest snapshot, so may not be over.',
    }),
  },
  {
    $id: 'SnapshotHistoryItem',
    description: 'The last snapshot of a period, and what has changed since the item before.',
  },
);
export type SnapshotHistoryItem = Static<typeof SnapshotHistoryItem>;

export const SnapshotHistory = Type.Object(
  {
    items: Type.Array(reference(SnapshotHistoryItem), {
      description: 'In the order that was asked for.',
    }),
    next_cursor: nullableString({
      description: 'What to send as cursor for the next page; null at the end.',
    }),
  },
  {
    $id: 'SnapshotHistory',
    description: 'The last snapshot of each period, a page at a time.',
  },
);

/** A snapshot as the store has it; totals lack the derived metrics. */
export interface StoredSnapshot {
  readonly snapshotId: number;
  readonly computedAt: Date;
  readonly sourceKind: string;
  readonly sourceReadAt: Date;
  readonly definitionsVersion: number;
  readonly previousSnapshotId: number | null;
  readonly added: number | null;
  readonly changed: number | null;
  readonly withdrawn: number | null;
  readonly totals: Readonly<Record<string, number | null>>;
  readonly coverage: Readonly<Record<string, number | null>>;
}

export function snapshotBody(stored: StoredSnapshot): Snapshot {
  return {
    snapshot_id: stored.snapshotId,
    computed_at: timestampText(stored.computedAt),
    source: {
      kind: publishedKind(stored.sourceKind),
      read_at: timestampText(stored.sourceReadAt),
    },
    definitions_version: stored.definitionsVersion,
    previous_snapshot_id: stored.previousSnapshotId,
    changes: { added: stored.added, changed: stored.changed, withdrawn: stored.withdrawn },
    totals: completeTotals(stored.definitionsVersion, stored.totals),
    coverage: completeCoverage(stored.definitionsVersion, stored.coverage),
  };
}

function publishedKind(kind: string): Snapshot['source']['kind'] {
  const known = publishedSourceKinds.find((name) => name === kind);
  if (known === undefined) throw new Error(`a snapshot has the unknown source kind ${kind}`);
  return known;
}

export interface StoredHistoryItem extends StoredSnapshot {
  readonly earlier: Pick<StoredSnapshot, 'sourceKind' | 'definitionsVersion' | 'totals'> | null;
  readonly partial: boolean;
}

export function historyItemBody(stored: StoredHistoryItem): SnapshotHistoryItem {
  const snapshot = snapshotBody(stored);
  return { ...snapshot, deltas: deltasOf(snapshot.totals, stored), partial: stored.partial };
}

function deltasOf(totals: MetricValues, stored: StoredHistoryItem): MetricValues | null {
  const { earlier } = stored;
  if (earlier?.sourceKind !== stored.sourceKind) return null;
  return differences(totals, completeTotals(earlier.definitionsVersion, earlier.totals));
}

/** Signed, of every metric of the newer values; null where either is not known. */
export function differences(totals: MetricValues, before: MetricValues): MetricValues {
  return Object.fromEntries(
    Object.entries(totals).map(([name, value]) => {
      const old = before[name] ?? null;
      return [name, value === null || old === null ? null : value - old];
    }),
  );
}
