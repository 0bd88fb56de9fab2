import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const store = await createStore(t);
const clock = new TestClock();
await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
const app = await createService(t, store, clock, { DATA_LICENSE: 'CC0 https://example.org/cc0' });

async function linksOf(app: FastifyInstance, url: string): Promise<Record<string, string>> {
  const { headers } = await app.inject(url);
  const links = String(headers['link']).matchAll(/<([^>]*)>; rel="([^"]*)"/g);
  return Object.fromEntries([...links].map(([, target = '', rel = '']) => [rel, target]));
}

t.test('Every data answer leads to the licence and to the contract', async (t) => {
  for (const url of ['/v1/snapshots/latest', '/v1/snapshots', '/v1/courses', '/v1/metrics']) {
    t.match(
      await linksOf(app, url),
      {
        license: 'https://example.org/cc0',
        'service-desc': '/openapi.json',
        'service-doc': '/docs',
      },
      url,
    );
  }
  for (const url of ['/openapi.json', '/docs']) t.equal((await app.inject(url)).statusCode, 200);
});

t.test('The contract and the pages lead to the contract', async (t) => {
  for (const url of ['/', '/docs', '/openapi.json', '/openapi-3.0.json']) {
    t.strictSame(
      await linksOf(app, url),
      { 'service-desc': '/openapi.json', 'service-doc': '/docs' },
      url,
    );
  }
});

t.test('An address with a slash too many is told the one that is there', async (t) => {
  for (const [url, there] of [
    ['/docs/', '/docs'],
    ['/v1/snapshots/?limit=1', '/v1/snapshots'],
    ['/v1/courses/1//', '/v1/courses/1'],
  ] as const) {
    const answer = await app.inject(url);
    t.equal(answer.statusCode, 404, url);
    t.match(answer.json<Problem>().detail, `without the slash at its end it is ${there}.`);
  }
  for (const url of ['/nowhere/', '//', '///', `/a${'/'.repeat(5_000)}`]) {
    const answer = await app.inject(url);
    t.equal(answer.statusCode, 404, url.slice(0, 20));
    t.notMatch(answer.json<Problem>().detail, /slash/);
  }
});

t.test('What to cite is where the very answer stays, and answers there', async (t) => {
  const snapshot = '/v1/snapshots/1';
  for (const url of ['/v1/snapshots/latest', '/system_metrics.json', snapshot]) {
    t.equal((await linksOf(app, url))['cite-as'], snapshot, url);
  }
  const links = await linksOf(app, '/v1/courses?type=Editathon');
  t.equal(links['cite-as'], links['canonical']);
  const cited = String(links['cite-as']);
  t.match(cited, 'snapshot=1');
  t.equal((await app.inject(cited)).body, (await app.inject('/v1/courses?type=Editathon')).body);
});

t.test('Search engines are asked to leave the data alone', async (t) => {
  const robots = await app.inject('/robots.txt');
  t.equal(robots.statusCode, 200);
  t.equal(robots.headers['content-type'], 'text/plain; charset=utf-8');
  t.match(robots.body, /^User-agent: \*\nDisallow: \/v1\/\n/);
  t.equal(robots.headers['ratelimit'], undefined);
});

t.test('The page of a problem says what it means, and shows one', async (t) => {
  const { body } = await app.inject('/problems/gone');
  t.match(body, 'Course 7 has been withdrawn at its source.');
  t.match(body, '&quot;status&quot;: 410');
});

t.test('Pages have a strict policy, and data only say what they are', async (t) => {
  for (const url of ['/', '/docs', '/problems']) {
    const { headers } = await app.inject(url);
    t.notMatch(headers['content-security-policy'], /unsafe|\*|https?:/, url);
    t.match(headers, {
      'content-security-policy': "default-src 'none'; script-src 'self'",
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  }
  const { headers } = await app.inject('/v1/metrics');
  t.equal(headers['x-content-type-options'], 'nosniff');
  t.equal(headers['content-security-policy'], undefined);
});
