import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
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
