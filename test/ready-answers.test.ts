import type { FastifyInstance } from 'fastify';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { createKey } from '../db/queries/api-keys.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

let routed = 0;
subscribe('tracing:fastify.request.handler:start', () => {
  routed += 1;
});

type Headers = Readonly<Record<string, string>>;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether Fastify looked for a route. */
  readonly wasRouted: boolean;
}

interface Served {
  readonly store: TestStore;
  readonly clock: TestClock;
  readonly app: FastifyInstance;
  readonly get: (path: string, headers?: Headers) => Promise<Answer>;
}

const withCourses = (...ids: number[]) =>
  sourceOf({ ...emptyState(), courses: ids.map((id) => course(id)) });

async function served(
  t: Test,
  environment: Record<string, string> = {},
  served?: { store: TestStore; clock: TestClock },
): Promise<Served> {
  const store = served?.store ?? (await createStore(t));
  const clock = served?.clock ?? new TestClock();
  if (served === undefined) await publish(store, withCourses(1, 2, 3), clock);
  const app = await createService(t, store, clock, environment);
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => {
    agent.destroy();
  });
  const get = async (path: string, headers: Headers = {}) => {
    const before = routed;
    const asked = request(base + path, { agent, headers });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const body = await buffer(answer);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body,
      wasRouted: routed > before,
    };
  };
  return { store, clock, app, get };
}

/** A promise with what fulfils it. */
function gate(): { opened: Promise<void>; open: () => void } {
  const events = new EventEmitter();
  return {
    opened: once(events, 'open').then(() => undefined),
    open: () => events.emit('open'),
  };
}

const redisUrl = 'redis://127.0.0.1:6379/';

/** What instances have counted of the address, before and after. */
async function forget(t: Test, address: string): Promise<void> {
  const redis = new Redis(redisUrl);
  const keys = `dashboard-open-data:quota:${address}`;
  await redis.del(keys);
  t.teardown(async () => {
    await redis.del(keys);
    await redis.quit();
  });
}

/** Of the connection, of the moment, and of what was spent before. */
const passing = ['connection', 'date', 'keep-alive', 'ratelimit'];
const lasting = (headers: Readonly<Record<string, unknown>>) =>
  Object.entries(headers)
    .filter(([name]) => !passing.includes(name))
    .map(([name, value]) => `${name}: ${String(value)}`)
    .toSorted();

const addresses = [
  '/v1/snapshots/latest',
  '/v1/snapshots/1',
  '/system_metrics.json',
  '/v1/totals',
  '/v1/totals?group_by=type&home_wiki=en.wikipedia.org',
  '/v1/trends?interval=all',
  '/v1/courses?limit=2',
  '/v1/courses?limit=2&snapshot=1',
];

