import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { metrics } from '../metrics/registry.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import type { Snapshot, SnapshotHistoryItem } from '../openapi/snapshot.ts';
import { course, emptyState, sourceOf, type SourceState } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

interface History {
  readonly items: readonly SnapshotHistoryItem[];
  readonly next_cursor: string | null;
}

async function get(app: FastifyInstance, url: string, headers: Record<string, string> = {}) {
  return app.inject({ url, headers });
}

/** A store with one more course at each of the given moments. */
async function growing(store: TestStore, moments: readonly string[]): Promise<TestClock> {
  const clock = new TestClock();
  const state: SourceState = emptyState();
  for (const [index, moment] of moments.entries()) {
    clock.set(moment);
    state.courses.push(course(index + 1));
    await publish(store, sourceOf(state), clock);
  }
  return clock;
}

void t.test('before anything is published, data are 503 and the rest answers', async (t) => {
  const app = await createService(t, await createStore(t), new TestClock());
  for (const url of [
    '/v1/snapshots/latest',
    '/v1/snapshots',
    '/v1/snapshots/1',
    '/v1/snapshots/1/citation',
    '/v1/snapshots.csv',
    '/v1/courses.csv',
    '/system_metrics.json',
    '/health/ready',
  ]) {
    const response = await get(app, url);
    t.equal(response.statusCode, 503, url);
    t.ok(Number(response.headers['retry-after']) > 0, `${url} says when to come back`);
    t.match(response.headers['content-type'], 'application/problem+json');
  }
  for (const url of ['/v1/status', '/v1/metrics', '/health/live', '/', '/docs', '/openapi.json']) {
    t.equal((await get(app, url)).statusCode, 200, url);
  }
  t.match((await get(app, '/v1/status')).json(), { latest: null, source: null, stale: false });
});

void t.test('the history is named by its question, however it is written', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-01-31T12:00:00Z', '2026-02-01T12:00:00Z']);
  const app = await createService(t, store, clock);
  const tag = async (query: string) => (await get(app, `/v1/snapshots${query}`)).headers.etag;
  const one = await tag('');
  t.equal(await tag('?order=desc&limit=100&interval=day'), one);
  t.not(await tag('?order=asc'), one);
  t.not(await tag('?limit=99'), one);
  const part = await tag('?to=2026-03-01&from=2026-01-01');
  t.not(part, one);
  t.equal(await tag('?from=2026-01-01&to=2026-03-01&interval=day'), part);
});

void t.test('the sample export is served as its exact numbers, in JSON and in CSV', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, dashboardCsvSource(sample), clock);
  const app = await createService(t, store, clock);
  const snapshot = (await get(app, '/v1/snapshots/latest')).json<Snapshot>();
  t.match(snapshot, {
    snapshot_id: 1,
    computed_at: '2026-11-22T12:00:00Z',
    source: { kind: 'dashboard_csv', read_at: '2026-11-22T12:00:00Z' },
    definitions_version: 1,
    previous_snapshot_id: null,
    changes: { added: 33, changed: 0, withdrawn: 0 },
    totals: {
      courses: 33,
      edits: 370058,
      bytes_added: 132595465,
      words_added: Math.trunc(132595465 / 5.175),
      references_added: 132379,
      article_views: 60431,
      enrollments: 469,
      editors: null,
      new_editors: null,
    },
    coverage: { courses: 33, mainspace_edits: 28, words_added: 33, editors: 0 },
  });
  t.same(
    Object.keys(snapshot.totals),
    metrics.map((metric) => metric.name),
    'every metric, in the order of the dictionary',
  );

  const download = await get(app, '/v1/courses.csv');
  t.match(download.headers, {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="dashboard-courses-snapshot-1.csv"',
    'row-count': '33',
    'snapshot-id': '1',
    'cache-control': 'no-cache',
  });
  const rows: Record<string, string>[] = parse(download.body, { columns: true, bom: false });
  t.equal(rows.length, 33);
  t.ok(download.body.endsWith('\r\n'), 'lines end with CRLF');
  for (const metric of metrics.filter(({ kind }) => kind === 'sum')) {
    const values = rows.map((row) => row[metric.name]).filter((value) => value !== '');
    const sum = values.reduce((total, value) => total + Number(value), 0);
    const total = snapshot.totals[metric.name] ?? null;
    t.equal(values.length === 0 ? null : sum, total, `${metric.name} adds up`);
  }
  t.match(
    rows.find(({ slug }) => slug === 'Wikimedia_Indonesia/Geodatathon_Agustus_2025'),
    {
      start: '2025-08-26T17:00:00Z',
      created_at: '2025-08-22T14:46:47Z',
      status: 'archived',
      new_or_returning: 'returning_instructor',
      url: 'https://outreachdashboard.wmflabs.org/courses/Wikimedia_Indonesia/Geodatathon_Agustus_2025',
      words_added: String(Math.trunc(72722530 / 5.175)),
      trained_enrollments: '26',
      article_talk_edits: '',
    },
  );
});

