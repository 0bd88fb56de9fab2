import type { Sql, TransactionSql } from '../db/connect.ts';
import { countFirstCourses, findChanges, claimUntouched } from '../db/queries/changes.ts';
import { computeCurrentTotals, type StoredTotals } from '../db/queries/compute-totals.ts';
import { countPeople, peopleMetrics, writePeopleGroups } from '../db/queries/count-people.ts';
import { finishRun, type RunCounts } from '../db/queries/job-runs.ts';
import { findLosses } from '../db/queries/losses.ts';
import {
  findLatestComputed,
  findLatestSnapshot,
  insertSnapshot,
  nextSnapshotId,
} from '../db/queries/snapshots.ts';
import { claimStore, notifyReaders, raiseRevision, readStore } from '../db/queries/store.ts';
import {
  countWithdrawnSince,
  erasePastGrace,
  returnCourses,
  withdrawCourses,
} from '../db/queries/withdrawals.ts';
import { eraseGoneCampaigns, writeCampaigns } from '../db/queries/write-campaigns.ts';
import { writeActivity, writeEnrollments } from '../db/queries/write-people.ts';
import { writeFirstVersions, writeMarkers, writeVersions } from '../db/queries/write-versions.ts';
import { forgetWikisOfWithdrawn, writeWikis } from '../db/queries/write-wikis.ts';
import { definitionsVersion, sumMetrics } from '../metrics/registry.ts';
import type { SourceKind } from '../sources/source.ts';
import { PublicationRefused, refuseLosses } from './loss-guard.ts';
import { alone } from './publisher-session.ts';

export interface PublishOptions {
  readonly sourceKind: SourceKind;
  readonly readAt: Date;
  readonly countsPeople: boolean;
  readonly warnings: ReadonlyMap<string, number>;
  /** When the publication was begun, which what it writes is dated by. */
  readonly now: Date;
  /** Read once more when all is written: that is when the run finished. */
  readonly clock: () => Date;
  /** Courses past their grace that this run has erased already. */
  readonly purged: number;
  /** The run whose end is recorded with the snapshot; absent for a trial. */
  readonly runId?: number;
  /** What the run's report knows besides, asked for at the end. */
  readonly report?: () => RunCounts;
  /** An operator's word that what is missing from the source is really gone. */
  readonly confirmWithdrawals: boolean;
}

export interface Published {
  readonly state: 'succeeded' | 'unchanged';
  readonly snapshotId: number | null;
  readonly counts: RunCounts;
}

/** Ends a transaction that was only made to see what it would do. */
class Trial extends Error {
  readonly published: Published;
  constructor(published: Published) {
    super('trial');
    this.published = published;
  }
}

/**
 * Publishes what this session has staged, in one transaction: readers see the store as it
 * was or the new snapshot, never half. The caller holds the publisher's lock.
 *
 * @throws {PublicationRefused} when too much has disappeared; courses that are not public any
 *   more are withdrawn all the same
 */
export async function publishSnapshot(sql: Sql, options: PublishOptions): Promise<Published> {
  try {
    return await alone(sql, async (tx) => {
      const published = await publish(tx, options);
      if (options.runId === undefined) throw new Trial(published);
      await finishRun(tx, options.runId, {
        ...published,
        problem: null,
        problemWithoutNames: null,
        at: options.clock(),
      });
      return published;
    });
  } catch (error) {
    if (error instanceof Trial) return error.published;
    if (error instanceof PublicationRefused && options.runId !== undefined) {
      await alone(sql, (tx) => withdrawHidden(tx, options));
    }
    throw error;
  }
}

