import t from 'tap';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { networkTo } from './support/network.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

t.test('whatever connection is reset, an answer is a right one or a 503', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  for (const edits of [1, 2]) {
    const courses = Array.from({ length: 50 }, (_, index) =>
      course(index + 1, { homeWiki: 'en.wikipedia.org', metrics: { edits: edits * index } }),
    );
    await publish(store, sourceOf({ ...emptyState(), courses }), clock);
    clock.advance(86_400);
  }
  const network = await networkTo(t, store);
  const app = await createService(t, network.store, clock);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const ask = async (path: string) => {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(30_000) });
    return { status: answer.status, body: await answer.text() };
  };
  const paths = [
    '/v1/snapshots',
    '/v1/snapshots/1',
    '/v1/snapshots.csv',
    '/v1/courses',
    '/v1/courses/7',
    '/v1/courses/7/history',
    '/v1/courses.csv',
    '/v1/courses.csv?home_wiki=en.wikipedia.org',
    '/v1/campaigns',
    '/v1/wikis',
    '/v1/activity',
    '/v1/totals?group_by=type',
    '/v1/totals.csv?created_from=2001-01-01',
    '/v1/trends?group_by=home_wiki',
    '/v1/trends.csv?created_from=2001-01-01',
  ];
  const right = new Map<string, string>();
  for (const path of paths) {
    const { status, body } = await ask(path);
    t.equal(status, 200, path);
    right.set(path, body);
  }

  const found = { right: 0, refused: 0 };
  let asked = 0;
  const client = async () => {
    while (asked < 1500) {
      asked += 1;
      const path = paths[asked % paths.length] ?? '';
      if (asked % 37 === 0) network.reset();
      else network.resetAt(1 + (asked % 23));
      const { status, body } = await ask(path);
      if (status === 503) found.refused += 1;
      else if (status === 200 && body === right.get(path)) found.right += 1;
      else t.fail(path, { status, body });
    }
  };
  await Promise.all(Array.from({ length: 24 }, client));
  t.ok(found.right > 100, `${String(found.right)} are right`);
  t.ok(found.refused > 10, `${String(found.refused)} are refused`);

  network.resetAt(Infinity);
  for (const path of paths) {
    const { status, body } = await ask(path);
    t.equal(status, 200, path);
    t.equal(body, right.get(path), path);
  }
});
