/**
 * Publishes when it is due and when an operator asks, one publication at a time, and erases
 * what is past its grace, whether or not anything is published.
 */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import cron, { type ScheduledTask } from 'node-cron';
import {
  failRunsWithoutPublisher,
  findLastSuccess,
  findRun,
  type RunRow,
  type RunTrigger,
} from '../db/queries/job-runs.ts';
import { loadDemo } from '../jobs/load-demo.ts';
import { runPublication, type PublicationResult } from '../jobs/run-publication.ts';
import { configuredSource, type ConfiguredSource } from '../jobs/configured-source.ts';
import { PublicationTimes } from '../jobs/publication-times.ts';
import { purgeUnlessPublishing } from '../jobs/purge-withdrawn.ts';

export interface SchedulerOptions {
  /** Absent where the service only serves what is published already, or a demonstration. */
  readonly source: ConfiguredSource | undefined;
  /** Cron, UTC; absent for only on demand. */
  readonly schedule: string | undefined;
  /** False in tests, which publish when they want to. */
  readonly enabled: boolean;
  readonly clock: () => Date;
  readonly personKeySecret: string | undefined;
}

export interface StartedRun {
  /** The run as it began: this one, or the one that was found at work. */
  readonly run: RunRow;
  /** Settles when it has ended; a run of another instance has ended as far as this one knows. */
  readonly finished: Promise<PublicationResult>;
}

export interface StartOptions {
  readonly confirmWithdrawals?: boolean;
}

export interface Publisher {
  readonly hasSource: boolean;
  /** Begins a publication, or gives the one at work. @throws when there is no source */
  start(trigger: RunTrigger, options?: StartOptions): Promise<StartedRun>;
  /**
   * Begins one if one is due: nothing is published, a scheduled one was missed, or a file is given.
   * While another publisher is at work it waits in the background.
   *
   * @returns undefined where none is due, or it has waited for a second
   */
  catchUp(): Promise<StartedRun | undefined>;
  /** Gives the demonstration the snapshots of its past that it lacks. */
  loadDemo(onProgress: (sentence: string) => void): Promise<void>;
  /** Erases the withdrawn courses that are past their grace, unless a publication just does. */
  purge(): Promise<void>;
  /** Before runs are read: those whose process was killed are not running, but have failed. */
  settleRuns(): Promise<void>;
  /** When the next publication after the last good one is due; undefined where none is. */
  nextExpectedAt(): Promise<Date | undefined>;
}

declare module 'fastify' {
  interface FastifyInstance {
    publisher: Publisher;
  }
}

/** When it is looked for what is past its grace, cron: within an hour is soon after 30 days. */
const purgeSchedule = '17 * * * *';