void t.test('a past snapshot and its file answer byte for byte as before', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state: SourceState = { ...emptyState(), courses: [course(1), course(2), course(3)] };
  await publish(store, sourceOf(state), clock);
  const app = await createService(t, store, clock);
  const urls = ['/v1/snapshots/1', '/v1/courses.csv?snapshot=1'];
  const before = await Promise.all(urls.map((url) => get(app, url)));

  state.courses[1] = course(2, { title: 'Renamed', metrics: { edits: 99 } });
  clock.advance(86_400 * 60);
  await publish(store, sourceOf(state), clock);
  await app.published.refresh();
  for (const [index, url] of urls.entries()) {
    const after = await get(app, url);
    t.equal(after.body, before[index]?.body, url);
    t.equal(after.headers.etag, before[index]?.headers.etag, `${url} has the same ETag`);
  }
  t.equal((await get(app, '/v1/snapshots/latest')).json<Snapshot>().snapshot_id, 2);
});

void t.test('every data answer carries its headers', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-21T12:00:00Z', '2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock, { DATA_LICENSE: 'CC0 https://example.org/cc0' });
  const cases = [
    ['/v1/snapshots/latest', 'public, max-age=300, stale-while-revalidate=3600'],
    ['/v1/snapshots/2', 'public, max-age=31536000, immutable'],
    ['/v1/snapshots', 'public, max-age=300, stale-while-revalidate=3600'],
    ['/v1/snapshots.csv', 'public, max-age=300, stale-while-revalidate=3600'],
    ['/v1/courses.csv', 'no-cache'],
    ['/system_metrics.json', 'public, max-age=300, stale-while-revalidate=3600'],
  ] as const;
  for (const [url, cacheControl] of cases) {
    const { headers } = await get(app, url);
    t.match(
      headers,
      {
        'snapshot-id': '2',
        etag: /^"[^"]+"$/,
        'last-modified': 'Sun, 22 Nov 2026 12:00:00 GMT',
        'cache-control': cacheControl,
        vary: 'Accept-Encoding',
        'ratelimit-policy': '"anonymous";q=100000;w=60',
        ratelimit: /^"anonymous";r=\d+;t=\d+$/,
        'access-control-allow-origin': '*',
      },
      url,
    );
    t.match(headers['link'], '<https://example.org/cc0>; rel="license"; title="CC0"');
    const describedBy =
      url === '/v1/courses.csv' ? '/v1/datapackage.json?snapshot=2' : '/v1/metrics';
    t.match(headers['link'], `<${describedBy}>; rel="describedby"`);
  }
  t.match(
    (await get(app, '/v1/snapshots/latest')).headers['link'],
    '</v1/snapshots/2>; rel="canonical"',
  );
  t.match(
    (await get(app, '/v1/courses.csv')).headers['link'],
    '</v1/courses.csv?snapshot=2>; rel="canonical"',
  );
  t.notMatch((await get(app, '/v1/courses.csv?snapshot=2')).headers['link'], 'canonical');
});

