import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Sql, type StoreAddress, type TransactionSql } from '../db/connect.ts';
import { failAbandonedRuns, findRunningRun, type RunRow } from '../db/queries/job-runs.ts';
import { holdsPublishingLock, lockPublishing } from '../db/queries/store.ts';
import { sayIfSlow } from '../db/slow-work.ts';

/** A connection of its own for what changes the store, without a limit on its statements. */
export function connectPublisher(address: StoreAddress): Sql {
  return connect(address, {
    max: 1,
    applicationName: 'dashboard-open-data publisher',
    statementTimeout: 0,
    wholeTables: true,
    holdsOthersUp: true,
  });
}

/** Milliseconds between two looks at whether another publisher has ended. */
const lockPatience = 250;

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** Told, in a sentence, which publisher is waited for when that takes more than a second. */
  readonly onWaiting?: ((sentence: string) => void) | undefined;
}

/** Taking a lock that the session has already is no harm: it is let go with the session. */
export async function waitForLock(sql: Sql, options: WaitOptions): Promise<void> {
  if (await lockPublishing(sql)) return;
  const sentence = waitingFor(await findRunningRun(sql));
  await sayIfSlow(options.onWaiting ?? ignore, sentence, tryAgain(sql, options.signal));
}

async function tryAgain(sql: Sql, signal: AbortSignal): Promise<void> {
  do await delay(lockPatience, undefined, { signal });
  while (!(await lockPublishing(sql)));
}

function ignore(): void {}

/** A purge and a backfill hold the lock without a run. */
function waitingFor(run: RunRow | undefined): string {
  const who =
    run === undefined
      ? 'Another publication, a purge or a backfill'
      : `Another publication (run ${run.runId}, since ${secondOf(run.startedAt)})`;
  return `${who} is at work: waiting for it to end.`;
}

function secondOf(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}

/** The session of a publisher has gone, and with it the lock that kept others out. */
class LockLost extends Error {
  constructor() {
    super('the connection was lost that kept other publishers out; nothing was changed without it');
    this.name = 'LockLost';
  }
}

/**
 * A transaction of the session that holds the publisher's lock. The driver puts a new connection
 * in the place of a lost one without a word, and the lock is not its own.
 *
 * @throws {LockLost} when this is such a session
 */
export async function alone<Result>(
  sql: Sql,
  work: (tx: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const made = await sql.begin(async (tx) => {
    if (!(await holdsPublishingLock(tx))) throw new LockLost();
    return { result: await work(tx) };
  });
  return made.result;
}

export interface PublisherOptions extends WaitOptions {
  readonly address: StoreAddress;
  readonly clock: () => Date;
}

/**
 * Works on the store while no publisher does: waits for one to end, and keeps others out. A run
 * whose process was killed must not pass for the one at work meanwhile.
 */
export async function asPublisher<Result>(
  options: PublisherOptions,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  const sql = connectPublisher(options.address);
  try {
    await waitForLock(sql, options);
    await alone(sql, (tx) => failAbandonedRuns(tx, options.clock()));
    return await work(sql);
  } finally {
    await sql.end();
  }
}
