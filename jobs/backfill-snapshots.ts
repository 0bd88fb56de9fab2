import type { TransactionSql } from '../db/connect.ts';
import {
  findFirstComputed,
  listCarriedOver,
  type CarriedOver,
} from '../db/queries/carried-over.ts';
import { insertSnapshot, nextSnapshotId } from '../db/queries/snapshots.ts';
import { claimStore, notifyReaders, raiseRevision, readStore } from '../db/queries/store.ts';
import { writeGroups } from '../db/queries/write-groups.ts';
import { definitionsVersion, metricsAt } from '../metrics/registry.ts';
import type {
  DayTotals,
  SystemStats,
  SystemStatsReading,
} from '../sources/dashboard-database/system-stats.ts';
import { alone, asPublisher, type PublisherOptions } from './publisher-session.ts';

/** What the snapshots that are carried over say they come from. */
const carriedKind = 'dashboard_system_stats';
/** What a store that they are carried into belongs to. */
const storeKind = 'dashboard_database';

export interface BackfillOptions extends PublisherOptions {
  readonly systemStats: SystemStats;
}

export interface BackfillResult {
  /** Days that were carried over now, in the order of time. */
  readonly carried: readonly string[];
  /** Days that had been carried over before. */
  readonly present: number;
  /** Days left out, because snapshots computed here begin earlier. */
  readonly tooLate: number;
  readonly warnings: ReadonlyMap<string, number>;
}

/** A history that must not be mixed into this store, in a sentence for an operator. */
class BackfillRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BackfillRefused';
  }
}

/**
 * Carries the totals that the Dashboard kept itself over as snapshots without course rows,
 * those from before the first snapshot that was computed here, each once; in one
 * transaction, while no publisher works.
 *
 * @throws {BackfillRefused} when the store belongs to another kind of source
 * @throws {SourceError} when they cannot be read
 */
export function backfillSnapshots(options: BackfillOptions): Promise<BackfillResult> {
  return asPublisher(options, async (sql) => {
    const { sourceKind } = await readStore(sql);
    if (sourceKind !== null && sourceKind !== storeKind) {
      throw new BackfillRefused(
        `This store holds snapshots of a ${sourceKind} source: the Dashboard's own totals must ` +
          'not be mixed with them. Use another database (DATABASE_URL) or another DATA_DIR.',
      );
    }
    const reading = await options.systemStats.open(options.signal);
    try {
      return await alone(sql, (tx) => carryOver(tx, reading, options.clock()));
    } finally {
      await reading.close();
    }
  });
}

async function carryOver(
  tx: TransactionSql,
  reading: SystemStatsReading,
  now: Date,
): Promise<BackfillResult> {
  const before = (await findFirstComputed(tx)) ?? now;
  const known = await listCarriedOver(tx, carriedKind);
  const knownDays = new Set(known.map(({ computedAt }) => dayOf(computedAt)));
  const carried: string[] = [];
  let present = 0;
  let tooLate = 0;
  let last: CarriedOver | undefined;
  for await (const days of reading.days()) {
    for (const day of days) {
      if (knownDays.has(day.day)) present += 1;
      else if (day.computedAt >= before) tooLate += 1;
      else {
        const earlier = known.findLast(({ computedAt }) => computedAt < day.computedAt);
        last = await insertDay(tx, day, latestOf(last, earlier), now);
        carried.push(day.day);
      }
    }
  }
  if (carried.length > 0) {
    await claimStore(tx, storeKind);
    await raiseRevision(tx, now);
    await notifyReaders(tx);
  }
  return { carried, present, tooLate, warnings: reading.warnings() };
}

/** Of a snapshot that was carried over nobody knows how many courses had a value. */
const unknownCoverage = Object.fromEntries(
  metricsAt(definitionsVersion).map((metric) => [metric.name, null]),
);

async function insertDay(
  tx: TransactionSql,
  day: DayTotals,
  previous: CarriedOver | undefined,
  now: Date,
): Promise<CarriedOver> {
  const snapshotId = await nextSnapshotId(tx);
  await insertSnapshot(tx, {
    snapshotId,
    computedAt: day.computedAt,
    sourceKind: carriedKind,
    sourceReadAt: now,
    definitionsVersion,
    previousSnapshotId: previous?.snapshotId ?? null,
    added: null,
    changed: null,
    withdrawn: null,
    totals: day.totals,
    coverage: unknownCoverage,
    hasCourseRows: false,
  });
  const groups = [...day.homeWikis].map(([key, totals]) => ({ key, totals, coverage: {} }));
  await writeGroups(tx, snapshotId, 'home_wiki', groups);
  return { snapshotId, computedAt: day.computedAt };
}

function latestOf(a: CarriedOver | undefined, b: CarriedOver | undefined): CarriedOver | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.computedAt > b.computedAt ? a : b;
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
