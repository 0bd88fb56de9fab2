/** What is true of every file that can be downloaded, whichever it is. */
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import t, { type Test } from 'tap';
import { dimensions } from '../db/queries/dimensions.ts';
import { makeDirectory, until } from './embedded/holder.ts';
import { campaign, course, emptyState, sourceOf, type SourceState } from './support/courses.ts';
import {
  buildGate,
  closeGate,
  download,
  filesIn,
  listen,
  reprDigest,
  waitingAtGate,
} from './support/downloads.ts';
import { read } from './support/served.ts';
import { buildService, publish, TestClock } from './support/service.ts';
import type { Totals } from './support/slices.ts';
import { createStore, type TestStore } from './support/store.ts';

const gatedStart = '2001-01-01T00:00:00Z';

/** More groups than are read at once, some of which only their names tell apart. */
function state(): SourceState {
  const slugs = Array.from({ length: 430 }, (_, index) => `campaign_${String(index)}`);
  const campaigns = [...slugs, '\ue000', '\u{1f600}', '007', '=1+1'].map((slug, index) =>
    campaign(index + 1, { slug, title: `Titel “${slug}”` }),
  );
  const courses = campaigns.map(({ campaignId }) =>
    course(campaignId, {
      campaignIds: campaignId % 7 === 0 ? [] : [campaignId, 1],
      type: campaignId % 3 === 0 ? null : `Type ${String(campaignId % 5)}`,
      wikis: [`w${String(campaignId % 9)}.wikipedia.org`],
      homeWiki: `w${String(campaignId % 4)}.wikipedia.org`,
      metrics: { edits: campaignId % 6 === 0 ? null : campaignId % 50, references_added: -1 },
    }),
  );
  courses.push(course(5000, { start: gatedStart, end: null }));
  const enrollments = courses.map(({ courseId }) => ({
    courseId,
    userId: courseId % 20,
    role: 0,
    newEditor: false,
    newEditor60d: false,
  }));
  const activity = courses.map(({ courseId, wikis }) => ({
    courseId,
    wiki: wikis[0] ?? '',
    month: `2026-0${String((courseId % 9) + 1)}`,
    edits: courseId,
    bytesAdded: courseId * 10,
    referencesAdded: null,
  }));
  return { ...emptyState(), campaigns, courses, enrollments, activity };
}

interface Published {
  readonly store: TestStore;
  readonly source: SourceState;
  readonly publishNow: () => Promise<void>;
}

async function publishState(t: Test): Promise<Published> {
  const store = await createStore(t);
  const source = state();
  const clock = new TestClock();
  const publishNow = async () => {
    clock.advance(60);
    const { run } = await publish(store, sourceOf(source), clock, { confirmWithdrawals: true });
    if (run.problem !== null) throw new Error(run.problem);
  };
  await publishNow();
  return { store, source, publishNow };
}

async function startInstance(t: Test, store: TestStore) {
  const directory = await makeDirectory(t);
  const app = await buildService(
    t,
    { DATABASE_URL: store.url, DATA_DIR: directory, SNAPSHOT_SCHEDULE: 'off' },
    { scheduler: false, clock: () => new Date('2026-11-22T12:30:00Z') },
  );
  return { app, url: await listen(app), exports: join(directory, 'exports') };
}

const plain = { 'accept-encoding': 'identity' };
const gzip = { 'accept-encoding': 'gzip' };

/** Questions about every file that the document has. */
async function questions(app: Parameters<typeof read>[0]): Promise<string[]> {
  const { paths } = await read<{ paths: Record<string, unknown> }>(app, '/openapi.json');
  const files = Object.keys(paths).filter((path) => path.endsWith('.csv'));
  return [
    ...files,
    ...files.map((path) => `${path}?dialect=excel`),
    '/v1/totals.csv?group_by=campaign',
    '/v1/totals.csv?type=Type+1&group_by=wiki',
    '/v1/trends.csv?group_by=type&interval=all',
    '/v1/snapshots.csv?interval=all&order=asc',
    '/v1/campaigns.csv?sort=-edits',
    '/v1/courses.csv?campaign=none&dialect=dashboard',
  ];
}

