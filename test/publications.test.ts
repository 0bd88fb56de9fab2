import t from 'tap';
import { publicationChannel } from '../db/queries/store.ts';
import { until } from './embedded/holder.ts';
import { sourceOf, stateOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

t.test('a look that fails when it is told of a publication is taken again', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf(stateOf(1)), clock);
  const app = await createService(t, store, clock, {}, { scheduler: true });
  await app.ready();
  await app.exports.settled();
  const problems = new Set<unknown>();
  app.log.error = (_fields: unknown, problem?: unknown) => problems.add(problem);

  await store.sql`alter table snapshots rename to away`;
  await store.sql`alter table store rename to store_away`;
  await store.sql`select pg_notify(${publicationChannel}, '')`;
  await until('both have failed', () => Promise.resolve(problems.size >= 2));
  await store.sql.begin(async (tx) => {
    await tx`alter table away rename to snapshots`;
    await tx`alter table store_away rename to store`;
    await tx`create temporary table copy as select * from snapshots`;
    await tx`update copy set snapshot_id = 2, computed_at = computed_at + interval '1 day'`;
    await tx`insert into snapshots select * from copy`;
  });
  await until('the newest snapshot is known without another notice', () =>
    Promise.resolve(app.published.latest?.row.snapshotId === 2),
  );
  await until('its download is made ahead', async () => {
    const { headers } = await app.inject({ url: '/v1/courses.csv?snapshot=2', method: 'HEAD' });
    return headers['content-length'] !== undefined;
  });
});
