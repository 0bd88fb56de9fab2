import t from 'tap';
import { holdsPublishingLock, isPublishing, lockPublishing } from '../db/queries/store.ts';
import { alone, connectPublisher } from '../jobs/publisher-session.ts';
import type { Source } from '../sources/source.ts';
import { until } from './embedded/holder.ts';
import { sourceOf, stateOf } from './support/courses.ts';
import { publish, TestClock } from './support/service.ts';
import { countRows, createStore, totalsOf, type TestStore } from './support/store.ts';

/** Ends whatever session holds the publisher's lock, as an operator or a proxy would. */
async function endPublisher({ sql }: TestStore): Promise<void> {
  const ended = await sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())`;
  if (ended.count !== 1) throw new Error(`${String(ended.count)} sessions hold the lock`);
  await until('the lock is free', async () => {
    const [row] = await sql`select ${isPublishing(sql)} as held`;
    return row?.['held'] === false;
  });
}

t.test(
  'a publication whose session is lost before it reads does not go on beside another',
  async (t) => {
    const store = await createStore(t);
    const clock = new TestClock();
    await publish(store, sourceOf(stateOf(1, 2, 3)), clock);
    const late = sourceOf(stateOf(1, 2, 3, 4));
    const states: string[] = [];
    const interrupted: Source = {
      ...late,
      async open(options) {
        await endPublisher(store);
        clock.advance(60);
        const other = await publish(store, sourceOf(stateOf(1, 2, 3, 5, 6)), clock);
        states.push(other.run.state);
        return late.open(options);
      },
    };
    const { run } = await publish(store, interrupted, clock);
    t.strictSame(states, ['succeeded']);
    t.match(run, {
      state: 'failed',
      problem: /connection was lost that kept other publishers out/,
    });
    t.equal((await countRows(store)).snapshots, 2);
    t.equal((await totalsOf(store, 2))['courses'], 5, 'what the other published stays');
    t.equal(
      (await publish(store, late, clock, { confirmWithdrawals: true })).run.state,
      'succeeded',
    );
  },
);

t.test('no transaction of a publisher is made by a session that lacks the lock', async (t) => {
  const store = await createStore(t);
  const sql = connectPublisher({ url: store.url });
  t.teardown(() => sql.end());
  t.ok(await lockPublishing(sql));
  t.ok(await alone(sql, holdsPublishingLock));
  await endPublisher(store);
  await until('it has another session', () =>
    sql`select 1`.then(
      () => true,
      () => false,
    ),
  );
  await t.rejects(
    alone(sql, () => Promise.resolve(t.fail('works without the lock'))),
    { name: 'LockLost' },
  );
  t.ok(await lockPublishing(sql), 'which may take it');
  t.equal(await alone(sql, () => Promise.resolve('done')), 'done');
});
