import type { FastifyInstance } from 'fastify';
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { courseSorts } from '../db/queries/course-order.ts';
import type { Problem } from '../openapi/problem.ts';
import { FairQueue, QueueFull } from '../plugins/fair-queue.ts';
import { heavyAtOnce } from '../plugins/heavy-questions.ts';
import { Refusals } from '../plugins/refusals.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

async function publishedStore(): Promise<{ store: TestStore; clock: TestClock }> {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = { ...emptyState(), courses: [1, 2, 3].map((id) => course(id)) };
  await publish(store, sourceOf(state), clock);
  return { store, clock };
}

/** Keeps everybody from the rows of courses, until the returned function is called. */
async function holdCourses({ sql }: TestStore): Promise<() => Promise<void>> {
  const keeper = await sql.reserve();
  await keeper`begin`;
  await keeper`lock table course_versions in access exclusive mode`;
  return async () => {
    await keeper`commit`;
    keeper.release();
  };
}

/** Asks all at once, and lets go of the courses once as many are answered; in the order of answers. */
async function flood(
  app: FastifyInstance,
  urls: readonly string[],
  { answered, release }: { answered: number; release: () => Promise<void> },
) {
  const answers: Awaited<ReturnType<typeof app.inject>>[] = [];
  let asked: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    asked = urls.map(async (url) => {
      if (answers.push(await app.inject(url)) === answered) resolve();
    });
  });
  await release();
  await Promise.all(asked);
  return answers;
}

const dayOfMarch = (index: number) => new Date(Date.UTC(2025, 2, 1 + index));
const day = (index: number) => dayOfMarch(index).toISOString().slice(0, 10);

void t.test('an overload', async (t) => {
  const { store, clock } = await publishedStore();
  const lines: string[] = [];
  const logger = { level: 'warn', stream: { write: (line: string) => void lines.push(line) } };
  const app = await createService(t, store, clock, {}, { logger, statementTimeout: 20_000 });

  void t.test('of questions is refused past what may wait, and logged once', async (t) => {
    // Four at once and 64 that wait.
    const urls = Array.from({ length: 71 }, (_, index) => `/v1/totals?start_from=${day(index)}`);
    const release = await holdCourses(store);
    const all = await flood(app, urls, { answered: 3, release });
    const [first = assert.fail()] = all;
    t.equal(first.statusCode, 503);
    t.match(first.json<Problem>(), { type: '/problems/unavailable', detail: /large questions/ });
    t.equal(first.headers['retry-after'], '10');
    t.equal(all.filter(({ statusCode }) => statusCode === 503).length, 3);
    t.equal(all.filter(({ statusCode }) => statusCode === 200).length, 68);
    t.equal(lines.length, 1, 'one line for all of a kind');
    t.match(JSON.parse(lines[0] ?? ''), { level: 40, msg: /large questions/, reqId: /./ });
    t.notMatch(lines[0], /stack|\.ts:/);
  });

  void t.test('of downloads is refused past what may wait, and the rest is whole', async (t) => {
    // Six at once and 64 that wait.
    const urls = courseSorts
      .flatMap((sort) => [sort, `-${sort}`])
      .flatMap((sort) => ['plain', 'excel', 'dashboard'].map((one) => `${sort}&dialect=${one}`))
      .map((query) => `/v1/courses.csv?sort=${query}`)
      .slice(0, 72);
    const release = await holdCourses(store);
    const all = await flood(app, urls, { answered: 2, release });
    const [first = assert.fail()] = all;
    t.equal(first.statusCode, 503);
    t.match(first.json<Problem>(), { type: '/problems/unavailable', detail: /downloads/ });
    t.equal(first.headers['retry-after'], '30');
    t.notOk('row-count' in first.headers);
    const whole = all.filter(({ statusCode }) => statusCode === 200);
    t.equal(whole.length, 70);
    t.ok(whole.every(({ body }) => body.trimEnd().split('\n').length === 4));
    await app.exports.settled();
    t.equal((await app.inject('/v1/courses.csv?sort=-course_id')).statusCode, 200);
  });

  void t.test('leaves those alone who ask for what is there', async (t) => {
    await app.inject('/v1/totals');
    const release = await holdCourses(store);
    const waiting = Array.from({ length: 20 }, (_, index) =>
      app.inject(`/v1/totals?start_from=${day(100 + index)}`),
    );
    for (const url of ['/v1/snapshots/latest', '/v1/totals', `/v1/totals?start_from=${day(0)}`]) {
      t.equal((await app.inject(url)).statusCode, 200, url);
    }
    await release();
    for (const answer of await Promise.all(waiting)) t.equal(answer.statusCode, 200);
  });
});

