import fc from 'fast-check';
import t from 'tap';
import { copyRows, type Field, type RowBatch } from '../db/copy-rows.ts';
import { createStore } from './support/store.ts';

type Row = Readonly<Record<string, Field>>;

function batchOf(rows: readonly Row[]): RowBatch {
  const columns = Object.keys(rows[0] ?? {});
  return { columns, rows: rows.map((row) => columns.map((name) => row[name])) };
}

async function* inBatches(...batches: Row[][]): AsyncGenerator<RowBatch> {
  for (const batch of batches) {
    await Promise.resolve();
    yield batchOf(batch);
  }
}

const { sql: pool } = await createStore(t);
const sql = await pool.reserve();
t.before(async () => {
  await sql`create temporary table copied (
    id bigint check (id > 0), name text, yes boolean, names text[], numbers bigint[], at timestamptz)`;
});
t.beforeEach(async () => {
  await sql`truncate copied`;
});
t.teardown(() => {
  sql.release();
});

t.test('Any text arrives as it is, and null is not the empty text', async (t) => {
  const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
  const awkward = fc.constantFrom('', '\\', '\\N', '\\.', 'a\tb', 'a\nb\r\n', '{"a,b"}', 'NULL');
  const name = fc.oneof(text, awkward, fc.constant(null));
  const names = fc.array(fc.oneof(text, awkward), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(name, names), { minLength: 1 }), async (values) => {
      await sql`truncate copied`;
      const rows = values.map(([name, names], index) => ({ id: index + 1, name, names }));
      await copyRows(sql, 'copied', inBatches(rows));
      const found = await sql`select id, name, names from copied order by id`;
      t.strictSame([...found], rows);
    }),
    { numRuns: 50 },
  );
});

t.test('Rows may have different columns, and what is absent is null', async (t) => {
  await copyRows(
    sql,
    'copied',
    inBatches(
      [{ id: 1, yes: true }, { id: 2 }],
      [{ id: 3 }],
      [{ id: 4, numbers: [-1, 9_007_199_254_740_991], at: '2026-11-22T12:00:00Z' }],
    ),
  );
  t.strictSame(
    [...(await sql`select id, name, yes, numbers, at from copied order by id`)],
    [
      { id: 1, name: null, yes: true, numbers: null, at: null },
      { id: 2, name: null, yes: null, numbers: null, at: null },
      { id: 3, name: null, yes: null, numbers: null, at: null },
      {
        id: 4,
        name: null,
        yes: null,
        numbers: [-1, 9_007_199_254_740_991],
        at: new Date('2026-11-22T12:00:00Z'),
      },
    ],
  );
});

t.test('A row that the database refuses is an error, wherever it stands', async (t) => {
  const good = Array.from({ length: 20_000 }, (_, index) => ({ id: index + 1 }));
  for (const batches of [
    [[{ id: -1 }]],
    [[{ id: -1 }], ...Array.from({ length: 20 }, () => good)],
    [good, [{ id: -1 }]],
  ]) {
    await t.rejects(copyRows(sql, 'copied', inBatches(...batches)), /check constraint/);
    t.strictSame([...(await sql`select count(*) as rows from copied`)], [{ rows: 0 }]);
  }
});

t.test('A failure of what gives the rows is passed on, and the connection goes on', async (t) => {
  let released = false;
  async function* failing(): AsyncGenerator<RowBatch> {
    try {
      yield batchOf([{ id: 1 }]);
      await Promise.resolve();
      throw new Error('the source has gone');
    } finally {
      released = true;
    }
  }
  await t.rejects(copyRows(sql, 'copied', failing()), { message: 'the source has gone' });
  t.ok(released);
  await copyRows(sql, 'copied', inBatches([{ id: 2 }]));
  t.strictSame([...(await sql`select id from copied`)], [{ id: 2 }]);
});