void t.test('a 304 means that the very bytes the client holds would be sent', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state: SourceState = { ...emptyState(), courses: [course(1), course(2)] };
  await publish(store, sourceOf(state), clock);
  const app = await createService(t, store, clock);
  const urls = [
    '/v1/snapshots/latest',
    '/v1/snapshots/1',
    '/system_metrics.json',
    '/v1/snapshots',
    '/v1/snapshots?order=asc',
    '/v1/snapshots.csv',
    '/v1/courses.csv',
    '/v1/metrics',
    '/v1/status',
  ];
  const tags = new Map<string, string>();
  for (const url of urls) {
    tags.set(url, (await get(app, url)).headers.etag ?? '');
  }
  for (const url of urls) {
    for (const [other, tag] of tags) {
      const { statusCode } = await get(app, url, { 'if-none-match': tag });
      t.equal(statusCode, url === other ? 304 : 200, `${url} with the ETag of ${other}`);
    }
  }

  const held = (await get(app, '/v1/snapshots/latest')).headers;
  const heldFile = (await get(app, '/v1/courses.csv?snapshot=1')).headers;
  state.hidden = [2];
  state.courses = [course(1)];
  clock.advance(1);
  await publish(store, sourceOf(state), clock);
  await app.published.refresh();
  const conditions = (headers: typeof held) => [
    { 'if-none-match': headers.etag ?? '' },
    { 'if-modified-since': headers['last-modified'] ?? '' },
  ];
  for (const condition of conditions(held)) {
    t.equal((await get(app, '/v1/snapshots/latest', condition)).statusCode, 200);
  }
  for (const condition of conditions(heldFile)) {
    const response = await get(app, '/v1/courses.csv?snapshot=1', condition);
    t.equal(response.statusCode, 200, 'a file with a withdrawn course is not what is sent now');
    t.notMatch(response.body, 'Course_2');
    t.equal(response.headers['row-count'], '1');
  }
  t.equal(
    (await get(app, '/v1/snapshots/1')).json<Snapshot>().totals['courses'],
    2,
    'the published total stays',
  );
});

void t.test(
  'a copy that was sent after the next snapshot was dated is not taken for it',
  async (t) => {
    const store = await createStore(t);
    const clock = await growing(store, ['2026-11-22T12:00:00Z']);
    const app = await createService(t, store, clock);
    const urls = ['/v1/snapshots/latest', '/system_metrics.json', '/v1/snapshots', '/v1/totals'];
    const held = new Map<string, string>();
    for (const url of urls) {
      held.set(url, String((await get(app, url)).headers['last-modified']));
    }
    // A publication begins, and reads for half a minute before its snapshot can be seen.
    clock.set('2026-11-22T13:00:00Z');
    await publish(store, sourceOf({ ...emptyState(), courses: [course(1), course(2)] }), clock);
    await app.published.refresh();
    const date = 'Sun, 22 Nov 2026 13:00:30 GMT';
    for (const url of urls) {
      for (const since of [date, held.get(url) ?? '', 'Sun, 22 Nov 2026 12:59:59 GMT']) {
        const { statusCode } = await get(app, url, { 'if-modified-since': since });
        t.equal(statusCode, 200, `${url} since ${since}`);
      }
      const now = String((await get(app, url)).headers['last-modified']);
      t.equal((await get(app, url, { 'if-modified-since': now })).statusCode, 304, url);
    }
    const first = (since: string) => get(app, '/v1/snapshots/1', { 'if-modified-since': since });
    t.equal((await first(date)).statusCode, 304, 'a snapshot never changes');
    t.equal((await first('Sun, 22 Nov 2026 11:59:59 GMT')).statusCode, 200);
  },
);

