import { Type } from '@sinclair/typebox';
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import { ProblemError } from '../plugins/errors.ts';
import { LocalWindows } from '../plugins/quota-store.ts';
import { Representation } from '../plugins/representation.ts';
import { buildFrame, type FrameOptions, head } from './http-frame.ts';

const representation = Representation.of('{"snapshot_id":42}');
const same = { 'if-none-match': `"${representation.tag}"` };

/** What was found to help those whose names are unknown. */
const suggestions: string[] = [];

class Clock {
  #now = Date.parse('2026-11-22T12:00:00Z');
  readonly read = (): Date => new Date(this.#now);
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

function routes(app: FastifyInstance): void {
  app.get('/data', (_request, reply) => {
    reply.answer(representation, head);
  });
  app.get('/plain', (_request, reply) => {
    reply.header('etag', '"plain"').header('row-count', '1').send({ ok: true });
  });
  app.get('/lazy', (_request, reply) =>
    reply.answerLazily({
      tag: 'lazy',
      head,
      make: () => {
        app.log.info('made');
        return representation;
      },
    }),
  );
  app.get('/free', { config: { quota: false } }, (_request, reply) => {
    reply.send({ ok: true });
  });
  app.get('/heavy', { config: { quota: { cost: 2 } }, schema: {} }, (_request, reply) => {
    reply.answer(representation, head);
  });
  const grouped = { querystring: Type.Object({ by: Type.Optional(Type.String()) }) };
  app.get(
    '/grouped',
    { config: { quota: { cost: 5, parameter: 'by' } }, schema: grouped },
    (_request, reply) => {
      reply.answer(representation, head);
    },
  );
  app.get('/long/:name', (_request, reply) => {
    reply.answer(representation, head);
  });
  app.get('/gone', () => {
    throw ProblemError.gone('withdrawn');
  });
  app.get('/unknown-name', () => {
    const inFull = () => {
      suggestions.push('nearest');
      return 'is unknown; did you mean nearest?';
    };
    const fault = { in: 'query', name: 'name', detail: 'is unknown', inFull } as const;
    throw ProblemError.invalidParameters([fault]);
  });
  app.post('/apart', { config: { quota: false, rateLimit: { max: 1 } } }, (_request, reply) => {
    reply.send({ ok: true });
  });
}

async function limited(t: Parameters<typeof buildFrame>[0], options: FrameOptions = {}) {
  const clock = new Clock();
  const app = await buildFrame(t, routes, { perMinute: 3, clock: clock.read, ...options });
  const get = (url: string, headers: Record<string, string> = {}, remoteAddress = '192.0.2.1') =>
    app.inject({ url, headers, remoteAddress });
  return { app, clock, get };
}

t.test('every limited answer says what the quota is and what is left of it', async (t) => {
  const { get, clock } = await limited(t);
  const first = await get('/data');
  t.equal(first.headers['ratelimit-policy'], '"anonymous";q=3;w=60');
  t.equal(first.headers['ratelimit'], '"anonymous";r=2;t=60');
  clock.pass(18.5);
  t.equal((await get('/plain')).headers['ratelimit'], '"anonymous";r=1;t=42');
  t.equal(
    Object.keys(first.headers).some((name) => name.startsWith('x-ratelimit')),
    false,
  );
});

t.test('over the quota, a 429 says when to come back, and then one may', async (t) => {
  const { get, clock } = await limited(t);
  for (let n = 0; n < 3; n += 1) t.equal((await get('/data')).statusCode, 200);
  clock.pass(20);
  const refused = await get('/data');
  t.equal(refused.statusCode, 429);
  t.equal(refused.headers['content-type'], 'application/problem+json');
  t.equal(refused.headers['retry-after'], '40');
  t.equal(refused.headers['cache-control'], 'no-store');
  t.equal(refused.headers['ratelimit'], '"anonymous";r=0;t=40');
  t.match(refused.json<Problem>(), {
    type: '/problems/quota-exceeded',
    status: 429,
    instance: '/data',
  });
  t.equal((await get('/data', {}, '192.0.2.2')).statusCode, 200, 'another client is not held up');
  clock.pass(40);
  t.equal((await get('/data')).headers['ratelimit'], '"anonymous";r=2;t=60');
});

t.test('a 304 costs no quota, and is to be had over it', async (t) => {
  const { get } = await limited(t);
  for (let n = 0; n < 10; n += 1) t.equal((await get('/data', same)).statusCode, 304);
  t.equal((await get('/data')).headers['ratelimit'], '"anonymous";r=2;t=60');
  await get('/data');
  await get('/data');
  t.equal((await get('/data')).statusCode, 429);
  t.equal((await get('/data', same)).statusCode, 304);
});

t.test(
  'a condition that does not hold is counted, and refused before anything is made',
  async (t) => {
    const log: Record<string, unknown>[] = [];
    const { get } = await limited(t, { log });
    const other = { 'if-none-match': '"other"' };
    for (const path of ['/data', '/lazy', '/lazy'])
      t.equal((await get(path, other)).statusCode, 200);
    for (const path of ['/data', '/lazy']) {
      const refused = await get(path, other);
      t.equal(refused.statusCode, 429, path);
      t.equal(refused.headers.etag, undefined);
    }
    t.equal(log.filter(({ msg }) => msg === 'made').length, 2);
  },
);

t.test('a route that knows nothing of conditions is no way around the quota', async (t) => {
  const { get } = await limited(t);
  for (const left of [2, 1, 0]) {
    const answer = await get('/plain', same);
    t.equal(answer.headers['ratelimit'], `"anonymous";r=${left};t=60`);
  }
  const refused = await get('/plain', same);
  t.equal(refused.statusCode, 429);
  t.equal(refused.headers['content-type'], 'application/problem+json');
  t.equal(refused.headers.etag, undefined);
  t.equal(refused.headers['row-count'], undefined);
  t.equal(refused.json<Problem>().status, 429);
});

t.test('errors count, conditional or not', async (t) => {
  const { get } = await limited(t, { perMinute: 6 });
  const statuses: number[] = [];
  for (const headers of [{}, same]) {
    for (const path of ['/nowhere', '/gone', '/data?x=1']) {
      statuses.push((await get(path, headers)).statusCode);
    }
  }
  t.strictSame(statuses, [404, 410, 400, 404, 410, 400]);
  for (const headers of [{}, same]) {
    const refused = await get('/nowhere', headers);
    t.equal(refused.statusCode, 429);
    t.equal(refused.json<Problem>().status, 429);
  }
});

t.test('who is over the quota does not have it found out what helps', async (t) => {
  const { app, get } = await limited(t);
  let helped = 0;
  app.alsoCheck(() => {
    helped += 1;
    return Promise.resolve([]);
  });
  let client = 10;
  for (const url of ['/unknown-name', '/data?unknown=1']) {
    for (const headers of [{}, same]) {
      client += 1;
      helped = 0;
      for (const status of [400, 400, 400, 429, 429]) {
        t.equal((await get(url, headers, `192.0.2.${client}`)).statusCode, status, url);
      }
      t.equal(url === '/data?unknown=1' ? helped : suggestions.splice(0).length, 3, url);
    }
  }
});

t.test('OPTIONS and free routes cost nothing and say nothing of a quota', async (t) => {
  const { app, get } = await limited(t);
  for (let n = 0; n < 5; n += 1) {
    const free = await get('/free');
    t.equal(free.statusCode, 200);
    t.equal(free.headers['ratelimit'], undefined);
    const options = await app.inject({
      method: 'OPTIONS',
      url: '/data',
      remoteAddress: '192.0.2.1',
    });
    t.equal(options.statusCode, 204);
    t.equal(options.headers['ratelimit'], undefined);
  }
  t.equal((await get('/data')).headers['ratelimit'], '"anonymous";r=2;t=60');
});

t.test('a heavy answer costs more than one, and its 304 nothing', async (t) => {
  const { get } = await limited(t, { perMinute: 10 });
  t.equal((await get('/heavy')).headers['ratelimit'], '"anonymous";r=8;t=60');
  t.equal((await get('/heavy', same)).statusCode, 304);
  t.equal(
    (await get('/heavy', { 'if-none-match': '"x"' })).headers['ratelimit'],
    '"anonymous";r=6;t=60',
  );
  t.equal((await get('/grouped')).headers['ratelimit'], '"anonymous";r=5;t=60');
  t.equal((await get('/grouped?by=x')).headers['ratelimit'], '"anonymous";r=0;t=60');
});

t.test('a heavy question that is badly asked costs one', async (t) => {
  const { get } = await limited(t, { perMinute: 10 });
  const bad = await get('/grouped?by=x&unknown=1');
  t.equal(bad.statusCode, 400);
  t.equal(bad.headers['ratelimit'], '"anonymous";r=9;t=60');
});

t.test('what costs more than is left is refused, takes nothing, and less goes on', async (t) => {
  const { get } = await limited(t, { perMinute: 6 });
  await get('/grouped?by=x');
  const refused = await get('/heavy');
  t.equal(refused.statusCode, 429);
  t.match(refused.json<Problem>().detail, /costs 2 of the quota, and 1 is left/);
  t.equal(refused.headers['ratelimit'], '"anonymous";r=1;t=60');
  t.equal((await get('/data')).statusCode, 200);
  t.equal((await get('/data')).statusCode, 429);
});

t.test('a budget smaller than a cost still has one such answer', async (t) => {
  const { get } = await limited(t, { perMinute: 3 });
  t.equal((await get('/grouped?by=x')).statusCode, 200);
  t.equal((await get('/grouped?by=x')).statusCode, 429);
});

t.test('costs are told before they are met', async (t) => {
  const { app } = await limited(t);
  t.strictSame(app.quotaCosts, [
    { path: '/heavy', cost: 2, parameter: null },
    { path: '/grouped', cost: 5, parameter: 'by' },
  ]);
  const { paths } = app.swagger() as { paths: Record<string, { get: { description?: string } }> };
  t.equal(paths['/heavy']?.get.description, 'Costs 2 of the quota.');
  t.equal(paths['/grouped']?.get.description, 'Costs 5 of the quota with by.');
});

t.test('a route with a limit of its own counts apart', async (t) => {
  const { app, get } = await limited(t);
  const post = () => app.inject({ method: 'POST', url: '/apart', remoteAddress: '192.0.2.1' });
  t.equal((await post()).statusCode, 200);
  const refused = await post();
  t.equal(refused.statusCode, 429);
  t.equal(refused.headers['content-type'], 'application/problem+json');
  t.equal(refused.headers['retry-after'], '60');
  t.equal((await get('/data')).headers['ratelimit'], '"anonymous";r=2;t=60');
});

t.test('a client is an IPv4 address or an IPv6 /64, and a mapped address is IPv4', async (t) => {
  const { get } = await limited(t);
  const left = async (address: string) =>
    /r=(\d+)/.exec(String((await get('/data', {}, address)).headers['ratelimit']))?.[1];
  t.equal(await left('192.0.2.9'), '2');
  t.equal(await left('::ffff:192.0.2.9'), '1');
  t.equal(await left('2001:db8:1:2::1'), '2');
  t.equal(await left('2001:db8:1:2:ffff::9'), '1');
  t.equal(await left('2001:db8:1:3::1'), '2');
});

t.test('behind a trusted proxy the client is whom the proxy names', async (t) => {
  const { get } = await limited(t, { trustProxy: true });
  const from = (address: string) => get('/data', { 'x-forwarded-for': address });
  t.equal((await from('198.51.100.1')).headers['ratelimit'], '"anonymous";r=2;t=60');
  t.equal((await from('198.51.100.1')).headers['ratelimit'], '"anonymous";r=1;t=60');
  t.equal((await from('198.51.100.2')).headers['ratelimit'], '"anonymous";r=2;t=60');
});

t.test('a port that a proxy adds does not make another client', async (t) => {
  const { app, get } = await limited(t, { trustProxy: true, perMinute: 100 });
  const left = async (address: string) =>
    /r=(\d+)/.exec(
      String((await get('/data', { 'x-forwarded-for': address })).headers['ratelimit']),
    )?.[1];
  t.equal(await left('198.51.100.1'), '99');
  t.equal(await left('198.51.100.1:5555'), '98');
  t.equal(await left('198.51.100.1:5556'), '97');
  t.equal(await left('[2001:db8:1:2::9]:443'), '99');
  t.equal(await left('[2001:db8:1:2::9]:444'), '98');
  t.equal(await left('[2001:db8:1:2::10]'), '97');
  t.equal(await left('2001:db8:1:2::11'), '96');
  t.equal(await left('[::ffff:198.51.100.1]:7'), '96');
  for (const odd of [
    'unknown',
    '_hidden:7',
    'a:b:c',
    '[',
    '[]',
    '[]:1',
    ':',
    '1.2.3.4:',
    '999.9.9.9:1',
  ]) {
    t.equal((await get('/data', { 'x-forwarded-for': odd })).statusCode, 200, odd);
  }
  t.equal((await app.inject('/data')).statusCode, 200);
});

t.test('an address that cannot be read is counted, and refused over the quota', async (t) => {
  const { get } = await limited(t);
  const tooLong = `/long/${'a'.repeat(5000)}`;
  t.equal((await get('/%zz')).headers['ratelimit'], '"anonymous";r=2;t=60');
  const second = await get(tooLong);
  t.equal(second.statusCode, 414);
  t.equal(second.headers['ratelimit'], '"anonymous";r=1;t=60');
  t.match(second.headers['access-control-expose-headers'], 'RateLimit');
  t.equal((await get('/data')).headers['ratelimit'], '"anonymous";r=0;t=60');
  for (const url of ['/%zz', tooLong]) {
    const refused = await get(url);
    t.equal(refused.statusCode, 429);
    t.equal(refused.headers['content-type'], 'application/problem+json');
    t.equal(refused.headers['retry-after'], '60');
    t.match(refused.json<Problem>(), { status: 429 });
  }
});

t.test('the memory of clients is bounded', (t) => {
  const windows = new LocalWindows(() => new Date(0));
  windows.count('first', 60_000);
  windows.count('kept', 60_000);
  for (let n = 0; n < 99_999; n += 1) {
    windows.count(`other ${n}`, 60_000);
    if (n % 10_000 === 0) windows.count('kept', 60_000);
  }
  t.equal(windows.count('first', 60_000).current, 1, 'forgotten');
  t.ok(windows.count('kept', 60_000).current > 10, 'whoever keeps asking is not');
  t.end();
});

t.test('no window is longer than a minute where the clock is set back', (t) => {
  let now = 3_600_000;
  const windows = new LocalWindows(() => new Date(now));
  windows.count('one', 60_000);
  now = 0;
  t.same(windows.count('one', 60_000), { current: 1, ttl: 60_000, refused: false });
  t.end();
});

const redisUrl = 'redis://127.0.0.1:6379/';

t.test('instances share the quota through Redis', async (t) => {
  const own = new Redis(redisUrl);
  t.teardown(() => own.quit());
  // No group starts with a zero, so that the address stands in the key as it is written here.
  const group = () => `f${randomUUID().slice(0, 3)}`;
  const address = `2001:db8:${group()}:${group()}::1`;
  const [one, two] = [await limited(t, { redisUrl }), await limited(t, { redisUrl })];
  const first = await one.get('/data', {}, address);
  const second = await two.get('/data', {}, address);
  t.match(first.headers['ratelimit'], '"anonymous";r=2;t=');
  t.match(second.headers['ratelimit'], '"anonymous";r=1;t=');
  const [key] = await own.keys(`dashboard-open-data:quota:${address.split('::')[0]}*`);
  t.ok(key);
  const lifetime = await own.pttl(key ?? '');
  t.ok(lifetime > 0 && lifetime <= 60_000, 'and forgets it after the window');
  await own.del(key ?? '');
});

t.test('with Redis away, limits are local, said once, and no request fails', async (t) => {
  const log: Record<string, unknown>[] = [];
  const { get } = await limited(t, { redisUrl: 'redis://127.0.0.1:1/', log });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) statuses.push((await get('/data')).statusCode);
  t.strictSame(statuses, [200, 200, 200, 429]);
  const said = log.filter(({ msg }) => String(msg).includes('rate limits are local'));
  t.equal(said.length, 1);
});

t.test('what is said of Redis holds no password and no client', async (t) => {
  const log: Record<string, unknown>[] = [];
  const url = 'redis://nobody:a-password-of-redis@127.0.0.1:6379/';
  const { get } = await limited(t, { redisUrl: url, log });
  t.equal((await get('/data', {}, '192.0.2.77')).statusCode, 200);
  const said = log.filter(({ msg }) => String(msg).includes('Redis'));
  t.ok(said.length > 0);
  t.notMatch(JSON.stringify(said), /a-password-of-redis|192\.0\.2\.77/);
});