void t.test('what takes too long is a 503 that says so', async (t) => {
  const { store, clock } = await publishedStore();
  const app = await createService(t, store, clock, {}, { statementTimeout: 300 });
  const release = await holdCourses(store);
  for (const url of [
    '/v1/totals?start_from=2026-01-01',
    '/v1/trends?start_from=2026-01-01',
    '/v1/activity?start_from=2026-01-01',
    '/v1/courses?sort=-edits',
    '/v1/campaigns',
    '/v1/courses.csv?start_from=2026-01-01',
    '/v1/trends.csv?group_by=type',
    '/v1/activity.csv?group_by=type',
  ]) {
    const answer = await app.inject(url);
    t.equal(answer.statusCode, 503, url);
    t.match(answer.json<Problem>(), { detail: /took too long/ });
    t.equal(answer.headers['retry-after'], '5');
  }
  await release();
  t.equal((await app.inject('/v1/totals?start_from=2026-01-01')).statusCode, 200);
});

void t.test('a question that a client holds the answer of is not counted anew', async (t) => {
  const { store, clock } = await publishedStore();
  const app = await createService(t, store, clock, {}, { statementTimeout: 300 });
  const url = '/v1/courses.csv?start_from=2026-01-01';
  const { etag } = (await app.inject(url)).headers;
  await app.exports.settled();
  const release = await holdCourses(store);
  const again = await app.inject({ url, headers: { 'if-none-match': String(etag) } });
  t.equal(again.statusCode, 304);
  await release();
});

void t.test('who waits for a place may give up', async (t) => {
  const queue = new FairQueue({ atOnce: 1, waiting: 2 });
  const leave = await queue.enter('a');
  const given = new AbortController();
  const waits = t.rejects(queue.enter('b', given.signal), /left/);
  const next = queue.enter('d');
  await t.rejects(queue.enter('c'), QueueFull);
  given.abort(new Error('left'));
  await waits;
  t.equal(queue.waiting, 1);
  await t.rejects(queue.enter('a', given.signal), /left/);
  leave();
  leave();
  const leaveNext = await next;
  const last = queue.enter('a');
  t.equal(queue.waiting, 1, 'a place that was left twice is one');
  leaveNext();
  (await last)();
  t.equal(queue.waiting, 0);
});

void t.test('nobody waits for a place for longer than the patience of the queue', async (t) => {
  const queue = new FairQueue({ atOnce: 1, waiting: 3, patience: 100 });
  const leave = await queue.enter('a');
  await t.rejects(Promise.all([queue.enter('b'), queue.enter('c')]), QueueFull);
  await t.rejects(queue.enter('a'), QueueFull);
  t.equal(queue.waiting, 0);
  const inTime = queue.enter('b');
  leave();
  const leaveNext = await inTime;
  await setTimeout(150);
  t.equal(queue.waiting, 0, 'who has begun is not refused any more');
  leaveNext();
  (await queue.enter('a'))();
});

void t.test('a question whose turn does not come in time is a 503', async (t) => {
  const { store, clock } = await publishedStore();
  const app = await createService(
    t,
    store,
    clock,
    {},
    { heavyQuestions: { atOnce: 1, patience: 200 } },
  );
  const release = await holdCourses(store);
  const first = app.inject(`/v1/totals?start_from=${day(0)}`);
  const answer = await app.inject(`/v1/totals?start_from=${day(1)}`);
  t.equal(answer.statusCode, 503);
  t.match(answer.json<Problem>(), { detail: /^Too many large questions are waiting/ });
  t.equal(answer.headers['retry-after'], '10');
  await release();
  t.equal((await first).statusCode, 200);
  t.equal((await app.inject(`/v1/totals?start_from=${day(1)}`)).statusCode, 200);
});

void t.test('refusals of one kind are logged once a minute', (t) => {
  let now = 0;
  const refusals = new Refusals(() => now);
  t.equal(refusals.count('3 files are being made'), 0);
  t.equal(refusals.count('2 files are being made'), undefined);
  t.equal(refusals.count('away'), 0);
  now = 59_999;
  t.equal(refusals.count('1 files are being made'), undefined);
  now = 60_000;
  t.equal(refusals.count('9 files are being made'), 2);
  t.equal(refusals.count('away'), 0);
  t.end();
});

void t.test('a database on the same machine leaves a processor to light questions', (t) => {
  const embedded = { host: '/tmp', port: 5432, user: 'postgres', database: 'open_data' };
  t.strictSame(
    [1, 2, 3, 4, 64].map((processors) => heavyAtOnce(embedded, processors)),
    [1, 1, 2, 3, 4],
  );
  t.equal(heavyAtOnce({ url: 'postgres://other/open_data' }, 2), 4);
  t.end();
});
