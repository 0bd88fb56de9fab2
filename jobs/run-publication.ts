import { randomBytes } from 'node:crypto';
import type { Sql } from '../db/connect.ts';
import {
  failAbandonedRuns,
  findRun,
  findRunningRun,
  finishRun,
  startRun,
  type RunCounts,
  type RunRow,
  type RunTrigger,
} from '../db/queries/job-runs.ts';
import { keepPersonKeySecret, lockPublishing, readStore } from '../db/queries/store.ts';
import { erasePastGrace } from '../db/queries/withdrawals.ts';
import { readMarkers } from '../db/queries/write-versions.ts';
import { SourceError, type Source } from '../sources/source.ts';
import { PublicationRefused } from './loss-guard.ts';
import { publishSnapshot, type Published } from './publish-snapshot.ts';
import {
  alone,
  asPublisher,
  connectPublisher,
  waitForLock,
  type PublisherOptions,
} from './publisher-session.ts';
import { RunReport } from './run-report.ts';
import { stageSource } from './stage-source.ts';

export interface JobLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface PublicationOptions extends PublisherOptions {
  readonly source: Source;
  readonly trigger: RunTrigger;
  readonly log: JobLog;
  /** Whether to wait for another publisher to end; otherwise its run is returned. */
  readonly wait: boolean;
  readonly confirmWithdrawals?: boolean;
  /** The operator's own secret for people's keys; otherwise the store keeps one. */
  readonly personKeySecret?: string | undefined;
  /** Told as soon as the run has its number. */
  readonly onStarted?: (run: RunRow) => void;
}

export interface PublicationResult {
  readonly run: RunRow;
  /** Whether the run is another publisher's, which was found at work. */
  readonly busy: boolean;
  /** Details of a failure, a line each. */
  readonly problems: readonly string[];
}

/** A run that failed and could not say so: why it failed, then why that is not recorded. */
class UnrecordedFailure extends Error {
  readonly problems: readonly string[];

  constructor(problem: string, problems: readonly string[], cause: unknown) {
    super(problem, { cause });
    this.name = 'UnrecordedFailure';
    this.problems = [...problems, `The run could not be recorded as failed: ${messageOf(cause)}`];
  }
}

/**
 * Reads the source and publishes it, once and alone: on a connection of its own, which
 * holds the lock that keeps every other publisher out, on any instance. However it ends,
 * the run says so; a failure leaves the store as it was.
 *
 * @throws when the database cannot be reached at all, or not to record a failure
 */
export async function runPublication(options: PublicationOptions): Promise<PublicationResult> {
  const sql = connectPublisher(options.address);
  try {
    if (!options.wait && !(await lockPublishing(sql))) {
      const run = await findRunningRun(sql);
      if (run !== undefined) return { run, busy: true, problems: [] };
    }
    await waitForLock(sql, options);
    const run = await alone(sql, async (tx) => {
      await failAbandonedRuns(tx, options.clock());
      return startRun(tx, options.trigger, options.clock());
    });
    options.onStarted?.(run);
    options.log.info({ run: run.runId, source: options.source.kind }, 'publication started');
    const report = new RunReport(options.log, options.clock);
    try {
      // Before anything that may fail: a grace does not wait for a publication that succeeds.
      const purged = await alone(sql, (tx) => erasePastGrace(tx, options.clock()));
      const begun = { runId: run.runId, purged };
      const published = await readAndPublish(sql, options, report, begun);
      const finished = (await findRun(sql, run.runId)) ?? run;
      options.log.info(
        {
          run: run.runId,
          state: published.state,
          snapshot: published.snapshotId,
          ...published.counts,
        },
        published.state === 'unchanged'
          ? 'nothing has changed since the last snapshot of today: none was made'
          : 'snapshot published',
      );
      return { run: finished, busy: false, problems: [] };
    } catch (error) {
      return await recordFailure(options, run, report.counts(), error);
    }
  } finally {
    await sql.end();
  }
}

/** Does everything that a publication does, then takes it back. */
export async function tryPublication(
  options: Omit<PublicationOptions, 'trigger' | 'wait' | 'onStarted'>,
): Promise<Published> {
  return asPublisher(options, (sql) =>
    readAndPublish(sql, options, new RunReport(options.log, options.clock), { purged: 0 }),
  );
}

