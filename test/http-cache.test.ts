import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import t from 'tap';
import { Representation } from '../plugins/representation.ts';
import { buildFrame, head } from './http-frame.ts';

const nothing = (): void => undefined;

t.test('a tag given to reply.etag() is never answered with a 304, on any path', async (t) => {
  const app = await buildFrame(t, (app) => {
    for (const path of ['/a', '/b']) {
      app.get(path, (_request, reply) => {
        reply.etag('"shared"', 3_600_000).send({ path });
      });
    }
    app.get('/data', (_request, reply) => {
      reply.answer(Representation.of('{}'), head);
    });
  });
  t.equal((await app.inject('/a')).headers.etag, '"shared"');
  const headers = { 'if-none-match': '"shared"' };
  for (const url of ['/a', '/b', '/data', '/nowhere', '/a?unknown=1']) {
    const answer = await app.inject({ url, headers });
    t.not(answer.statusCode, 304, url);
    t.not(answer.body, '');
  }
});

t.test('a tag cannot be put into the fenced store by other means', async (t) => {
  const app = await buildFrame(t, (app) => {
    app.get('/a', (_request, reply) => {
      reply.send({ ok: true });
    });
  });
  const key = { id: '"forged"', segment: app.cacheSegment };
  app.cache.set(key, true, 60_000, nothing);
  t.equal(await app.cache.get(key), null);
  const answer = await app.inject({ url: '/a', headers: { 'if-none-match': '"forged"' } });
  t.equal(answer.statusCode, 200);
});

t.test('an answer that says nothing of caching is revalidated, an error is not kept', async (t) => {
  const app = await buildFrame(t, (app) => {
    app.get('/plain', (_request, reply) => {
      reply.send({ ok: true });
    });
    app.get('/own', (_request, reply) => {
      reply.header('cache-control', 'max-age=5').send({ ok: true });
    });
  });
  const kept = async (url: string) => (await app.inject(url)).headers['cache-control'];
  t.equal(await kept('/plain'), 'no-cache');
  t.equal(await kept('/own'), 'max-age=5');
  t.equal(await kept('/nowhere'), 'no-store');
});

function keyOf(id: string) {
  return { id, segment: 'totals' };
}

async function remembers(t: Parameters<typeof buildFrame>[0], app: FastifyInstance) {
  const id = randomUUID();
  t.equal(await app.cache.get(keyOf(id)), null);
  await new Promise((resolve) => {
    app.cache.set(keyOf(id), { body: 'é', list: [1, null] }, 60_000, resolve);
  });
  const found = await app.cache.get<{ body: string }>(keyOf(id));
  t.match(found, { item: { body: 'é', list: [1, null] }, ttl: 60_000, stored: Number });
  t.equal(await app.cache.get({ id, segment: 'other' }), null);
  const byCallback = await new Promise((resolve, reject) => {
    app.cache.get(keyOf(id), (error, result) => {
      if (error instanceof Error) reject(error);
      else resolve(result?.item);
    });
  });
  t.match(byCallback, { body: 'é' });
  app.cache.set(keyOf(`${id} past`), 'x', 0);
  t.equal(await app.cache.get(keyOf(`${id} past`)), null);
  return id;
}

t.test('app.cache keeps what it is given, by key, until it expires', async (t) => {
  const app = await buildFrame(t, nothing);
  await remembers(t, app);
});

const redisUrl = 'redis://127.0.0.1:6379/';

t.test('instances share app.cache through Redis, where it expires', async (t) => {
  const own = new Redis(redisUrl);
  t.teardown(() => own.quit());
  const one = await buildFrame(t, nothing, { redisUrl });
  const two = await buildFrame(t, nothing, { redisUrl });
  const id = await remembers(t, one);
  t.match(await two.cache.get(keyOf(id)), { item: { body: 'é' } });
  const [key] = await own.keys(`*${id}`);
  t.ok((await own.pttl(key ?? '')) > 0);
  await own.del(key ?? '');
});

t.test('with Redis away, app.cache is local and no request fails', async (t) => {
  const log: Record<string, unknown>[] = [];
  const app = await buildFrame(t, nothing, { redisUrl: 'redis://127.0.0.1:1/', log });
  await remembers(t, app);
  t.equal(log.filter(({ msg }) => String(msg).includes('cached answers are local')).length, 1);
});
