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
import { holdToContract, type Findings } from './conformance.ts';
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

const findingsOf = new WeakMap<FastifyInstance, Findings>();

/** What was wrong with the answers that a service has given over connections. */
export async function wrongAnswers(app: FastifyInstance): Promise<readonly string[]> {
  const found = await findingsOf.get(app)?.found();
  return (found ?? []).map(({ message }) => message);
}

/**
 * The service with these settings, as the server would build it, and every answer held to its
 * document. There is no other way to it for a test: a lint rule sees to that.
 */
export async function buildService(
  t: Cleanup,
  environment: Readonly<Record<string, string>>,
  overrides: Overrides = {},
): Promise<FastifyInstance> {
  const settings = { LOG_LEVEL: 'silent', RATE_LIMIT_PER_MINUTE: '100000', ...environment };
  const app = await buildApp(readConfig(settings), overrides);
  // Looked at last, when no answer is under way any more.
  const findings = holdToContract(t, app);
  t.teardown(() => app.close());
  findingsOf.set(app, findings);
  return app;
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
  return buildService(
    t,
    { DATABASE_URL: store.url, DATA_DIR: dataDirectory, ...environment },
    { scheduler: false, clock: clock.read, ...overrides },
  );
}