async function readAndPublish(
  sql: Sql,
  options: Omit<PublicationOptions, 'trigger' | 'wait' | 'onStarted'>,
  report: RunReport,
  begun: { readonly runId?: number; readonly purged: number },
): Promise<Published> {
  const { source, signal } = options;
  await refuseOtherKind(sql, source);
  const personKeySecret =
    options.personKeySecret === undefined
      ? await keepPersonKeySecret(sql, randomBytes(32))
      : Buffer.from(options.personKeySecret);
  const reading = await source.open({
    signal,
    now: options.clock(),
    markers: await readMarkers(sql),
    onProgress: (progress) => {
      report.progress(progress);
    },
  });
  try {
    await stageSource(sql, reading, { personKeySecret, signal });
  } finally {
    report.warnings = reading.warnings();
    await reading.close();
  }
  report.begin('publishing');
  return publishSnapshot(sql, {
    sourceKind: source.kind,
    readAt: reading.readAt,
    countsPeople: reading.countsPeople,
    warnings: reading.warnings(),
    now: options.clock(),
    clock: options.clock,
    report: () => report.counts(),
    confirmWithdrawals: options.confirmWithdrawals ?? false,
    ...begun,
  });
}

async function refuseOtherKind(sql: Sql, source: Source): Promise<void> {
  const { sourceKind } = await readStore(sql);
  if (sourceKind === null || sourceKind === source.kind) return;
  throw new PublicationRefused(
    `This store holds snapshots of a ${sourceKind} source and the configured one is ` +
      `${source.kind}, whose numbers must not be mixed: use another database (DATABASE_URL) or ` +
      'another DATA_DIR for it.',
  );
}

/** On a connection of its own, for what has failed may be the other one. */
async function recordFailure(
  options: PublicationOptions,
  run: RunRow,
  counts: RunCounts,
  error: unknown,
): Promise<PublicationResult> {
  const refused = error instanceof PublicationRefused;
  const stopped = options.signal.aborted;
  const problem = stopped
    ? 'The service was stopped before the run ended; the next one reads the source anew.'
    : sentence(error, options.source);
  const problemWithoutNames = stopped ? problem : sentence(error, options.source, false);
  const problems = error instanceof SourceError ? error.problems : [];
  const fields = { run: run.runId, problems, ...counts };
  if (refused || stopped || error instanceof SourceError) options.log.error(fields, problem);
  else options.log.error({ ...fields, err: error }, 'publication failed');
  const sql = connectPublisher(options.address);
  try {
    const finished = await finishRun(sql, run.runId, {
      state: refused ? 'refused' : 'failed',
      at: options.clock(),
      snapshotId: null,
      counts: Object.keys(counts).length === 0 ? null : counts,
      problem,
      problemWithoutNames,
    });
    if (finished.state === 'failed' || finished.state === 'refused') {
      return { run: finished, busy: false, problems };
    }
    // The word that it was committed did not come.
    options.log.warn({ run: run.runId, state: finished.state }, 'it was published all the same');
    return { run: finished, busy: false, problems: [] };
  } catch (recording) {
    options.log.error(
      { run: run.runId, err: recording },
      'the run could not be recorded as failed',
    );
    throw new UnrecordedFailure(problem, problems, recording);
  } finally {
    await sql.end();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Why a run failed, in one sentence for an operator; everything else is in the log.
 *
 * @param quotes whether with what is wrong in the source, which may name a course
 */
function sentence(error: unknown, { kind }: Source, quotes = true): string {
  const message = messageOf(error);
  const isExpected = error instanceof SourceError || error instanceof PublicationRefused;
  // What is wrong with a file is in its lines; of a database the sentence says it all.
  const isOfLines = error instanceof SourceError && kind === 'dashboard_csv';
  const first = isOfLines && quotes ? error.problems[0] : undefined;
  const whole = isExpected
    ? `${message}${first === undefined ? '' : `, first ${first}`}`
    : `Something other than the source failed, as the log says more of${quotes ? `: ${message}` : ''}`;
  // PostgreSQL stores no NUL, which whoever failed may have quoted.
  return `${whole.replaceAll(/[\s\0]+/g, ' ').replace(/[.\s]+$/, '')}.`;
}
