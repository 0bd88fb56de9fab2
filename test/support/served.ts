import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import type { RunRow } from '../../db/queries/job-runs.ts';
import { sourceOf, type SourceState } from './courses.ts';
import { createService, publish, TestClock } from './service.ts';
import { createStore, type TestStore } from './store.ts';

/** A service over a source whose state the test changes between publications. */
export interface Served {
  readonly app: FastifyInstance;
  readonly store: TestStore;
  /** Publishes the state as it stands, a minute after the last time. */
  readonly publish: () => Promise<void>;
  /** The same without an operator's word; gives the run, however it ends. */
  readonly tryToPublish: () => Promise<RunRow>;
}

/** Publishes the state for the first time, and serves it. */
export async function serve(t: Test, state: SourceState, start?: string): Promise<Served> {
  const store = await createStore(t);
  const clock = new TestClock(start);
  const publishNow = async () => {
    const { run } = await publish(store, sourceOf(state), clock, { confirmWithdrawals: true });
    if (run.problem !== null) throw new Error(run.problem);
  };
  await publishNow();
  const app = await createService(t, store, clock);
  return {
    app,
    store,
    publish: () => {
      clock.advance(60);
      return publishNow();
    },
    tryToPublish: async () => {
      clock.advance(60);
      return (await publish(store, sourceOf(state), clock)).run;
    },
  };
}

/** The body of a 200. */
export async function read<Body>(app: FastifyInstance, url: string): Promise<Body> {
  const response = await app.inject(url);
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.body}`);
  return response.json<Body>();
}
