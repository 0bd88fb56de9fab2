import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { Run } from '../openapi/run.ts';
import type { Status } from '../openapi/status.ts';
import { makeExport } from './support/exports.ts';
import { createService, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;
const token = 'correct-horse-battery-staple-0123456789';
const authorization = `Bearer ${token}`;

async function finished(app: FastifyInstance, location: string): Promise<Run> {
  for (;;) {
    const run = (await app.inject({ url: location, headers: { authorization } })).json<Run>();
    if (run.state !== 'running') return run;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

void t.test('there are no admin routes without a token', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock());
  for (const [method, url] of [
    ['POST', '/v1/admin/snapshots'],
    ['GET', '/v1/admin/runs'],
  ] as const) {
    const response = await app.inject({ method, url, headers: { authorization } });
    t.equal(response.statusCode, 404, url);
  }
});

void t.test('only the right token opens the admin routes', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock(), {
    ADMIN_TOKEN: token,
  });
  for (const given of [
    undefined,
    'Bearer',
    'Bearer ',
    `Basic ${token}`,
    `Bearer ${token}x`,
    token,
  ]) {
    const headers = given === undefined ? {} : { authorization: given };
    const response = await app.inject({ url: '/v1/admin/runs', headers });
    t.equal(response.statusCode, 401, String(given));
    t.match(response.headers['www-authenticate'], /^Bearer/);
    t.notMatch(response.body, token);
  }
  const response = await app.inject({ url: '/v1/admin/runs', headers: { authorization } });
  t.equal(response.statusCode, 200);
  t.same(response.json(), { items: [], next_cursor: null });
});

void t.test('publishing on demand gives a run that says how it ended', async (t) => {
  const store = await createStore(t);
  const path = join(t.testdir(), 'export.csv');
  await copyFile(sample, path);
  const clock = new TestClock();
  const app = await createService(t, store, clock, { ADMIN_TOKEN: token, DASHBOARD_CSV: path });
  const begin = () =>
    app.inject({ method: 'POST', url: '/v1/admin/snapshots', headers: { authorization } });

  const [first, second] = await Promise.all([begin(), begin()]);
  t.equal(first.statusCode, 202);
  t.equal(second.headers['location'], first.headers['location'], 'one at a time');
  const run = await finished(app, String(first.headers['location']));
  t.match(run, { trigger: 'admin', state: 'succeeded', snapshot_id: 1, problem: null });
  t.match(run.counts, { courses: 33, added: 33, versions_written: 33 });
  await app.published.refresh();
  t.equal((await app.inject('/v1/snapshots/latest')).statusCode, 200);

  const again = await finished(app, String((await begin()).headers['location']));
  t.match(again, { state: 'unchanged', snapshot_id: null });

  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(';324843;', ';many;'));
  const failed = await finished(app, String((await begin()).headers['location']));
  t.equal(failed.state, 'failed');
  t.match(failed.problem, /line 2, column "total_edits": "many"/);
  const status = (await app.inject('/v1/status')).json<Status>();
  t.match(status, { latest: { snapshot_id: 1 }, last_run: { state: 'failed' } });
  t.notMatch(JSON.stringify(status), path, 'details are for operators');
  t.equal((await app.inject('/v1/snapshots/latest')).statusCode, 200, 'the old one stays');

  const runs = await app.inject({ url: '/v1/admin/runs?limit=2', headers: { authorization } });
  const page = runs.json<{ items: Run[]; next_cursor: string }>();
  t.same(
    page.items.map((item) => item.run_id),
    [3, 2],
  );
  const rest = await app.inject({
    url: `/v1/admin/runs?limit=2&cursor=${page.next_cursor}`,
    headers: { authorization },
  });
  t.match(rest.json(), { items: [{ run_id: 1 }], next_cursor: null });
});

void t.test('only an operator’s word publishes what lacks most courses', async (t) => {
  const store = await createStore(t);
  const path = join(t.testdir(), 'export.csv');
  await writeFile(path, makeExport(60, 0).text);
  const clock = new TestClock();
  const app = await createService(t, store, clock, { ADMIN_TOKEN: token, DASHBOARD_CSV: path });
  const publish = async (query = '') => {
    clock.advance(60);
    const response = await app.inject({
      method: 'POST',
      url: `/v1/admin/snapshots${query}`,
      headers: { authorization },
    });
    t.equal(response.statusCode, 202);
    const run = await finished(app, String(response.headers['location']));
    await app.published.refresh();
    return run;
  };
  t.match(await publish(), { state: 'succeeded', snapshot_id: 1 });
  await writeFile(path, makeExport(5, 0).text);
  for (const query of ['', '?confirm_withdrawals=false']) {
    t.match(await publish(query), { state: 'refused', snapshot_id: null, problem: /55 of 60/ });
  }
  t.match((await app.inject('/v1/snapshots/latest')).json(), { totals: { courses: 60 } });
  t.match(await publish('?confirm_withdrawals=true'), {
    state: 'succeeded',
    snapshot_id: 2,
    counts: { courses: 5, withdrawn: 55 },
  });
  t.match((await app.inject('/v1/snapshots/latest')).json(), { totals: { courses: 5 } });
  t.match((await app.inject('/v1/totals?snapshot=1')).json(), {
    withdrawn_since: 55,
    totals: { courses: 5 },
  });
});

void t.test('a body is not passed over', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock(), {
    ADMIN_TOKEN: token,
    DASHBOARD_CSV: sample,
  });
  const post = (payload?: object | string) =>
    app.inject({
      method: 'POST',
      url: '/v1/admin/snapshots',
      headers: {
        authorization,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(payload === undefined ? {} : { payload }),
    });
  for (const [payload, name, detail] of [
    [{ confirm_withdrawals: true }, '/confirm_withdrawals', /parameter of the query/],
    [{ confirm: true }, '/confirm', /is not known here/],
    [[], '', /can be left out/],
    ['"yes"', '', /can be left out/],
  ] as const) {
    const response = await post(payload);
    t.equal(response.statusCode, 400, JSON.stringify(payload));
    const { errors } = response.json<{ errors: { in: string; name: string; detail: string }[] }>();
    t.match(errors, [{ in: 'body', name, detail }]);
  }
  const { count } = await store.sql`select from job_runs`;
  t.equal(count, 0, 'and nothing has begun');
  t.equal((await post({})).statusCode, 202);
});

void t.test('without a source there is nothing to publish', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock(), {
    ADMIN_TOKEN: token,
  });
  const response = await app.inject({
    method: 'POST',
    url: '/v1/admin/snapshots',
    headers: { authorization },
  });
  t.equal(response.statusCode, 409);
});

void t.test('an unknown run is a 404, a bad one a 400', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock(), {
    ADMIN_TOKEN: token,
  });
  const status = async (url: string) =>
    (await app.inject({ url, headers: { authorization } })).statusCode;
  t.equal(await status('/v1/admin/runs/7'), 404);
  t.equal(await status('/v1/admin/runs/seven'), 400);
  t.equal(await status('/v1/admin/runs?cursor=x'), 400);
});
