import t from 'tap';
import { oneAhead } from '../db/queries/one-ahead.ts';
import { rowBatches } from '../db/queries/row-batches.ts';
import { createStore } from './support/store.ts';

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

t.test('rows come in batches of the length that is asked for', async (t) => {
  const { sql } = await createStore(t);
  for (const [count, lengths] of [
    [0, []],
    [1, [1]],
    [3, [3]],
    [4, [3, 1]],
    [6, [3, 3]],
  ] as const) {
    const query = sql<{ n: number }[]>`select n from generate_series(1, ${count}::integer) n`;
    const batches = await collect(rowBatches(query, 3));
    t.strictSame(
      batches.map((batch) => batch.length),
      lengths,
    );
    t.strictSame(
      batches.flat().map(({ n }) => n),
      Array.from({ length: count }, (_, index) => index + 1),
    );
  }
});

t.test('raw rows, the next batch under way, are those that a plain query gives', async (t) => {
  const { sql } = await createStore(t);
  const ask = () =>
    sql`
    select n, repeat(md5(n::text), 20), case when n % 7 = 0 then n::text end
    from generate_series(1, 3000) n`.raw();
  const plain = await ask();
  t.same((await collect(oneAhead(rowBatches(ask(), 250)))).flat(), [...plain]);
});

t.test('a query that fails fails where it is read, and its connection goes on', async (t) => {
  const { sql } = await createStore(t);
  await sql.begin(async (tx) => {
    const seen: number[] = [];
    await t.rejects(
      tx.savepoint(async (inner) => {
        const failing = inner`select 10 / (20 - n) from generate_series(1, 30) n`;
        for await (const batch of rowBatches(failing, 5)) seen.push(batch.length);
      }),
      { code: '22012' },
    );
    t.strictSame(seen, [5, 5, 5], 'what came before');
    t.same(await tx`select 1 as one`, [{ one: 1 }]);
  });
});

t.test('who stops reading lets go of the query', async (t) => {
  const { sql } = await createStore(t);
  await sql.begin(async (tx) => {
    const endless = tx<{ n: number }[]>`select generate_series(1, 1000000000) as n`;
    for await (const batch of rowBatches(endless, 10)) {
      t.equal(batch.length, 10);
      break;
    }
    t.same(await tx`select 1 as one`, [{ one: 1 }]);
  });
});