t.test('every file is kept once it was streamed, and is the same everywhere', async (t) => {
  const { store } = await publishState(t);
  const [one, other] = [await startInstance(t, store), await startInstance(t, store)];
  const asked = await questions(one.app);
  t.ok(asked.length >= 20);
  for (const path of asked) {
    const [csv, elsewhere] = [new URL(path, one.url), new URL(path, other.url)];
    for (const [headers, coding] of [
      [gzip, 'gzip'],
      [plain, undefined],
    ] as const) {
      const first = await download(csv, headers);
      t.equal(first.status, 200, path);
      await one.app.exports.settled();
      const kept = await download(csv, headers);
      t.ok(kept.bytes.equals(first.bytes), path);
      t.equal(kept.headers['content-length'], String(first.bytes.length), path);
      t.equal(kept.headers['repr-digest'], reprDigest(first.bytes), path);
      t.equal(kept.headers['content-encoding'], coding, path);
      t.equal(kept.headers['accept-ranges'], coding === undefined ? 'bytes' : undefined, path);
      t.match(kept.headers['content-disposition'], /filename="dashboard-[\w.-]+\.csv"/, path);
      t.match(kept.headers['etag'], coding === undefined ? /^"[^"]+(?<!gzip)"$/ : /-gzip"$/, path);
      const there = await download(elsewhere, headers);
      t.ok(there.bytes.equals(first.bytes), `${path} on another instance`);
      for (const name of ['etag', 'row-count', 'content-disposition', 'link', 'last-modified']) {
        t.equal(there.headers[name], first.headers[name], `${name} of ${path}`);
      }
    }
    const { bytes, headers } = await download(csv, plain);
    const part = await download(csv, {
      ...plain,
      range: 'bytes=5-',
      'if-range': String(headers['etag']),
    });
    t.equal(part.status, 206, path);
    t.ok(part.bytes.equals(bytes.subarray(5)), path);
    t.ok(gunzipSync((await download(csv, gzip)).bytes).equals(bytes), path);
    t.match(headers['link'], '</v1/metrics>; rel="describedby"', path);
    if (!path.includes('dialect=dashboard')) {
      t.match(headers['link'], '</v1/datapackage.json?snapshot=1>; rel="describedby"', path);
    }
  }
  const files = await filesIn(one.exports);
  t.ok(files.length >= asked.length * 4, 'a file and its facts, plain and compressed');
  t.notOk(files.some((name) => name.startsWith('partial')));
});

t.test(
  'a pinned file keeps its tag when a newer snapshot comes, until it is revised',
  async (t) => {
    const { store, source, publishNow } = await publishState(t);
    const { url } = await startInstance(t, store);
    const stays = [
      '/v1/courses.csv?snapshot=1',
      '/v1/courses.csv?snapshot=1&type=Type+1&dialect=dashboard',
      '/v1/campaigns.csv?snapshot=1',
      '/v1/wikis.csv?snapshot=1',
      '/v1/totals.csv?snapshot=1',
      '/v1/totals.csv?snapshot=1&group_by=campaign',
      '/v1/totals.csv?snapshot=1&campaign=007',
    ];
    // Who was in these courses is known of the newest snapshot only.
    const changes = '/v1/totals.csv?snapshot=1&type=Type+1&group_by=wiki';
    const ask = (path: string, headers = {}) =>
      download(new URL(path, url), { ...plain, ...headers });
    const before = await Promise.all([...stays, changes].map((path) => ask(path)));
    source.courses.push(course(6000, { campaignIds: [1, 2] }));
    source.enrollments.push(
      ...[1, 2].map((userId) => ({
        ...{ courseId: 6000, userId, role: 0 },
        ...{ newEditor: true, newEditor60d: true },
      })),
    );
    await publishNow();
    for (const [index, path] of stays.entries()) {
      const tag = String(before[index]?.headers['etag']);
      const again = await ask(path);
      t.equal(again.headers['etag'], tag, path);
      t.equal(again.headers['last-modified'], before[index]?.headers['last-modified'], path);
      t.ok(before[index]?.bytes.equals(again.bytes), path);
      t.equal((await ask(path, { 'if-none-match': tag })).status, 304, path);
    }
    const changed = await ask(changes);
    t.not(changed.headers['etag'], before.at(-1)?.headers['etag']);
    t.notOk(before.at(-1)?.bytes.equals(changed.bytes));

    source.campaigns[1] = campaign(2, { slug: 'another_name' });
    await publishNow();
    for (const [index, path] of stays.entries()) {
      const held = { 'if-none-match': String(before[index]?.headers['etag']) };
      t.equal((await ask(path, held)).status, 200, `${path} was revised`);
    }
  },
);