function scheduler(app: FastifyInstance, options: SchedulerOptions): void {
  const { schedule, clock } = options;
  const { address, isDemo } = app.store;
  const source = configuredSource(options.source, isDemo);
  const task =
    source === undefined || schedule === undefined
      ? undefined
      : onSchedule(schedule, publishOnSchedule);
  // What runs, what is expected and what was missed are the same, read from the task itself.
  const times = task && new PublicationTimes(task);
  const stopping = new AbortController();
  let current: Promise<StartedRun> | undefined;
  const working = new Set<Promise<unknown>>();
  let purging: Promise<unknown> = Promise.resolve();
  const ended = { succeeded: 0, unchanged: 0, refused: 0, failed: 0 };
  app.telemetry.counts('runs_total', 'Publications of this process.', 'state', () => ended);

  function onSchedule(expression: string, work: () => Promise<unknown>): ScheduledTask {
    return cron.createTask(expression, work, {
      timezone: 'UTC',
      noOverlap: true,
      // A process that was asleep or busy at the time is late, rather than waits for the next.
      missedExecutionTolerance: Infinity,
      logger: cronLogger(app.log),
    });
  }

  async function publishOnSchedule(): Promise<void> {
    try {
      const { finished } = await publisher.start('schedule');
      await finished;
    } catch (error) {
      app.log.error({ err: error }, 'the scheduled publication could not begin');
    }
  }

  function finishBeforeClosing(work: Promise<unknown>): void {
    const ended = work
      .catch(() => undefined)
      .then(() => {
        working.delete(ended);
      });
    working.add(ended);
  }

  /** With `onWaiting` it waits for another publisher to end, instead of giving its run. */
  function begin(
    trigger: RunTrigger,
    { confirmWithdrawals = false }: StartOptions,
    onWaiting?: () => void,
  ): Promise<StartedRun> {
    if (source === undefined) throw new Error('no source is configured');
    const begun = new Promise<StartedRun>((resolve, reject) => {
      const finished = runPublication({
        address,
        source,
        trigger,
        clock,
        log: app.log,
        signal: stopping.signal,
        wait: onWaiting !== undefined,
        onWaiting: (sentence) => {
          app.log.info(sentence);
          onWaiting?.();
        },
        confirmWithdrawals,
        personKeySecret: options.personKeySecret,
        onStarted: (run) => {
          // Not while it waits: who asks meanwhile is given the run that it waits for.
          current = begun;
          resolve({ run, finished });
        },
      }).then(async (result) => {
        if (result.busy) return result;
        const { state } = result.run;
        if (state !== 'running') ended[state] += 1;
        await app.published.refresh();
        return result;
      });
      const end = () => {
        if (current === begun) current = undefined;
      };
      finishBeforeClosing(
        finished.then(
          (result) => {
            end();
            resolve({ run: result.run, finished });
          },
          (error: unknown) => {
            end();
            if (!stopping.signal.aborted) ended.failed += 1;
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        ),
      );
    });
    return begun;
  }

  /** Whoever asked goes on after a second of waiting; the publication begins when it can. */
  function beginInTurn(trigger: RunTrigger): Promise<StartedRun | undefined> {
    return new Promise((resolve, reject) => {
      const begun = begin(trigger, {}, () => {
        begun.catch((error: unknown) => {
          if (stopping.signal.aborted) return;
          app.log.error({ err: error }, 'the publication that was waiting could not begin');
        });
        resolve(undefined);
      });
      begun.then(resolve, reject);
    });
  }

  const publisher: Publisher = {
    hasSource: source !== undefined,
    async start(trigger, startOptions = {}) {
      while (current !== undefined) {
        const atWork = await current;
        const run = await findRun(app.sql, atWork.run.runId);
        if (run?.state === 'running') return { ...atWork, run };
        // It has ended and is letting go: its run must not stand for what is asked now.
        await atWork.finished;
      }
      return (current = begin(trigger, startOptions));
    },
    async catchUp() {
      if (source === undefined) return undefined;
      const last = await findLastSuccess(app.sql);
      const isDue =
        app.published.latest === undefined ||
        last === undefined ||
        source.kind === 'dashboard_csv' ||
        (times !== undefined && times.next(last) <= clock());
      return isDue ? beginInTurn('start') : undefined;
    },
    async loadDemo(onProgress) {
      const loading = loadDemo({
        address,
        clock,
        log: app.log,
        signal: stopping.signal,
        onProgress,
      });
      finishBeforeClosing(loading);
      await loading;
      await app.published.refresh();
    },
    async purge() {
      try {
        const purged = await purgeUnlessPublishing(address, clock());
        if (purged) app.log.info({ purged }, 'withdrawn courses past their grace were erased');
      } catch (error) {
        app.log.error({ err: error }, 'withdrawn courses past their grace could not be erased');
      }
    },
    async settleRuns() {
      try {
        await failRunsWithoutPublisher(app.sql, clock());
      } catch (error) {
        // As on a full disk: they are read as they stand, which tells that they did not end.
        app.log.warn({ err: error }, 'runs whose process has gone could not be marked as failed');
      }
    },
    async nextExpectedAt() {
      return times?.next((await findLastSuccess(app.sql)) ?? clock());
    },
  };
  app.decorate('publisher', publisher);

  app.addHook('onReady', async () => {
    await publisher.settleRuns();
  });
  function keepRunning(scheduled: ScheduledTask): void {
    if (options.enabled) {
      app.addHook('onReady', async () => {
        await scheduled.start();
      });
    }
    app.addHook('preClose', async () => {
      await scheduled.destroy();
    });
  }

  if (options.enabled) app.addHook('onReady', () => publisher.purge());
  keepRunning(onSchedule(purgeSchedule, () => (purging = publisher.purge())));
  if (task !== undefined) keepRunning(task);
  app.addHook('preClose', async () => {
    stopping.abort();
    await Promise.all(working);
    await purging;
  });
}

/** node-cron writes to the console unless it is given something else. */
function cronLogger(log: FastifyBaseLogger) {
  const write = (level: 'warn' | 'error' | 'debug') => (what: string | Error, error?: Error) => {
    const err = what instanceof Error ? what : error;
    log[level]({ err }, `the schedule: ${what instanceof Error ? what.message : what}`);
  };
  return {
    info: write('debug'),
    warn: write('warn'),
    error: write('error'),
    debug: write('debug'),
  };
}

export default fp(scheduler, {
  name: 'scheduler',
  dependencies: ['database', 'published', 'telemetry'],
});
