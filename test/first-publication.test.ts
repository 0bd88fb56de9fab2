import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { claimUntouched } from '../db/queries/changes.ts';
import { createService, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

void t.test('a first publication keeps the versions to itself, and nobody waits', async (t) => {
  const store = await createStore(t);
  const service = await createService(t, store, new TestClock());
  const { paths } = (await service.inject('/openapi.json')).json<{ paths: object }>();
  const publisher = await store.sql.reserve();
  await publisher`begin`;
  await publisher`lock table course_versions in access exclusive mode`;
  const addresses = Object.keys(paths).map((path) => path.replaceAll(/\{\w+\}/g, '1'));
  const questions = [
    '/v1/courses?campaign=x',
    '/v1/totals?wiki=en.wikipedia.org',
    '/v1/courses?q=a',
  ];
  for (const address of ['/', ...addresses, ...questions]) {
    const waiting = new AbortController();
    const answer = await Promise.race([
      service.inject(address),
      delay(10_000, undefined, { signal: waiting.signal }),
    ]);
    waiting.abort();
    t.ok(answer, `${address} is answered`);
    if (address.startsWith('/v1/')) t.match(String(answer?.statusCode), /^(200|503)$/);
  }
  await publisher`rollback`;
  publisher.release();
});

void t.test('it has the versions to itself as soon as it is known to be the first', async (t) => {
  const { sql } = await createStore(t);
  await sql.begin(async (tx) => {
    t.ok(await claimUntouched(tx));
    await t.rejects(
      sql.begin((other) => other`lock table course_versions in access share mode nowait`),
      { code: '55P03' },
    );
  });
  await sql.begin(async (reader) => {
    await reader`select from course_versions`;
    t.notOk(await sql.begin(claimUntouched), 'nor waits for who is at them before');
  });
  t.ok(await sql.begin(claimUntouched));
});