void t.test('whatever the name of the licence, a header field has it', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf(emptyState()), clock);
  for (const [name, title] of [
    ['CC BY-SA 4.0', 'title="CC BY-SA 4.0"'],
    ['Licence Ouverte (v2)', 'title="Licence Ouverte (v2)"'],
    ['Données', "title*=UTF-8''Donn%C3%A9es"],
    [`"It's", a*`, "title*=UTF-8''%22It%27s%22%2C%20a%2A"],
  ] as const) {
    const app = await createService(t, store, clock, {
      DATA_LICENSE: `${name} https://example.org/licence`,
    });
    const { headers } = await get(app, '/v1/snapshots/latest');
    const link = `<https://example.org/licence>; rel="license"; ${title}, <`;
    t.ok(String(headers['link']).startsWith(link), name);
  }
});

void t.test('a snapshot is dated after the revision before it', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  await store.sql`update store set revision = 1, revised_at = '2026-11-22T12:00:05Z'`;
  clock.set('2026-11-22T12:00:05Z');
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1), course(2)] }), clock);
  const app = await createService(t, store, clock);
  const { headers } = await get(app, '/v1/snapshots');
  t.equal(headers['last-modified'], 'Sun, 22 Nov 2026 12:00:06 GMT');
});

void t.test('answers that are written in another way are dated anew', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  const urls = ['/v1/courses', '/v1/courses/1', '/v1/courses.csv', '/v1/snapshots'];
  const dated = (app: FastifyInstance) =>
    Promise.all(urls.map(async (url) => String((await get(app, url)).headers['last-modified'])));
  const one = { DASHBOARD_URL: 'https://one.example' };
  const other = { DASHBOARD_URL: 'https://other.example' };

  const held = await dated(await createService(t, store, clock, one));
  t.same(held, Array(4).fill('Sun, 22 Nov 2026 12:00:00 GMT'), 'by the snapshot');
  t.same(await dated(await createService(t, store, clock, one)), held);
  const app = await createService(t, store, clock, other);
  for (const [index, url] of urls.entries()) {
    const since = { 'if-modified-since': held[index] ?? '' };
    const { statusCode, headers } = await get(app, url, since);
    t.equal(statusCode, 200, url);
    const now = String(headers['last-modified']);
    t.ok(Date.parse(now) > Date.parse(held[index] ?? ''), url);
    t.equal((await get(app, url, { 'if-modified-since': now })).statusCode, 304, url);
  }
  t.equal((await get(app, '/v1/status')).json<{ revision: number }>().revision, 0);
  const back = await dated(await createService(t, store, clock, one));
  t.ok(back.every((date, index) => Date.parse(date) > Date.parse(held[index] ?? '') + 1000));
});

void t.test('the status and the dictionary name the snapshot and a date too', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock());
  for (const url of ['/v1/status', '/v1/metrics']) {
    const { headers } = await get(app, url);
    t.equal(headers['snapshot-id'], undefined, `${url} before anything is published`);
    t.ok(headers.etag);
  }
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  for (const [snapshotId, date] of [
    ['1', 'Sun, 22 Nov 2026 12:00:00 GMT'],
    ['2', 'Mon, 23 Nov 2026 12:00:00 GMT'],
  ] as const) {
    await app.published.refresh();
    for (const url of ['/v1/status', '/v1/metrics']) {
      const { headers } = await get(app, url);
      t.equal(headers['snapshot-id'], snapshotId, url);
      t.equal(headers['last-modified'], date, url);
      const byDate = await get(app, url, { 'if-modified-since': date });
      t.equal(byDate.statusCode, 200, `no date of ${url} proves anything`);
      const byTag = await get(app, url, { 'if-none-match': headers.etag ?? '' });
      t.equal(byTag.statusCode, 304, url);
    }
    clock.set('2026-11-23T12:00:00Z');
    await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  }
});

