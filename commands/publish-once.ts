import type { Config } from '../config.ts';
import { openStore } from '../db/open-store.ts';
import { runPublication, tryPublication } from '../jobs/run-publication.ts';
import type { Source } from '../sources/source.ts';
import { commandLog, say, sayAside } from './command-line.ts';
import { sayOutcome } from './report.ts';

export interface PublishOnceOptions {
  readonly config: Config;
  readonly source: Source;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  readonly confirmWithdrawals: boolean;
}

/**
 * Publishes a source once into the installation's own store, beside a running service or
 * without one, and reports. Waits for another publisher to end.
 *
 * @returns the exit code: 0 for published or unchanged, 1 for refused or failed
 */
export async function publishOnce(options: PublishOnceOptions): Promise<number> {
  const { config, dryRun } = options;
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    purpose: 'data',
    onProgress: sayAside,
  });
  const publication = {
    address: store.address,
    source: options.source,
    clock: () => new Date(),
    log: commandLog,
    signal: options.signal,
    onWaiting: sayAside,
    confirmWithdrawals: options.confirmWithdrawals,
    personKeySecret: config.personKeySecret,
  };
  try {
    if (dryRun) {
      sayOutcome(await tryPublication(publication), true);
      return 0;
    }
    const { run, problems } = await runPublication({
      ...publication,
      trigger: 'command',
      wait: true,
    });
    if (run.problem !== null) {
      sayAside([run.problem, ...problems.map((line) => `  ${line}`)].join('\n'));
      return 1;
    }
    sayOutcome(run, false);
    if (await store.tellDemonstration()) {
      say('The running service shows the demonstration until it is restarted: restart it now.');
    }
    return 0;
  } finally {
    await store.release();
  }
}
