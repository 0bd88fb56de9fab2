import { connect, type StoreAddress } from '../db/connect.ts';
import { findLatestSnapshot } from '../db/queries/snapshots.ts';
import { demoPublicationTimes, demoSource } from '../sources/demo.ts';
import { runPublication, type JobLog } from './run-publication.ts';

export interface LoadDemoOptions {
  readonly address: StoreAddress;
  readonly clock: () => Date;
  readonly log: JobLog;
  readonly signal: AbortSignal;
  readonly onProgress: (sentence: string) => void;
}

/** Milliseconds after which a sign of life is given. */
const silence = 1000;

/**
 * Gives the demonstration its past: the publications it would have made over some months,
 * each by the job that makes real ones. What an earlier start left undone is done now.
 */
export async function loadDemo(options: LoadDemoOptions): Promise<void> {
  const sql = connect(options.address, {
    max: 1,
    applicationName: 'dashboard-open-data demonstration',
    statementTimeout: 0,
  });
  let latest: Date | undefined;
  try {
    latest = (await findLatestSnapshot(sql))?.computedAt;
  } finally {
    await sql.end();
  }
  const now = options.clock();
  const times = demoPublicationTimes(now).filter((time) => latest === undefined || time > latest);
  if (times.length === 0) return;
  options.onProgress(`Making up demonstration data: ${String(times.length)} snapshots.`);
  const source = demoSource();
  let said = performance.now();
  for (const [index, time] of times.entries()) {
    const { run } = await runPublication({
      address: options.address,
      source,
      trigger: 'start',
      clock: () => time,
      log: options.log,
      signal: options.signal,
      wait: true,
      onWaiting: options.onProgress,
    });
    if (run.state === 'failed') throw new Error(run.problem ?? 'the demonstration failed');
    if (performance.now() - said < silence) continue;
    options.onProgress(`… ${String(index + 1)} of ${String(times.length)}`);
    said = performance.now();
  }
}
