import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import t from 'tap';
import { createKey } from '../db/queries/api-keys.ts';
import { problemExample } from '../openapi/problem-examples.ts';
import { problemTypes, type Problem, type ProblemSlug } from '../openapi/problem.ts';
import { carryOver } from './support/carried.ts';
import { campaign, course, emptyState, sourceOf } from './support/courses.ts';
import { listen } from './support/downloads.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const adminToken = 'correct-horse-battery-staple-0123456789';
const operator = { authorization: `Bearer ${adminToken}` };

t.test('every problem is reported as the contract’s example has it', async (t) => {
  const clock = new TestClock();
  const store = await createStore(t);
  await carryOver(store.sql, '2020-01-01', {
    snapshotId: 1,
    totals: { courses: 9 },
    coverage: { courses: 9 },
  });
  const state = emptyState();
  state.campaigns = [campaign(1, { slug: 'open_classroom' })];
  state.courses = [course(1, { campaignIds: [1] }), course(7)];
  const source = sourceOf(state);
  await publish(store, source, clock);
  state.courses = state.courses.slice(0, 1);
  clock.advance(60);
  await publish(store, source, clock, { confirmWithdrawals: true });

  const app = await createService(t, store, clock, { ADMIN_TOKEN: adminToken });
  const limited = await createService(t, store, clock, { RATE_LIMIT_PER_MINUTE: '1' });
  const unpublished = await createService(t, await createStore(t), clock);
  const broken = await createService(t, store, clock);
  await store.sql`alter table snapshots rename column totals to totals_elsewhere`;
  const failure = await broken.inject('/v1/snapshots/1');
  await store.sql`alter table snapshots rename column totals_elsewhere to totals`;
  const token = `dod_${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(token).digest();
  await createKey(store.sql, { name: 'reader', digest, perMinute: 100 }, clock.now);
  await limited.inject('/v1/snapshots/latest');
  // Sent by the server itself a minute after the beginning of a request that does not end.
  const slow = Object.assign(new Error('slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  app.server.once('connection', (socket) => {
    app.server.emit('clientError', slow, socket);
  });
  const url = await listen(app);
  const timeout = await raw(url, '');

  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
  const post = (payload: string, type = 'application/json') =>
    app.inject({
      method: 'POST',
      url: '/v1/admin/snapshots',
      headers: { ...operator, 'content-type': type },
      payload,
    });
  const reported: Record<ProblemSlug, { json(): unknown }> = {
    'bad-request': await get('/v1/campaigns/%ff'),
    'invalid-parameter': await get('/v1/snapshots?limit=abc'),
    unauthorized: await get('/v1/snapshots/latest', { authorization: 'Bearer no-key' }),
    forbidden: await get('/v1/admin/runs', { authorization: `Bearer ${token}` }),
    'not-found': await get('/v1/campaigns/open_clasroom'),
    'no-course-rows': await get('/v1/courses?snapshot=1'),
    'method-not-allowed': await app.inject({ method: 'DELETE', url: '/v1/snapshots/1' }),
    'not-acceptable': await get('/v1/snapshots/latest', { accept: 'application/xml' }),
    'request-timeout': timeout,
    conflict: await post('{}'),
    gone: await get('/v1/courses/7'),
    'precondition-failed': await get('/v1/snapshots/latest', { 'if-match': '"older"' }),
    'payload-too-large': await post(`"${'a'.repeat(1_100_000)}"`),
    'address-too-long': await get(`/v1/campaigns/${'a'.repeat(4000)}`),
    'unsupported-media-type': await post('a,b', 'text/csv'),
    'range-not-satisfiable': await get('/v1/courses.csv', { range: 'bytes=999999999-' }),
    'quota-exceeded': await limited.inject('/v1/snapshots/latest'),
    'headers-too-large': await raw(
      url,
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    ),
    internal: failure,
    unavailable: await unpublished.inject('/v1/snapshots/latest'),
  };
  for (const slug of Object.keys(problemTypes) as ProblemSlug[]) {
    const { instance, ...problem } = reported[slug].json() as Problem;
    const shown = { ...problem, instance: instance.replace(/a{9,}/, 'aaaaaaaa') };
    t.strictSame(shown, problemExample(slug), slug);
  }
});

/** What is answered to bytes that may be no request. */
async function raw(url: URL, text: string): Promise<{ json(): unknown }> {
  const socket = createConnection(Number(url.port), url.hostname);
  await once(socket, 'connect');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return { json: () => JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as unknown };
}