void t.test('codings have tags of their own', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock);
  for (const url of ['/v1/snapshots/latest', '/v1/courses.csv', '/v1/snapshots.csv']) {
    const plain = await get(app, url);
    const zipped = await get(app, url, { 'accept-encoding': 'gzip' });
    t.equal(zipped.headers['content-encoding'], 'gzip', url);
    t.not(zipped.headers.etag, plain.headers.etag);
    const crossed = await get(app, url, { 'if-none-match': zipped.headers.etag ?? '' });
    t.equal(crossed.statusCode, 200, 'gzip’s tag is not that of the plain bytes');
  }
});

void t.test('the history gives the last snapshot of each period with signed changes', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, [
    '2026-10-30T12:00:00Z',
    '2026-10-31T23:59:59Z',
    '2026-11-01T00:00:00Z',
    '2026-11-22T08:00:00Z',
    '2026-11-22T12:00:00Z',
  ]);
  const app = await createService(t, store, clock);
  const ids = async (query: string) =>
    (await get(app, `/v1/snapshots?${query}`))
      .json<History>()
      .items.map((item) => item.snapshot_id);
  t.same(await ids(''), [5, 3, 2, 1], 'by day, newest first');
  t.same(await ids('interval=all&order=asc'), [1, 2, 3, 4, 5]);
  t.same(await ids('interval=month'), [5, 2]);
  t.same(await ids('interval=week'), [5, 3], 'the 1st of November was a Sunday');
  t.same(await ids('interval=year'), [5]);
  t.same(await ids('from=2026-10-31&to=2026-11-01'), [3, 2], 'both days are included');
  t.same(await ids('from=2030-01-01'), []);

  const { items } = (await get(app, '/v1/snapshots?interval=month')).json<History>();
  t.match(items[0], { partial: true, deltas: { courses: 3, edits: 3 + 4 + 5 } });
  t.match(items[1], { partial: false, deltas: null }, 'nothing before the first');
});

void t.test('pages of the history fit together whatever is published meanwhile', async (t) => {
  const store = await createStore(t);
  const moments = Array.from({ length: 9 }, (_, i) => `2026-11-${String(i + 10)}T12:00:00Z`);
  const clock = await growing(store, moments);
  const app = await createService(t, store, clock);
  for (const order of ['desc', 'asc']) {
    const whole = (await get(app, `/v1/snapshots?order=${order}`)).json<History>().items;
    const walked: SnapshotHistoryItem[] = [];
    let address: string | undefined = `/v1/snapshots?order=${order}&limit=4`;
    let pages = 0;
    while (address !== undefined) {
      const response = await get(app, address);
      const page = response.json<History>();
      walked.push(...page.items);
      const next: string | undefined = /<([^>]+)>; rel="next"/.exec(
        String(response.headers['link']),
      )?.[1];
      t.equal(next === undefined, page.next_cursor === null);
      address = next;
      pages += 1;
      clock.advance(86_400);
      await publish(
        store,
        sourceOf({ ...emptyState(), courses: [course(1), course(100 + pages)] }),
        clock,
        { confirmWithdrawals: true },
      );
      await app.published.refresh();
    }
    t.equal(pages, Math.ceil(whole.length / 4));
    t.same(walked, whole, `${order}: each item once, as on one page`);
  }
});

void t.test('a snapshot of another kind of source has no changes against it', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  await store.sql`
    insert into snapshots
    select 2, computed_at - interval '1 day', 'dashboard_system_stats', source_read_at,
      definitions_version, null, 0, 0, 0, '{"edits": 1}', '{}', false
    from snapshots`;
  const app = await createService(t, store, clock);
  const { items } = (await get(app, '/v1/snapshots')).json<History>();
  t.same(
    items.map((item) => [item.snapshot_id, item.deltas]),
    [
      [1, null],
      [2, null],
    ],
  );
  const response = await get(app, '/v1/courses.csv?snapshot=2');
  t.equal(response.statusCode, 404);
  t.equal(response.json<{ type: string }>().type, '/problems/no-course-rows');
});

