import type { FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { publicationChannel } from '../db/queries/store.ts';
import type { Problem } from '../openapi/problem.ts';
import type { ExportQuestion, FullExport } from '../plugins/exports.ts';
import { makeDirectory, until } from './embedded/holder.ts';
import { course, emptyState, sourceOf, type SourceState } from './support/courses.ts';
import {
  buildGate,
  closeGate,
  download,
  downloadsUnderWay,
  filesIn,
  largeCourses,
  listen,
  reprDigest,
  request,
  terminateDownloads,
  waitingAtGate,
} from './support/downloads.ts';
import { canMount, makeDisk } from './support/small-disk.ts';
import { buildService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const gatedStart = '2001-01-01T00:00:00Z';

interface Instance {
  readonly url: URL;
  readonly csv: URL;
  readonly exports: string;
  readonly settled: () => Promise<void>;
  readonly made: FastifyInstance['exports'];
}

async function startInstance(
  t: Test,
  store: TestStore,
  options: Parameters<typeof buildService>[2] & { readonly dataDirectory?: string } = {},
): Promise<Instance> {
  const { dataDirectory, ...overrides } = options;
  const directory = dataDirectory ?? (await makeDirectory(t));
  const app = await buildService(
    t,
    { DATABASE_URL: store.url, DATA_DIR: directory, SNAPSHOT_SCHEDULE: 'off' },
    { scheduler: false, ...overrides, clock: () => new Date('2026-11-22T12:30:00Z') },
  );
  const url = await listen(app);
  return {
    url,
    csv: new URL('/v1/courses.csv', url),
    exports: join(directory, 'exports'),
    settled: () => app.exports.settled(),
    made: app.exports,
  };
}

async function publishState(t: Test, state: SourceState) {
  const store = await createStore(t);
  const clock = new TestClock();
  const publishNow = async () => {
    clock.advance(60);
    const { run } = await publish(store, sourceOf(state), clock, { confirmWithdrawals: true });
    if (run.problem !== null) throw new Error(run.problem);
  };
  await publishNow();
  return { store, publishNow };
}

/** Small, so that any file of it fits into one piece. */
function small(): SourceState {
  const courses = [1, 2, 3].map((id) => course(id, { title: `Kurs ${String(id)}, naïve` }));
  return { ...emptyState(), courses };
}

function large(): SourceState {
  const courses = largeCourses(2500).map((one, index) =>
    index === 1500 ? { ...one, start: gatedStart } : one,
  );
  return { ...emptyState(), courses };
}

/** Made once, for the tests that publish nothing. */
function madeOnce<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const smallOnes = madeOnce(() => publishState(t, small()));
const largeOnes = madeOnce(async () => {
  const published = await publishState(t, large());
  await buildGate(published.store.sql, gatedStart);
  return published;
});

const plain = { 'accept-encoding': 'identity' };
const gzip = { 'accept-encoding': 'gzip' };

t.test(
  'the first complete download is kept, and answers the next with length and digest',
  async (t) => {
    const { store } = await smallOnes();
    const { csv, settled } = await startInstance(t, store);
    for (const [headers, coding] of [
      [plain, undefined],
      [gzip, 'gzip'],
    ] as const) {
      const first = await download(csv, headers);
      await settled();
      const second = await download(csv, headers);
      t.equal(second.headers['content-length'], String(second.bytes.length));
      t.equal(second.headers['repr-digest'], reprDigest(second.bytes));
      t.equal(second.headers['content-encoding'], coding);
      t.equal(second.headers['accept-ranges'], coding === undefined ? 'bytes' : undefined);
      t.equal(first.headers['etag'], second.headers['etag']);
      t.strictSame(first.bytes, second.bytes);
      t.equal(first.headers['row-count'], '3');
      const head = await download(csv, headers, 'HEAD');
      t.equal(head.status, 200);
      t.equal(head.bytes.length, 0);
      for (const name of ['content-length', 'repr-digest', 'etag', 'accept-ranges', 'row-count']) {
        t.equal(head.headers[name], second.headers[name], name);
      }
    }
    const compressed = await download(csv, gzip);
    t.strictSame(gunzipSync(compressed.bytes), (await download(csv, plain)).bytes);
    t.equal(compressed.bytes.readUInt32LE(4), 0, 'no time is in the header');
  },
);

t.test('HEAD of a file that is not there yet makes none', async (t) => {
  const { store } = await smallOnes();
  const { csv, exports, settled } = await startInstance(t, store);
  const { status, headers } = await download(csv, plain, 'HEAD');
  t.equal(status, 200);
  t.equal(headers['content-length'], undefined);
  t.equal(headers['row-count'], '3');
  await settled();
  t.strictSame(await filesIn(exports), []);
});

t.test('parts of a file', async (t) => {
  const { store } = await smallOnes();
  const { csv, settled } = await startInstance(t, store);
  const { bytes: part, status } = await download(csv, { ...plain, range: 'bytes=0-9' });
  t.equal(status, 206, 'a file that is not there yet is made first');
  await settled();
  const { bytes: whole, headers } = await download(csv, plain);
  const length = whole.length;
  t.strictSame(part, whole.subarray(0, 10));
  const etag = String(headers['etag']);

  const parts: [string, number, number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=10-', 10, length - 1],
    ['bytes=-10', length - 10, length - 1],
    [`bytes=-${String(length * 2)}`, 0, length - 1],
    [`bytes=5-${String(length * 2)}`, 5, length - 1],
    ['BYTES=1-2', 1, 2],
  ];
  for (const [range, first, last] of parts) {
    for (const more of [{}, { 'if-range': etag }, { 'accept-encoding': 'gzip, br' }]) {
      const answer = await download(csv, { ...plain, range, ...more });
      t.equal(answer.status, 206, range);
      const bounds = `bytes ${String(first)}-${String(last)}/${String(length)}`;
      t.equal(answer.headers['content-range'], bounds);
      t.equal(answer.headers['content-length'], String(last - first + 1));
      t.equal(answer.headers['repr-digest'], headers['repr-digest']);
      t.equal(answer.headers['etag'], etag);
      t.strictSame(answer.bytes, whole.subarray(first, last + 1));
    }
  }

  const wholes: Record<string, string>[] = [
    { range: 'bytes=0-1,4-5' },
    { range: 'bytes=5-4' },
    { range: 'bytes=-' },
    { range: 'bytes=a-b' },
    { range: 'lines=0-1' },
    { range: 'bytes=0-1', 'if-range': '"another"' },
    { range: 'bytes=0-1', 'if-range': `W/${etag}` },
    { range: 'bytes=0-1', 'if-range': String(headers['last-modified']) },
    { range: `bytes=${String(length)}-`, 'if-range': '"another"' },
  ];
  for (const asked of wholes) {
    const answer = await download(csv, { ...plain, ...asked });
    t.equal(answer.status, 200, JSON.stringify(asked));
    t.strictSame(answer.bytes, whole);
    t.equal(answer.headers['content-range'], undefined);
  }

  for (const range of [`bytes=${String(length)}-`, 'bytes=-0']) {
    const answer = await download(csv, { ...plain, range });
    t.equal(answer.status, 416, range);
    t.equal(answer.headers['content-range'], `bytes */${String(length)}`);
    t.equal(answer.headers['repr-digest'], undefined);
    const problem = JSON.parse(answer.bytes.toString()) as Problem;
    t.equal(problem.type, '/problems/range-not-satisfiable');
  }

  const ruledOut = { range: 'bytes=0-1', 'accept-encoding': 'gzip, identity;q=0' };
  const compressed = await download(csv, ruledOut);
  t.equal(compressed.status, 200, 'a compressed file is not sent in parts');
  t.strictSame(gunzipSync(compressed.bytes), whole);
  const held = await download(csv, { ...plain, range: 'bytes=0-1', 'if-none-match': etag });
  t.equal(held.status, 304, 'preconditions come first');
  const failed = await download(csv, { ...plain, range: 'bytes=0-1', 'if-match': '"another"' });
  t.equal(failed.status, 412);
  // A later date may be of another file, of which this is not the rest.
  const dated = new Date(String(headers['last-modified']));
  for (const [seconds, ofPart, ofWhole] of [
    [-1, 412, 412],
    [0, 206, 200],
    [1, 412, 200],
  ] as const) {
    const until = new Date(dated.getTime() + seconds * 1000).toUTCString();
    const fields = { ...plain, 'if-unmodified-since': until };
    t.equal((await download(csv, { ...fields, range: 'bytes=0-1' })).status, ofPart, until);
    t.equal((await download(csv, fields)).status, ofWhole, until);
  }
  const head = await download(csv, { ...plain, range: 'bytes=0-1' }, 'HEAD');
  t.equal(head.status, 200, 'HEAD has no parts');
});

t.test('two instances give the same bytes under the same tags', async (t) => {
  const { store } = await largeOnes();
  const [one, other] = [await startInstance(t, store), await startInstance(t, store)];
  for (const path of ['/v1/courses.csv', '/v1/campaigns.csv', '/v1/wikis.csv']) {
    for (const headers of [gzip, plain]) {
      const a = await download(new URL(path, one.url), headers);
      const b = await download(new URL(path, other.url), headers);
      t.ok(a.bytes.equals(b.bytes), path);
      t.equal(a.headers['etag'], b.headers['etag']);
    }
  }
  await Promise.all([one.settled(), other.settled()]);
  const names = (await filesIn(one.exports)).sort();
  t.equal(names.length, 12, 'a file and its facts, of three files, plain and compressed');
  t.strictSame((await filesIn(other.exports)).sort(), names);
});

t.test('who asks while a file is made shares the making', async (t) => {
  const { store } = await largeOnes();
  const { csv, exports } = await startInstance(t, store);
  const openGate = await closeGate(store.sql);
  const answers = await Promise.all(
    [plain, gzip, plain, plain].map((asked) => request(csv, asked)),
  );
  await until('the query waits', async () => (await waitingAtGate(store.sql)) > 0);
  t.equal(await waitingAtGate(store.sql), 1, 'one for all');
  await openGate();
  const bodies = await Promise.all(answers.map((answer) => buffer(answer)));
  const [first = Buffer.alloc(0), compressed = first] = bodies;
  t.equal(first.toString().split('\r\n').length, 2502);
  t.ok(gunzipSync(compressed).equals(first));
  t.ok(bodies[2]?.equals(first) && bodies[3]?.equals(first));
  t.ok((await filesIn(exports)).some((name) => name.endsWith('.csv')));
});

t.test('a reader who does not read keeps no connection of the database', async (t) => {
  const { store } = await largeOnes();
  const { csv, settled } = await startInstance(t, store);
  const answer = await request(csv, plain);
  await until('the query has ended', async () => (await downloadsUnderWay(store.sql)) === 0);
  const bytes = await buffer(answer);
  await settled();
  t.equal(reprDigest(bytes), (await download(csv, plain)).headers['repr-digest']);
});

t.test('when the query is broken off, so is every reader, and nothing is left', async (t) => {
  const { store } = await largeOnes();
  const { csv, exports } = await startInstance(t, store);
  const openGate = await closeGate(store.sql);
  const answers = await Promise.all([plain, gzip, plain].map((asked) => request(csv, asked)));
  const broken = answers.map((answer) => t.rejects(buffer(answer), { code: 'ECONNRESET' }));
  await terminateDownloads(store.sql);
  await Promise.all(broken);
  await openGate();
  await until('no file is left', async () => (await filesIn(exports)).length === 0);
  t.equal((await download(csv, plain)).status, 200, 'and the next reader gets everything');
});

t.test('the last reader to leave cancels the query in the database', async (t) => {
  const { store } = await largeOnes();
  const { csv, exports, settled } = await startInstance(t, store);
  for (const leaving of [[plain], [gzip], [plain, gzip, plain]]) {
    const openGate = await closeGate(store.sql);
    const answers = await Promise.all(leaving.map((asked) => request(csv, asked)));
    await until('the query waits', async () => (await waitingAtGate(store.sql)) === 1);
    for (const answer of answers.slice(0, -1)) answer.destroy();
    // What a departure would do is done before this is answered.
    await download(new URL('/v1/status', csv));
    t.equal(await waitingAtGate(store.sql), 1, 'it goes on for who is left');
    answers.at(-1)?.destroy();
    await until('the query has gone', async () => (await downloadsUnderWay(store.sql)) === 0);
    t.equal(await waitingAtGate(store.sql), 0, 'although nothing lets it go on');
    await settled();
    await until('no file is left', async () => (await filesIn(exports)).length === 0);
    await openGate();
  }
  t.equal((await download(csv, plain)).status, 200, 'its connection is as good as new');
});

t.test('one who leaves before the first byte cancels what was asked for him', async (t) => {
  const { store } = await largeOnes();
  const { url, settled } = await startInstance(t, store);
  const openGate = await closeGate(store.sql);
  for (const [path, headers] of [
    ['/v1/courses.csv?status=undated', {}],
    ['/v1/totals.csv?group_by=status', {}],
    ['/v1/courses.csv', { range: 'bytes=0-9' }],
  ] as const) {
    const asking = get(new URL(path, url), { headers: { ...plain, ...headers }, agent: false });
    const broken = once(asking, 'error');
    await until('the query waits', async () => (await waitingAtGate(store.sql)) === 1);
    asking.destroy(new Error('enough'));
    await broken;
    await until(`${path} has gone`, async () => (await waitingAtGate(store.sql)) === 0);
    await settled();
  }
  await openGate();
});

t.test(
  'on a full disk a reader who does not read loses the connection, and frees the query',
  { skip: canMount ? false : 'only root can make a small disk' },
  async (t) => {
    // More than the system's buffers hold.
    const courses = largeCourses(5000, 10_000);
    const { store } = await publishState(t, { ...emptyState(), courses });
    const disk = await makeDisk(t, '1m');
    const { csv, exports } = await startInstance(t, store, {
      dataDirectory: disk,
      readerPatience: { ofPiece: 500, altogether: 60_000 },
    });
    const [slow, quick] = [await request(csv, plain), await request(csv, plain)];
    const whole = await buffer(quick);
    t.equal(whole.toString().split('\r\n').length, 5002, 'who reads gets everything');
    await until('the query has ended', async () => (await downloadsUnderWay(store.sql)) === 0);
    const late = await buffer(slow).catch((error: unknown) => error);
    t.ok(late instanceof Error && 'code' in late && late.code === 'ECONNRESET', 'it was cut off');
    await until('no file is left', async () => (await filesIn(exports)).length === 0);
  },
);

t.test('files may be deleted, or damaged, at any time', async (t) => {
  const { store } = await smallOnes();
  const { csv, exports, settled } = await startInstance(t, store);
  const { bytes } = await download(csv, plain);
  await settled();
  const folder = join(exports, (await readdir(exports))[0] ?? '');
  const name = (await filesIn(exports)).find((file) => file.endsWith('.csv')) ?? '';
  for (const damage of [
    () => rm(join(folder, name)),
    () => rm(join(folder, `${name}.json`)),
    () => writeFile(join(folder, `${name}.json`), '{'),
    () => writeFile(join(folder, name), 'short'),
    () => writeFile(join(folder, name), ''),
    () => truncate(join(folder, name), bytes.length - 1),
    () => appendFile(join(folder, name), 'x'),
    () => writeFile(join(folder, `${name}.json`), '{"length":1,"sha256":"","rows":3}'),
    () => rm(exports, { recursive: true }),
  ]) {
    await damage();
    t.strictSame((await download(csv, plain)).bytes, bytes);
    await settled();
    const again = await download(csv, plain);
    t.equal(again.headers['repr-digest'], reprDigest(bytes));
    t.strictSame(await readFile(join(folder, name)), bytes);
  }
});

t.test('from the publication of a withdrawal on, no older file is served or kept', async (t) => {
  const state = small();
  const { store, publishNow } = await publishState(t, state);
  const instances = [await startInstance(t, store), await startInstance(t, store)];
  const before = await Promise.all(
    instances.map(async ({ csv, settled }) => {
      const first = await download(csv, plain);
      await settled();
      return first;
    }),
  );
  state.hidden = [2];
  state.courses = state.courses.filter(({ courseId }) => courseId !== 2);
  await publishNow();
  for (const [index, { csv, url, exports, settled }] of instances.entries()) {
    const now = await download(csv, plain);
    t.notMatch(now.bytes.toString(), 'Kurs 2');
    const past = await download(new URL('/v1/courses.csv?snapshot=1', url), plain);
    t.notMatch(past.bytes.toString(), 'Kurs 2', 'nor is it in the past');
    t.not(past.headers['etag'], before[index]?.headers['etag']);
    const held = { ...plain, 'if-none-match': String(before[index]?.headers['etag']) };
    t.equal((await download(new URL('/v1/courses.csv?snapshot=1', url), held)).status, 200);
    await until('files of the older revision are gone', async () => {
      await settled();
      return !(await filesIn(exports)).some((name) => name.startsWith('r0-'));
    });
    t.ok((await filesIn(exports)).some((name) => name.startsWith('r1-')));
  }
});

t.test(
  'what a withdrawal overtakes breaks visibly, or is refused before the first byte',
  async (t) => {
    const state = large();
    const { store, publishNow } = await publishState(t, state);
    await buildGate(store.sql, gatedStart);
    const instance = await startInstance(t, store, { scheduler: true });
    const { csv, url, exports, settled } = instance;
    await download(csv, plain);
    await settled();
    await rm(exports, { recursive: true, force: true });
    const openGate = await closeGate(store.sql);
    const under = await Promise.all([request(csv, plain), request(csv, gzip)]);
    const broken = under.map((answer) => t.rejects(buffer(answer), { code: 'ECONNRESET' }));
    const counted = download(new URL('/v1/courses.csv?status=undated&status=archived', url), plain);
    await until('both wait', async () => (await waitingAtGate(store.sql)) === 2);
    const gated = state.courses.find(({ start }) => start === gatedStart)?.courseId ?? 0;
    state.hidden = [gated];
    state.courses = state.courses.filter(({ courseId }) => courseId !== gated);
    await publishNow();
    await Promise.all(broken);
    const now = await download(csv, plain);
    t.equal(now.status, 200);
    t.equal(now.headers['row-count'], '2499', 'the next reader has it without the course');
    await openGate();
    const refused = await counted;
    t.equal(refused.status, 503);
    t.match(refused.headers['retry-after'], /^\d+$/);
    t.match(JSON.parse(refused.bytes.toString()), { detail: /just been published/ });
    await settled();
    await until('no file of the older revision is left', async () => {
      const names = await filesIn(exports);
      return names.length > 0 && names.every((name) => name.startsWith('r1-'));
    });
  },
);

t.test('no instance goes on giving a stored file that a withdrawal has overtaken', async (t) => {
  const state = { ...emptyState(), courses: largeCourses(2500) };
  const { store, publishNow } = await publishState(t, state);
  const dataDirectory = await makeDirectory(t);
  const [one, other] = [
    await startInstance(t, store, { dataDirectory }),
    await startInstance(t, store, { dataDirectory }),
  ];
  await download(one.csv, gzip);
  await Promise.all([one.settled(), other.settled()]);
  await publishNow();
  const past = '/v1/courses.csv?snapshot=1';
  const answers = await Promise.all(
    [one, other].flatMap(({ url }) => [
      request(new URL(past, url), plain),
      request(new URL(past, url), gzip),
      request(new URL(past, url), { ...plain, range: 'bytes=1000-' }),
    ]),
  );
  t.ok(answers.every(({ headers }) => headers['content-length'] !== undefined));
  const last = state.courses.at(-1)?.courseId ?? 0;
  state.hidden = [last];
  state.courses = state.courses.slice(0, -1);
  await publishNow();
  await Promise.all(answers.map((answer) => t.rejects(buffer(answer), { code: 'ECONNRESET' })));
  for (const { url } of [one, other]) {
    const { status, headers } = await download(new URL(past, url), plain);
    t.equal(status, 200);
    t.equal(headers['row-count'], '2499');
  }
});

t.test('files are compressed ahead when nobody waits for a large one any more', async (t) => {
  const large = Array.from({ length: 20_001 }, (_, index) =>
    course(index + 1, { start: index === 1500 ? gatedStart : '2026-01-01T00:00:00Z' }),
  );
  const small = course(30_000, { start: '2030-01-01T00:00:00Z', end: '2030-02-01T00:00:00Z' });
  const { store } = await publishState(t, { ...emptyState(), courses: [...large, small] });
  await buildGate(store.sql, gatedStart);
  const { csv, exports, settled } = await startInstance(t, store);
  const filesOf = async (ending: string) =>
    (await filesIn(exports)).filter((name) => name.endsWith(ending)).length;
  const deleteAll = async () => {
    for (const folder of await readdir(exports)) {
      for (const name of await readdir(join(exports, folder))) {
        if (!name.startsWith('partial')) await rm(join(exports, folder, name));
      }
    }
  };
  const openGate = await closeGate(store.sql);
  const waiting = download(csv, plain);
  await until('the query waits', async () => (await waitingAtGate(store.sql)) === 1);
  await download(new URL('?start_from=2030-01-01&dialect=excel', csv), plain);
  await until('a small one is stored', async () => (await filesOf('.csv.json')) === 1);
  await deleteAll();
  await download(new URL('?start_from=2030-01-01', csv), plain);
  await until('another is stored', async () => (await filesOf('.csv.json')) === 1);
  // Longer than it takes to compress one row.
  await delay(200);
  t.equal(await filesOf('.gz.json'), 0, 'while the large one is made');
  await openGate();
  await waiting;
  await settled();
  t.equal(await filesOf('.csv.json'), 2, 'what was deleted meanwhile is not made again');
  t.equal(await filesOf('.gz.json'), 2);
});

t.test('stores that share a folder have their own files in it', async (t) => {
  const dataDirectory = await makeDirectory(t);
  const other = small();
  other.courses = other.courses.map((one) => ({ ...one, title: 'Of another store' }));
  const [one, two] = [await smallOnes(), await publishState(t, other)];
  const first = await startInstance(t, one.store, { dataDirectory });
  const second = await startInstance(t, two.store, { dataDirectory });
  for (let round = 0; round < 2; round += 1) {
    t.notMatch((await download(first.csv, plain)).bytes.toString(), 'Of another store');
    t.match((await download(second.csv, plain)).bytes.toString(), 'Of another store');
    await Promise.all([first.settled(), second.settled()]);
  }
  t.equal((await readdir(first.exports)).length, 2);
});

t.test('the files of a new snapshot are made before anybody asks', async (t) => {
  const state = small();
  const { store, publishNow } = await publishState(t, state);
  const { url, exports } = await startInstance(t, store, { scheduler: true });
  state.courses.push(course(4));
  await publishNow();
  const isReady = async () => {
    const names = await filesIn(exports);
    return names.filter((name) => name.startsWith('r0-s2-')).length === 12;
  };
  await until('three files are there, plain and compressed', isReady);
  for (const path of ['/v1/courses.csv', '/v1/campaigns.csv', '/v1/wikis.csv']) {
    for (const headers of [plain, gzip]) {
      const answer = await download(new URL(path, url), headers);
      t.equal(answer.headers['repr-digest'], reprDigest(answer.bytes), path);
    }
  }
});

t.test('what a client asked for who has left meanwhile is not made', async (t) => {
  const { store } = await smallOnes();
  const { url, csv, exports, settled } = await startInstance(t, store);
  await download(csv, plain);
  await settled();
  const before = await filesIn(exports);
  const keeper = await store.sql.reserve();
  await keeper`begin`;
  await keeper`lock table store in access exclusive mode`;
  const asking = get(new URL('/v1/courses.csv?sort=title', url), {
    headers: { ...plain, range: 'bytes=0-9' },
    agent: false,
  }).on('error', () => undefined);
  await until('it waits', async () => {
    const waiting = await store.sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return waiting.count > 0;
  });
  asking.destroy();
  await delay(100);
  await keeper`rollback`;
  keeper.release();
  await delay(300);
  await settled();
  t.same(await filesIn(exports), before);
});

t.test('one file that cannot be made ahead keeps no other from it', async (t) => {
  const state = small();
  const { store, publishNow } = await publishState(t, state);
  const { exports, made } = await startInstance(t, store, { scheduler: true });
  const broken = { name: 'broken', columns: () => [], question: () => Promise.reject(new Error()) };
  (made.offered as FullExport[]).unshift(broken);
  state.courses.push(course(4));
  await publishNow();
  const files = async () => (await filesIn(exports)).filter((name) => name.startsWith('r0-s2-'));
  await until('the others are there', async () => (await files()).length >= 12);
  t.equal((await files()).length, 12);
});

t.test('what is made in the background is bounded, and gives way to what is new', async (t) => {
  const state = small();
  const { store, publishNow } = await publishState(t, state);
  const { exports, made, settled } = await startInstance(t, store, { scheduler: true });
  await settled();
  state.courses.push(course(4));
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const order: string[] = [];
  const question = (number: number): ExportQuestion => ({
    ...{ tag: `file ${number}`, snapshotId: 1, revision: 0 },
    count: async () => {
      await gate;
      if ((await filesIn(exports)).some((name) => name.startsWith('r0-s2-'))) order.push('later');
      else order.push('before');
      return 1;
    },
    open: () => Readable.from(['row']),
  });
  const taken = Array.from({ length: 30 }, (_, index) => made.prepare(question(index)));
  t.equal(taken.filter(Boolean).length, 24);
  t.ok(made.prepare(question(3)), 'what waits already is no more');
  const published = new Promise<void>((resolve) => {
    const told = () => {
      resolve();
    };
    void store.sql.listen(publicationChannel, told, () => void publishNow());
  });
  await published;
  await delay(200);
  open();
  await settled();
  t.strictSame(order.slice(0, 3), ['before', 'later', 'later']);
  t.equal(order.length, 24);
  t.ok(made.prepare(question(30)), 'when they are made, there is room');
  await settled();
});