async function publish(tx: TransactionSql, options: PublishOptions): Promise<Published> {
  const latest = await findLatestSnapshot(tx);
  const { revisedAt } = await readStore(tx);
  const previous = await findLatestComputed(tx);
  const snapshotId = await nextSnapshotId(tx);
  // The reading took its time: what is past its grace by now does not return either.
  const purged = options.purged + (await erasePastGrace(tx, options.now));
  const { returned, reopened } = await returnCourses(tx);
  const untouched = await claimUntouched(tx);
  const changes = await (untouched ? countFirstCourses : findChanges)(tx);
  if (!untouched && !options.confirmWithdrawals) refuseLosses(await findLosses(tx, { reopened }));
  const campaigns = await writeCampaigns(tx, snapshotId);
  const withdrawnNow = untouched
    ? 0
    : await withdrawCourses(tx, {
        snapshotId,
        at: options.now,
        changes: ['hidden', 'disappeared'],
      });
  const versions = await (untouched ? writeFirstVersions : writeVersions)(tx, snapshotId);
  const wikis = await writeWikis(tx, { returned });
  const enrollments = await writeEnrollments(tx);
  const activity = await writeActivity(tx);
  await writeMarkers(tx, options.readAt);
  await eraseGoneCampaigns(tx);
  const rowsOfThePastChanged = withdrawnNow + returned + campaigns.revised + wikis.forgotten > 0;
  if (rowsOfThePastChanged) await raiseRevision(tx, options.now);

  // Whatever left in between: refused publications withdraw too, and a purge leaves no trace.
  const withdrawn = (previous?.totals['courses'] ?? 0) + changes.added - changes.staged;
  const counts: RunCounts = {
    courses: changes.staged,
    courses_reread: changes.reread,
    added: changes.added,
    changed: changes.changed,
    withdrawn,
    returned,
    purged,
    versions_written: versions,
    campaigns_written: campaigns.written,
    enrollments_written: enrollments,
    activity_written: activity,
    ...options.report?.(),
    ...warningCounts(options.warnings),
  };
  const nothingNew = versions + withdrawn + returned + enrollments + activity === 0;
  if (nothingNew && previous !== undefined && isSameDay(previous.computedAt, options.now)) {
    if (rowsOfThePastChanged) await notifyReaders(tx);
    return { state: 'unchanged', snapshotId: null, counts };
  }

  const computedAt = momentAfter([latest?.computedAt, revisedAt], options.now);
  const { totals, coverage } = await computeTotals(tx, computedAt, options.countsPeople);
  await insertSnapshot(tx, {
    snapshotId,
    computedAt,
    sourceKind: options.sourceKind,
    sourceReadAt: options.readAt,
    definitionsVersion,
    previousSnapshotId: previous?.snapshotId ?? null,
    added: changes.added,
    changed: changes.changed,
    withdrawn,
    totals,
    coverage,
    hasCourseRows: true,
  });
  if (options.countsPeople) await writePeopleGroups(tx, snapshotId, computedAt);
  if (withdrawnNow + returned > 0) await countWithdrawnSince(tx);
  await claimStore(tx, options.sourceKind);
  await notifyReaders(tx);
  const warnings = new Map([...options.warnings, ...absurdTotals(totals, coverage)]);
  return {
    state: 'succeeded',
    snapshotId,
    counts: { ...counts, ...options.report?.(), ...warningCounts(warnings) },
  };
}

function warningCounts(warnings: ReadonlyMap<string, number>): RunCounts {
  return warnings.size > 0 ? { warnings: Object.fromEntries(warnings) } : {};
}

/** Sums that are too large to publish, of metrics that courses have values of. */
function absurdTotals(
  totals: StoredTotals['totals'],
  coverage: StoredTotals['coverage'],
): [string, number][] {
  return sumMetrics
    .filter(({ name }) => totals[name] === null && (coverage[name] ?? 0) > 0)
    .map(({ name }) => [`The sum of ${name} is beyond 2^53 - 1, so its total is null`, 1]);
}

/** Without publishing anything: courses that are present and not public leave at once. */
async function withdrawHidden(tx: TransactionSql, options: PublishOptions): Promise<void> {
  const changes = await findChanges(tx);
  if (changes.hidden === 0) return;
  const snapshotId = await nextSnapshotId(tx);
  await withdrawCourses(tx, { snapshotId, at: options.now, changes: ['hidden'] });
  await forgetWikisOfWithdrawn(tx);
  await raiseRevision(tx, options.now);
  await countWithdrawnSince(tx);
  await notifyReaders(tx);
}

function isSameDay(a: Date, b: Date): boolean {
  return a.toISOString().slice(0, 10) === b.toISOString().slice(0, 10);
}

/** Whole seconds, and later than every change before it, whatever the clock says. */
function momentAfter(changes: readonly (Date | null | undefined)[], now: Date): Date {
  const second = Math.floor(now.getTime() / 1000) * 1000;
  const earlier = changes.map((change) => (change?.getTime() ?? -Infinity) + 1000);
  return new Date(Math.max(second, ...earlier));
}

async function computeTotals(
  tx: TransactionSql,
  computedAt: Date,
  countsPeople: boolean,
): Promise<StoredTotals> {
  const { totals, coverage } = await computeCurrentTotals(tx, computedAt);
  if (!countsPeople) return { totals, coverage };
  const [people] = await countPeople(tx, '', computedAt);
  return {
    totals: {
      ...totals,
      ...Object.fromEntries(peopleMetrics.map((name) => [name, people?.[name] ?? 0])),
    },
    coverage: {
      ...coverage,
      ...Object.fromEntries(peopleMetrics.map((name) => [name, people?.courses ?? 0])),
    },
  };
}
