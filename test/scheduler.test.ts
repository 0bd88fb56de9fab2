import { PassThrough } from 'node:stream';
import t from 'tap';
import { findRunningRun, startRun } from '../db/queries/job-runs.ts';
import { lockPublishing } from '../db/queries/store.ts';
import { connectPublisher } from '../jobs/publisher-session.ts';
import { purgePastGrace, purgeUnlessPublishing } from '../jobs/purge-withdrawn.ts';
import type { Run } from '../openapi/run.ts';
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

void t.test('a publication at work when one is due takes its place', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock('2026-11-22T03:59:00Z');
  const source = sourceOf({ ...emptyState(), courses: [course(1)] });
  await publish(
    store,
    {
      ...source,
      open: (options) => {
        clock.set('2026-11-22T04:10:00Z');
        return source.open(options);
      },
    },
    clock,
  );
  const app = await createService(t, store, clock, {
    DASHBOARD_DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
    SNAPSHOT_SCHEDULE: '0 4 * * *',
  });
  clock.set('2026-11-22T05:30:00Z');
  t.match((await app.inject('/v1/status')).json(), {
    last_run: { started_at: '2026-11-22T03:59:00Z', finished_at: '2026-11-22T04:10:00Z' },
    next_expected_at: '2026-11-23T04:00:00Z',
    stale: false,
  });
  t.equal(await app.publisher.catchUp(), undefined);
});

void t.test('a service that only serves expects nothing and is never stale', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  const app = await createService(t, store, clock);
  clock.advance(86_400 * 365);
  t.match((await app.inject('/v1/status')).json(), { next_expected_at: null, stale: false });
  t.equal(await app.publisher.catchUp(), undefined);
});

void t.test('a run whose process was killed has failed, and a run at work has not', async (t) => {
  const token = 'correct-horse-battery-staple-0123456789';
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  const begin = () => store.sql`
    insert into job_runs (trigger, state, started_at) values ('admin', 'running', now())`;
  await begin();
  const app = await createService(t, store, clock, { ADMIN_TOKEN: token });
  const states = await store.sql<{ state: string }[]>`select state from job_runs order by run_id`;
  t.same(states, [{ state: 'succeeded' }, { state: 'failed' }], 'at start');

  const runs = async () => {
    const headers = { authorization: `Bearer ${token}` };
    const page = (await app.inject({ url: '/v1/admin/runs', headers })).json<{ items: Run[] }>();
    return page.items.map(({ state, problem }) => [state, problem]);
  };
  const failed = ['failed', 'The process ended before the run did.'];
  await begin();
  const publisher = await store.sql.reserve();
  t.ok(await lockPublishing(publisher));
  t.same(await runs(), [['running', null], failed, ['succeeded', null]], 'somebody publishes');
  t.match((await app.inject('/v1/status')).json(), { last_run: { run_id: 2 } });
  await publisher`select pg_advisory_unlock_all()`;
  publisher.release();
  t.match((await app.inject('/v1/status')).json(), {
    last_run: {
      run_id: 3,
      state: 'failed',
      problem: 'The publication was cut off before its end; the last snapshot stays in service.',
    },
  });
  t.same(await runs(), [failed, failed, ['succeeded', null]]);
});

void t.test('a run whose process was killed does not pass for the one at work', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const address = { url: store.url };
  const { signal } = new AbortController();
  const purges = [
    () => purgePastGrace({ address, clock: clock.read, signal }),
    () => purgeUnlessPublishing(address, clock.now),
  ];
  for (const purge of purges) {
    await store.sql`
      insert into job_runs (trigger, state, started_at) values ('admin', 'running', now())`;
    await purge();
    t.equal(await findRunningRun(store.sql), undefined, 'whoever else has the lock');
  }
});

void t.test('runs can be read where they cannot be written', async (t) => {
  const store = await createStore(t);
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), new TestClock());
  await store.sql.unsafe(`
    insert into job_runs (trigger, state, started_at) values ('admin', 'running', now());
    create function refuse() returns trigger language plpgsql as $$
    begin raise 'No space left on device' using errcode = 'disk_full'; end $$;
    create trigger refuse before update on job_runs for each row execute function refuse()`);
  const app = await createService(t, store, new TestClock());
  const status = await app.inject('/v1/status');
  t.equal(status.statusCode, 200);
  t.match(status.json(), { latest: { snapshot_id: 1 }, last_run: { state: 'succeeded' } });
});

void t.test(
  'when the first publication fails, the status says that there is nothing',
  async (t) => {
    const app = await createService(t, await createStore(t), new TestClock(), {
      DASHBOARD_CSV: '/nowhere/export.csv',
    });
    t.match((await app.inject('/v1/status')).json(), { stale: false, last_run: null });
    const begun = await app.publisher.catchUp();
    await begun?.finished;
    t.match((await app.inject('/v1/status')).json(), {
      latest: null,
      stale: true,
      last_run: {
        state: 'failed',
        problem: 'The source could not be read and published; nothing is published yet.',
      },
    });
  },
);

void t.test(
  'what is expected, late and caught up with follows the schedule that runs',
  async (t) => {
    const store = await createStore(t);
    const clock = new TestClock('2026-11-22T12:00:00Z');
    await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
    const app = await createService(t, store, clock, {
      DASHBOARD_DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
      // The first Monday of a month: neither every Monday nor each of the first seven days.
      SNAPSHOT_SCHEDULE: '0 4 1-7 * 1',
    });
    const status = async () => (await app.inject('/v1/status')).json<Status>();
    clock.set('2026-12-01T04:00:01Z');
    t.match(await status(), { next_expected_at: '2026-12-07T04:00:00Z', stale: false });
    t.equal(await app.publisher.catchUp(), undefined);
    clock.set('2026-12-07T05:00:01Z');
    t.match(await status(), { next_expected_at: '2026-12-07T04:00:00Z', stale: true });
    const begun = await app.publisher.catchUp();
    t.match(await begun?.finished, { run: { state: 'failed' } });
  },
);

void t.test('what waits at start for another publisher stands in nobody’s way', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const token = 'correct-horse-battery-staple-0123456789';
  const log = new PassThrough({ encoding: 'utf8' });
  let logged = '';
  const published = new Promise<void>((resolve) => {
    log.on('data', (text: string) => {
      logged += text;
      if (text.includes('snapshot published')) resolve();
    });
  });
  const app = await createService(
    t,
    store,
    clock,
    { DASHBOARD_CSV: sample, ADMIN_TOKEN: token },
    { logger: { level: 'info', stream: log } },
  );
  const publisher = connectPublisher({ url: store.url });
  t.ok(await lockPublishing(publisher));
  const { runId } = await startRun(store.sql, 'command', clock.read());
  t.equal(await app.publisher.catchUp(), undefined);
  t.match(logged, /"Another publication \(run 1, since .*Z\) is at work: waiting for it to end\."/);
  const asked = await app.publisher.start('admin');
  t.match(await asked.finished, { busy: true, run: { runId } }, 'the run at work is given');

  await publisher.end();
  await published;
  await app.published.refresh();
  t.match((await app.inject('/v1/status')).json(), {
    latest: { snapshot_id: 1 },
    last_run: { run_id: 2, state: 'succeeded' },
  });
});