void t.test('the history as CSV has the same numbers under the same names', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-10-01T12:00:00Z', '2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock);
  const response = await get(app, '/v1/snapshots.csv?order=asc');
  const rows: Record<string, string>[] = parse(response.body, { columns: true });
  t.equal(response.headers['row-count'], '2');
  t.match(response.headers['content-disposition'], /filename="dashboard-snapshots-day-.*\.csv"/);
  const { items } = (await get(app, '/v1/snapshots?order=asc')).json<History>();
  for (const [index, item] of items.entries()) {
    const row = rows[index] ?? {};
    t.equal(row['snapshot_id'], String(item.snapshot_id));
    for (const { name } of metrics) {
      const text = (value: number | null | undefined) => (value == null ? '' : String(value));
      t.equal(row[name], text(item.totals[name] as number | null), name);
      t.equal(row[`${name}_delta`], text(item.deltas?.[name]), `${name}_delta`);
      t.equal(row[`${name}_coverage`], text(item.coverage[name]), `${name}_coverage`);
    }
  }
});

void t.test('a bad request gets a precise error and changes nothing', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock);
  const cases = [
    ['/v1/snapshots?limit=0', 'limit'],
    ['/v1/snapshots?limit=1001', 'limit'],
    ['/v1/snapshots?limit=ten', 'limit'],
    ['/v1/snapshots?limit=', 'limit'],
    ['/v1/snapshots?limit=1&limit=2', 'limit'],
    ['/v1/snapshots?limt=1', 'limt'],
    ['/v1/snapshots?interval=hour', 'interval'],
    ['/v1/snapshots?order=up', 'order'],
    ['/v1/snapshots?from=2026-02-30', 'from'],
    ['/v1/snapshots?from=2026-11-02&to=2026-11-01', 'from'],
    ['/v1/snapshots?cursor=nonsense', 'cursor'],
    ['/v1/snapshots.csv?limit=1', 'limit'],
    ['/v1/snapshots/latest?x=1', 'x'],
    ['/v1/snapshots/first', 'snapshot_id'],
    ['/v1/snapshots/0', 'snapshot_id'],
    ['/v1/courses.csv?snapshot=2', 'snapshot'],
    ['/v1/courses.csv?snapshot=newest', 'snapshot'],
    ['/v1/courses.csv?snapshot=-1', 'snapshot'],
  ] as const;
  for (const [url, name] of cases) {
    const response = await get(app, url);
    t.equal(response.statusCode, 400, url);
    const problem = response.json<{ errors: { in: string; name: string; detail: string }[] }>();
    t.match(problem.errors, [{ in: name === 'snapshot_id' ? 'path' : 'query', name }], url);
  }
  t.equal((await get(app, '/v1/snapshots/2')).statusCode, 404);
  t.equal((await get(app, '/v1/nothing')).statusCode, 404);
  const post = await app.inject({ method: 'POST', url: '/v1/snapshots' });
  t.equal(post.statusCode, 405);
  t.equal(post.headers['allow'], 'GET, HEAD, OPTIONS');
});

void t.test('a cursor of another question is refused', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-21T12:00:00Z', '2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock);
  const page = (await get(app, '/v1/snapshots?limit=1')).json<History>();
  const response = await get(
    app,
    `/v1/snapshots?limit=1&order=asc&cursor=${String(page.next_cursor)}`,
  );
  t.equal(response.statusCode, 400);
});

void t.test('/system_metrics.json is the newest snapshot', async (t) => {
  const store = await createStore(t);
  const clock = await growing(store, ['2026-11-22T12:00:00Z']);
  const app = await createService(t, store, clock);
  const latest = await get(app, '/v1/snapshots/latest');
  const promised = await get(app, '/system_metrics.json');
  t.equal(promised.body, latest.body);
});