t.test(
  'a slug that changed hands while its snapshot is the newest ties the file to it',
  async (t) => {
    const { store, source, publishNow } = await publishState(t);
    const { url } = await startInstance(t, store);
    const ask = (path: string) => download(new URL(path, url), plain);
    source.campaigns[1] = campaign(2, { slug: 'another_name' });
    await publishNow();
    const paths = ['/v1/campaigns.csv?snapshot=1', '/v1/totals.csv?snapshot=1&group_by=campaign'];
    const before = await Promise.all(paths.map(ask));
    t.match(before[0]?.headers['snapshot-id'], '1');
    source.courses.push(course(6000));
    await publishNow();
    for (const [index, path] of paths.entries()) {
      const now = await ask(path);
      t.notOk(now.bytes.equals(before[index]?.bytes ?? now.bytes), 'its people are not known now');
      t.not(now.headers['etag'], before[index]?.headers['etag'], path);
    }
  },
);

t.test('a file of totals has the groups of the JSON in their order', async (t) => {
  const { store } = await publishState(t);
  const { app } = await startInstance(t, store);
  for (const filter of ['', '&type=Type+1&type=Type+2', '&home_wiki=w1.wikipedia.org']) {
    for (const dimension of dimensions) {
      const query = `group_by=${dimension}${filter}`;
      const { groups } = await read<Totals>(app, `/v1/totals?${query}`);
      const { body } = await app.inject(`/v1/totals.csv?${query}`);
      const rows = parse<Record<string, string>>(body, { columns: true });
      t.strictSame(
        rows.map(({ key, label, edits, editors, editors_coverage }) => [
          ...[key, label, edits, editors, editors_coverage],
        ]),
        (groups ?? []).map(({ key, label, totals, coverage }) =>
          [key, label, totals['edits'], totals['editors'], coverage['editors']].map((value) =>
            String(value ?? ''),
          ),
        ),
        query,
      );
    }
  }
});

t.test('who asks for a file at once has its rows counted once, and read once', async (t) => {
  const { store } = await publishState(t);
  await buildGate(store.sql, gatedStart);
  const { app, url } = await startInstance(t, store);
  for (const path of ['/v1/totals.csv?group_by=status', '/v1/courses.csv?status=undated']) {
    const openGate = await closeGate(store.sql);
    const asked = Array.from({ length: 6 }, () => download(new URL(path, url), plain));
    await until('one waits at the gate', async () => (await waitingAtGate(store.sql)) === 1);
    // Whoever else would ask the database has done so before this is answered.
    t.equal((await app.inject('/v1/status')).statusCode, 200);
    t.equal(await waitingAtGate(store.sql), 1, path);
    await openGate();
    const [first, ...others] = await Promise.all(asked);
    for (const { bytes } of others) t.ok(first?.bytes.equals(bytes));
  }
});