t.test('What lies ready is answered as the route would have', async (t) => {
  const { app, get } = await served(t);
  for (const address of addresses) {
    // A question lies ready once it was computed, and in a coding once it was sent in that.
    for (const coding of ['identity', 'gzip', 'br']) {
      for (let time = 0; time < 2; time += 1) await get(address, { 'accept-encoding': coding });
    }
    const plain = await get(address);
    const etag = String(plain.headers.etag);
    const manners: Headers[] = [
      {},
      { 'accept-encoding': 'gzip' },
      { 'accept-encoding': 'br;q=0.1, gzip;q=0.9' },
      { 'accept-encoding': 'br', accept: 'application/json' },
      { 'if-none-match': etag },
      { 'if-none-match': '"another"' },
      { 'if-none-match': etag, 'accept-encoding': 'gzip' },
      { 'if-modified-since': String(plain.headers['last-modified']) },
      { 'if-modified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
      { 'if-match': etag },
      { origin: 'https://example.org' },
    ];
    for (const headers of manners) {
      const ready = await get(address, headers);
      const manner = `${address} ${JSON.stringify(headers)}`;
      t.notOk(ready.wasRouted, `${manner} lies ready`);
      const answer = await app.inject({ url: address, headers });
      t.equal(ready.status, answer.statusCode, manner);
      t.same(lasting(ready.headers), lasting(answer.headers), manner);
      t.same(ready.body, answer.rawPayload, manner);
    }
    const refused: [Headers, number][] = [
      [{ accept: 'text/html' }, 406],
      [{ 'if-match': '"another"' }, 412],
      [{ authorization: `Bearer dod_${'x'.repeat(43)}` }, 401],
    ];
    for (const [headers, status] of refused) {
      const answer = await get(address, headers);
      t.equal(answer.status, status, `${address} ${JSON.stringify(headers)}`);
    }
    const head = await app.inject({ url: address, method: 'HEAD' });
    t.equal(head.statusCode, 200);
    t.equal(head.rawPayload.length, 0);
  }
});

t.test('A form of a parameter is an address of its own', async (t) => {
  const { get } = await served(t);
  for (let time = 0; time < 3; time += 1) await get('/v1/totals?type=none');
  t.notOk((await get('/v1/totals?type=none')).wasRouted);
  const written = await get('/v1/totals?type=%6Eone');
  t.ok(written.wasRouted);
  t.equal(written.headers.etag, (await get('/v1/totals?type=none')).headers.etag);
  t.equal((await get('/v1/totals?type=none&typo=1')).status, 400);
});

t.test('A new snapshot is answered with at once, on every instance', async (t) => {
  const one = await served(t);
  const other = await served(t, {}, one);
  const questions = ['/v1/totals', '/v1/courses', '/v1/trends?interval=all'];
  for (const { get } of [one, other]) {
    for (const address of questions) for (let time = 0; time < 3; time += 1) await get(address);
  }
  one.clock.advance(86_400);
  await publish(one.store, withCourses(1, 2, 3, 4), one.clock);
  for (const { get } of [one, other]) {
    for (const address of questions) {
      const { headers, wasRouted } = await get(address);
      t.equal(headers['snapshot-id'], '2', address);
      t.ok(wasRouted, address);
    }
  }
  for (const { app, get } of [one, other]) {
    await app.published.refresh();
    t.equal((await get('/v1/snapshots/latest')).headers['snapshot-id'], '2');
    t.equal((await get('/system_metrics.json')).headers['snapshot-id'], '2');
    t.equal((await get('/v1/snapshots/1')).headers['snapshot-id'], '1');
  }
});

t.test('What is withdrawn is not answered with, on any instance', async (t) => {
  const one = await served(t);
  const other = await served(t, {}, one);
  const address = '/v1/courses?snapshot=1';
  for (const { get } of [one, other]) {
    for (let time = 0; time < 3; time += 1) await get(address);
    const before = await get(address);
    t.notOk(before.wasRouted);
    t.match(before.body.toString(), '"course_id":3');
  }
  one.clock.advance(86_400);
  await publish(one.store, withCourses(1, 2), one.clock, { confirmWithdrawals: true });
  for (const { get } of [one, other]) {
    const { body, wasRouted } = await get(address);
    t.ok(wasRouted);
    t.match(body.toString(), '"course_id":2');
    t.notMatch(body.toString(), '"course_id":3');
  }
});

t.test('What lies ready is counted with all else, in whosever budget it is', async (t) => {
  const { store, get } = await served(t, {
    RATE_LIMIT_PER_MINUTE: '20',
    TRUST_PROXY: '1',
  });
  const left = ({ headers }: Answer) => Number(/;r=(\d+)/.exec(String(headers['ratelimit']))?.[1]);
  const from = (address: string) => ({ 'x-forwarded-for': address });
  await get('/v1/snapshots/latest');
  await get('/v1/trends?interval=all', from('192.0.2.1'));
  t.equal(left(await get('/v1/trends?interval=all', from('192.0.2.1'))), 14, 'a trend costs three');
  const trend = await get('/v1/trends?interval=all', from('192.0.2.1'));
  t.notOk(trend.wasRouted);
  t.equal(left(trend), 11, 'and so it does from memory');
  const etag = String(trend.headers.etag);
  const unchanged = await get('/v1/trends?interval=all', {
    ...from('192.0.2.1'),
    'if-none-match': etag,
  });
  t.equal(unchanged.status, 304);
  t.equal(unchanged.headers['ratelimit'], undefined, 'a 304 is free');
  t.equal(left(await get('/v1/snapshots/latest', from('192.0.2.1'))), 10);
  t.equal(left(await get('/v1/snapshots/latest', from('192.0.2.2'))), 19, 'another client');
  for (let time = 0; time < 10; time += 1) await get('/v1/snapshots/latest', from('192.0.2.1'));
  const refused = await get('/v1/snapshots/latest', from('192.0.2.1'));
  t.equal(refused.status, 429);
  t.equal(refused.headers['content-type'], 'application/problem+json');
  t.match(refused.headers['retry-after'], /^\d+$/);

  const token = `dod_${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(token).digest();
  assert.ok(await createKey(store.sql, { name: 'one', digest, perMinute: 500 }, new Date()));
  const paid = await get('/v1/snapshots/latest', {
    ...from('192.0.2.1'),
    authorization: `Bearer ${token}`,
  });
  t.equal(paid.status, 200);
  t.equal(paid.headers['ratelimit'], '"key";r=499;t=60');
});

t.test('What lies ready is counted across instances, where Redis is there', async (t) => {
  const redis = { REDIS_URL: redisUrl, RATE_LIMIT_PER_MINUTE: '20', TRUST_PROXY: '1' };
  const one = await served(t, redis);
  const other = await served(t, redis, one);
  const address = `192.0.2.${Math.floor(Math.random() * 256)}`;
  await forget(t, address);
  const from = { 'x-forwarded-for': address };
  const left: (string | undefined)[] = [];
  for (const { get } of [one, other, one, other]) {
    const { headers, wasRouted } = await get('/v1/snapshots/latest', from);
    left.push(/;r=(\d+)/.exec(String(headers['ratelimit']))?.[1]);
    if (left.length > 2) t.notOk(wasRouted);
  }
  t.same(left, ['19', '18', '17', '16']);
});

/** Holds back what is counted before it is routed, until it is let go. */
function holdCounting(app: FastifyInstance) {
  const quota = app.anonymousQuota;
  const spend = quota.spend.bind(quota);
  const asked = gate();
  const held = gate();
  quota.spend = (...spending) => {
    asked.open();
    void held.opened.then(() => {
      spend(...spending);
    });
  };
  return {
    asked: asked.opened,
    letGo: () => {
      quota.spend = spend;
      held.open();
    },
  };
}

const portOf = (app: FastifyInstance) => (app.server.address() as AddressInfo).port;

t.test('Who leaves while the request is being counted takes nothing along', async (t) => {
  const { app, get } = await served(t);
  for (let time = 0; time < 2; time += 1) await get('/v1/snapshots/latest');
  const { asked, letGo } = holdCounting(app);
  const leaving = request({ port: portOf(app), path: '/v1/snapshots/latest' });
  leaving.on('error', () => undefined);
  const arriving = once(app.server, 'connection') as Promise<[Socket]>;
  leaving.end();
  const [connection] = await arriving;
  await asked;
  leaving.destroy();
  await once(connection, 'close');
  letGo();
  const next = await get('/v1/snapshots/latest');
  t.equal(next.status, 200);
  t.notOk(next.wasRouted);
});

t.test('A service that closes has nothing ready', async (t) => {
  const { app, get } = await served(t);
  for (let time = 0; time < 2; time += 1) await get('/v1/snapshots/latest');
  const asking = 'GET /v1/snapshots/latest HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const { asked, letGo } = holdCounting(app);
  const socket = connect(portOf(app)).setEncoding('latin1');
  socket.write(asking);
  await asked;
  const closed = app.close();
  socket.write(asking);
  await setTimeout(50);
  letGo();
  const received = (await socket.toArray()).join('');
  await closed;
  const [, first, second] = received.split('HTTP/1.1 ');
  t.match(first, /^200 OK/, 'what had been asked before is answered');
  t.match(second, /^503 Service Unavailable/);
  t.match(second, /\r\ncontent-type: application\/problem\+json\r\n/i);
  t.match(second, /\r\nretry-after: 1\r\n/i);
  t.match(second, /\r\nconnection: close\r\n/i);
  t.match(second, '"detail":"This instance is shutting down; ask again."');
  t.match(second, /\r\nratelimit: "anonymous";r=\d+;/i, 'counted as every problem is');
});
