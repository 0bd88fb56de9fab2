import t from 'tap';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

/** The values by their names with labels, as they stand in the text. */
function valuesOf(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)];
    }),
  );
}

t.test('what is asked and what is published is counted', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  const app = await createService(t, store, clock);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers });
    await answer.arrayBuffer();
    return answer;
  };
  await ask('/v1/totals?type=Editathon&campaign=none');
  await ask('/v1/totals?campaign=nobody%27s_secret');
  await ask('/nowhere/at/all');
  const tag = (await ask('/v1/snapshots/latest')).headers.get('etag') ?? '';
  await ask('/v1/snapshots/latest');
  await ask('/v1/snapshots/latest');
  await ask('/v1/snapshots/latest', { 'if-none-match': tag });

  const answer = await fetch(`${url}/metrics`);
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(answer.headers.get('cache-control'), 'no-store');
  t.notOk(answer.headers.has('ratelimit'), 'costs no quota');
  const text = await answer.text();
  const requests = (route: string, status: number) =>
    `http_request_duration_seconds_count{method="GET",route="${route}",status="${String(status)}"}`;
  t.match(valuesOf(text), {
    [requests('/v1/totals', 200)]: '1',
    [requests('/v1/totals', 400)]: '1',
    [requests('none', 404)]: '1',
    'dashboard_open_data_ready_answers_total{status="304"}': '1',
    dashboard_open_data_latest_snapshot_id: '1',
    dashboard_open_data_latest_snapshot_timestamp_seconds: String(clock.now.getTime() / 1000),
    dashboard_open_data_revision: '0',
    dashboard_open_data_heavy_questions_running: '0',
    dashboard_open_data_downloads_waiting: '0',
    process_resident_memory_bytes: /^\d+$/,
  });
  const values = valuesOf(text);
  const given = Number(values['dashboard_open_data_ready_answers_total{status="200"}']);
  const routed = Number(values[requests('/v1/snapshots/latest', 200)]);
  t.equal(given + routed, 3, 'each is counted once, ahead of routing or in it');
  t.ok(given >= 1);
  t.notMatch(text, 'secret', 'nothing of what was asked for');

  const again = await app.inject('/metrics');
  t.equal(valuesOf(again.body)[requests('/metrics', 200)], '1');
});

t.test('runs are counted by how they ended', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock(), { DASHBOARD_CSV: sample });
  const runs = async (state: string) =>
    valuesOf((await app.inject('/metrics')).body)[
      `dashboard_open_data_runs_total{state="${state}"}`
    ];
  t.equal(await runs('succeeded'), '0');
  t.notMatch((await app.inject('/metrics')).body, /^dashboard_open_data_latest_snapshot_id \d/m);
  for (const state of ['succeeded', 'unchanged']) {
    await (
      await app.publisher.start('command')
    ).finished;
    t.equal(await runs(state), '1');
  }
  t.match((await app.inject('/metrics')).body, /^dashboard_open_data_latest_snapshot_id 1$/m);
});
