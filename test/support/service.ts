import type { FastifyInstance } from 'fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp, type Overrides } from '../../app.ts';
import { readConfig } from '../../config.ts';
import type { JobLog } from '../../jobs/run-publication.ts';
import { runPublication, type PublicationResult } from '../../jobs/run-publication.ts';
import type { Source } from '../../sources/source.ts';
import type { Cleanup } from '../embedded/holder.ts';
import { holdToContract } from './conformance.ts';
import type { TestStore } from './store.ts';

/** A clock that stands still until it is set. */
export class TestClock {
  now: Date;

  constructor(start = '2026-11-22T12:00:00Z') {
    this.now = new Date(start);
  }

  readonly read = (): Date => new Date(this.now);

  set(moment: string): void {
    this.now = new Date(moment);
  }

  advance(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000);
  }
}

export const silentLog: JobLog = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface PublishOptions {
  readonly confirmWithdrawals?: boolean;
}

/** Publishes with the very job that the service runs. */
export function publish(
  store: TestStore,
  source: Source,
  clock: TestClock,
  options: PublishOptions = {},
): Promise<PublicationResult> {
  return runPublication({
    address: { url: store.url },
    source,
    trigger: 'command',
    clock: clock.read,
    log: silentLog,
    signal: new AbortController().signal,
    wait: true,
    ...options,
  });
}

/** The service over a test's store, as the server would build it. */
export async function createService(
  t: Cleanup,
  store: TestStore,
  clock: TestClock,
  environment: Record<string, string> = {},
  overrides: Overrides = {},
): Promise<FastifyInstance> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'dod-service-'));
  t.teardown(() => rm(dataDirectory, { recursive: true, force: true }));
  const config = readConfig({
    DATABASE_URL: store.url,
    DATA_DIR: dataDirectory,
    LOG_LEVEL: 'silent',
    RATE_LIMIT_PER_MINUTE: '100000',
    ...environment,
  });
  const app = await buildApp(config, { scheduler: false, clock: clock.read, ...overrides });
  t.teardown(() => app.close());
  holdToContract(t, app);
  return app;
}
