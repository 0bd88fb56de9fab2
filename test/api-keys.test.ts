import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { createHash, randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { createKey, revokeKey } from '../db/queries/api-keys.ts';
import { sourceOf, course, emptyState } from './support/courses.ts';
import { runProgram } from './support/program.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const adminToken = 'correct-horse-battery-staple-0123456789';

interface Served {
  readonly store: TestStore;
  readonly clock: TestClock;
  readonly app: FastifyInstance;
  readonly get: (url: string, token?: string) => Promise<LightMyRequestResponse>;
}

async function served(t: Test): Promise<Served> {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
  const app = await createService(t, store, clock, {
    ADMIN_TOKEN: adminToken,
    RATE_LIMIT_PER_MINUTE: '20',
  });
  const get = (url: string, token?: string) =>
    app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { store, clock, app, get };
}

async function addKey(store: TestStore, name: string, perMinute = 500): Promise<string> {
  const token = `dod_${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(token).digest();
  t.ok(await createKey(store.sql, { name, digest, perMinute }, new Date()));
  return token;
}

t.test('A key has a budget of its own, named in the headers', async (t) => {
  const { store, get } = await served(t);
  const one = await addKey(store, 'one');
  const other = await addKey(store, 'other', 30);
  const first = await get('/v1/snapshots/latest', one);
  t.equal(first.statusCode, 200);
  t.equal(first.headers['ratelimit-policy'], '"key";q=500;w=60');
  t.equal(first.headers['ratelimit'], '"key";r=499;t=60');
  t.match((await get('/v1/snapshots/1', one)).headers['ratelimit'], '"key";r=498;t=60');
  t.match((await get('/v1/snapshots/1', other)).headers['ratelimit'], '"key";r=29;t=60');
  const anonymous = await get('/v1/snapshots/1');
  t.equal(anonymous.headers['ratelimit-policy'], '"anonymous";q=20;w=60');
  t.equal(anonymous.headers['ratelimit'], '"anonymous";r=19;t=60');
});

t.test('A key works on when the budget of its address is used up', async (t) => {
  const { store, get } = await served(t);
  const token = await addKey(store, 'one');
  for (let n = 0; n < 20; n += 1) await get('/v1/metrics');
  t.equal((await get('/v1/metrics')).statusCode, 429);
  t.equal((await get('/v1/metrics', token)).statusCode, 200);
});

t.test('An unknown key is refused, and counted, wherever it is counted', async (t) => {
  const { get, app } = await served(t);
  for (const token of ['', 'dod_short', `dod_${'a'.repeat(43)}`, adminToken.slice(1)]) {
    const refused = await get('/v1/metrics', token);
    t.equal(refused.statusCode, 401, token);
    t.equal(refused.headers['www-authenticate'], 'Bearer');
    t.match(refused.headers['ratelimit'], '"anonymous";r=');
  }
  t.match((await get('/v1/metrics')).headers['ratelimit'], '"anonymous";r=15;');
  t.equal((await get('/health/live', 'dod_short')).statusCode, 200);
  t.equal((await get('/docs', 'dod_short')).statusCode, 200);
  const basic = await app.inject({ url: '/v1/metrics', headers: { authorization: 'Basic eDp5' } });
  t.equal(basic.statusCode, 200, 'other schemes are for what stands in front');
  for (let n = 0; n < 20; n += 1) await get('/v1/metrics', 'dod_short');
  t.equal((await get('/v1/metrics', 'dod_short')).statusCode, 429);
});

t.test('Where there is nothing, a key’s own budget is counted against', async (t) => {
  const { store, get, app } = await served(t);
  const token = await addKey(store, 'one');
  const nowhere = await get('/nowhere', token);
  t.equal(nowhere.statusCode, 404);
  t.equal(nowhere.headers['ratelimit'], '"key";r=499;t=60');
  const put = await app.inject({
    method: 'PUT',
    url: '/v1/metrics',
    headers: { authorization: `Bearer ${token}` },
  });
  t.equal(put.statusCode, 405);
  t.equal(put.headers['ratelimit'], '"key";r=498;t=60');
  const unknown = await get('/nowhere', 'dod_short');
  t.equal(unknown.statusCode, 404, 'which a key that is not known does not change');
  t.equal(unknown.headers['ratelimit'], '"anonymous";r=19;t=60');
});

t.test('A revoked key is refused within a minute', async (t) => {
  const { store, clock, get } = await served(t);
  const token = await addKey(store, 'one');
  t.equal((await get('/v1/metrics', token)).statusCode, 200);
  t.ok(await revokeKey(store.sql, 'one', clock.now));
  clock.advance(60);
  t.equal((await get('/v1/metrics', token)).statusCode, 401);
});

t.test('A key that was just made works at once, beside one that is in use', async (t) => {
  const { store, clock, get } = await served(t);
  const first = await addKey(store, 'first');
  t.equal((await get('/v1/metrics', first)).statusCode, 200);
  clock.advance(2);
  const second = await addKey(store, 'second');
  t.equal((await get('/v1/metrics', second)).statusCode, 200);
});

t.test('A key does not open what is for operators, whose token reads like anybody', async (t) => {
  const { store, get } = await served(t);
  const token = await addKey(store, 'one');
  const refused = await get('/v1/admin/runs', token);
  t.equal(refused.statusCode, 403);
  t.match(refused.json(), { type: '/problems/forbidden' });
  t.equal((await get('/v1/admin/runs', adminToken)).statusCode, 200);
  const read = await get('/v1/metrics', adminToken);
  t.equal(read.statusCode, 200);
  t.match(read.headers['ratelimit-policy'], '"anonymous";q=20');
});

const keys = (t: Test, store: TestStore, ...args: string[]) =>
  runProgram(t, ['commands/keys.ts', ...args], { DATABASE_URL: store.url });

t.test('Keys are made, listed and revoked by command', async (t) => {
  const { store, get } = await served(t);
  const made = await keys(t, store, 'create', 'one', '--per-minute', '500');
  t.equal(made.code, 0, made.errors);
  t.match(made.output, /^dod_[\w-]{43}\n$/, 'nothing but the key, for scripts');
  const token = made.output.trim();
  t.equal((await get('/v1/metrics', token)).headers['ratelimit-policy'], '"key";q=500;w=60');
  t.notMatch(JSON.stringify(await store.sql`select * from api_keys`), token.slice(4));
  const taken = await keys(t, store, 'create', 'one', '--per-minute', '9');
  t.equal(taken.code, 1);
  t.equal(taken.output, '');
  const revoked = await keys(t, store, 'revoke', 'one');
  t.equal(revoked.code, 0, revoked.errors);
  const listed = await keys(t, store, 'list');
  const form = /^one\t500 a minute\tmade [\d-]{10}\tlast used 2026-11-22\trevoked [\d-]{10}\n$/;
  t.match(listed.output, form);
});

t.test('Calls that are no command are told what is', async (t) => {
  const { store } = await served(t);
  for (const args of [
    ['create', 'one', '--per-minute', '0'],
    ['create', 'two words', '--per-minute', '9'],
    ['forget', 'one'],
  ]) {
    const { code, errors, output } = await keys(t, store, ...args);
    t.equal(code, 1, args.join(' '));
    t.match(errors, /Usage|whole number|A name is/);
    t.equal(output, '');
  }
});
