import t from 'tap';
import type { Status } from '../openapi/status.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

void t.test('a configured source is published at start when nothing is', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock(), { DASHBOARD_CSV: sample });
  const begun = await app.publisher.catchUp();
  t.match(await begun?.finished, { run: { state: 'succeeded', trigger: 'start' } });
  t.equal((await app.inject('/v1/snapshots/latest')).statusCode, 200, 'served at once');
});

void t.test(
  'a missed publication is caught up with, and one that is not due is not made',
  async (t) => {
    const store = await createStore(t);
    const clock = new TestClock('2026-11-22T04:00:10Z');
    await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
    const environment = {
      DASHBOARD_DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
      SNAPSHOT_SCHEDULE: '0 4 * * *',
    };
    const app = await createService(t, store, clock, environment);
    clock.set('2026-11-23T03:59:59Z');
    t.equal(await app.publisher.catchUp(), undefined);
    t.equal((await app.publisher.nextExpectedAt())?.toISOString(), '2026-11-23T04:00:00.000Z');
    clock.set('2026-11-23T04:00:01Z');
    const begun = await app.publisher.catchUp();
    const result = await begun?.finished;
    t.equal(result?.run.state, 'failed', 'there is no database at that address');
    t.match(result?.run.problem, /\w/);

    const status = async () => (await app.inject('/v1/status')).json<Status>();
    t.match(await status(), { stale: false, next_expected_at: '2026-11-23T04:00:00Z' });
    clock.set('2026-11-23T05:00:01Z');
    t.match(await status(), { stale: true, last_run: { state: 'failed' } });
  },
);

void t.test('a service that only serves expects nothing and is never stale', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  const app = await createService(t, store, clock);
  clock.advance(86_400 * 365);
  t.match((await app.inject('/v1/status')).json(), { next_expected_at: null, stale: false });
  t.equal(await app.publisher.catchUp(), undefined);
});
