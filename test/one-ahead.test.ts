import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { oneAhead } from '../db/queries/one-ahead.ts';
import { createStore } from './support/store.ts';

const numbers = (of: { n: number }[]) => of.map(({ n }) => n);

t.test('every batch comes, in order, and its connection goes on', async (t) => {
  const { sql } = await createStore(t);
  for (const count of [0, 1, 4, 5, 6]) {
    await sql.begin(async (tx) => {
      const query = tx<{ n: number }[]>`select n from generate_series(1, ${count}::integer) n`;
      const all: number[] = [];
      for await (const batch of oneAhead(query.cursor(2))) {
        all.push(...numbers(batch));
        await setImmediate();
      }
      t.strictSame(
        all,
        Array.from({ length: count }, (_, index) => index + 1),
      );
      t.strictSame([...(await tx`select 1 as one`)], [{ one: 1 }]);
    });
  }
});

t.test('who stops early, or fails, leaves the connection as good as new', async (t) => {
  const { sql } = await createStore(t);
  for (const fails of [false, true]) {
    const reading = sql.begin(async (tx) => {
      const query = tx<{ n: number }[]>`select n from generate_series(1, 10000) n`;
      for await (const batch of oneAhead(query.cursor(2))) {
        t.strictSame(numbers(batch), [1, 2]);
        if (fails) throw new Error('enough');
        break;
      }
      t.strictSame([...(await tx`select 1 as one`)], [{ one: 1 }]);
    });
    await (fails ? t.rejects(reading, /enough/) : reading);
    t.strictSame([...(await sql`select 2 as two`)], [{ two: 2 }]);
  }
});

t.test('what fails in the batch ahead is told when it is waited for', async (t) => {
  const { sql } = await createStore(t);
  const seen: number[] = [];
  const reading = sql.begin(async (tx) => {
    const query = tx<{ n: number }[]>`select 1 / (3 - n) + n as n from generate_series(1, 9) n`;
    for await (const batch of oneAhead(query.cursor(2))) {
      seen.push(...numbers(batch));
      // Longer than the failure takes to come.
      await sql`select 1`;
      await setImmediate();
    }
  });
  await t.rejects(reading, { code: '22012' });
  t.equal(seen.length, 2);
});
