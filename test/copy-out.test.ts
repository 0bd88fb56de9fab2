import { setTimeout as delay } from 'node:timers/promises';
import postgres from 'postgres';
import t from 'tap';
import { until, type Cleanup } from './embedded/holder.ts';
import { connect, type Sql, type TransactionSql } from '../db/connect.ts';
import { canCopyTexts, copyTexts, sslOf } from '../db/copy-out.ts';
import { readUntilLeft } from '../db/queries/read-until-left.ts';
import { createStore } from './support/store.ts';

async function connections(t: Cleanup) {
  const { url, sql: others } = await createStore(t);
  const sql = connect({ url }, { max: 2, applicationName: 'copies', statementTimeout: 60_000 });
  t.teardown(() => sql.end());
  return { url, sql, others };
}

const provided = { query: `select 'true'::json`, require: () => undefined };

interface Copy {
  readonly text: string;
  readonly rows: number;
}

async function collect(
  copy: AsyncIterable<{ readonly text: Buffer; readonly rows: number }>,
): Promise<Copy> {
  const texts: Buffer[] = [];
  let rows = 0;
  for await (const piece of copy) {
    texts.push(Buffer.from(piece.text));
    rows += piece.rows;
  }
  return { text: Buffer.concat(texts).toString(), rows };
}

function copyOf(
  { sql, others }: { readonly sql: Sql; readonly others: Sql },
  query: string,
  left = new AbortController().signal,
): Promise<Copy> {
  return readUntilLeft(sql, others, left, (tx) =>
    collect(copyTexts({ sql, tx, others }, { query, provided }, left)),
  );
}

/** Those of copies, which are no connections of the pool. */
async function backends({ sql, others }: { readonly sql: Sql; readonly others: Sql }) {
  const pool = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return others<{ pid: number; waitsFor: string | null }[]>`
    select pid, wait_event as "waitsFor" from pg_stat_activity
    where application_name = 'copies' and query like 'copy%' and pid <> ${pool[0]?.pid ?? 0}`;
}

const isGone = (to: { readonly sql: Sql; readonly others: Sql }) => async () =>
  (await backends(to)).length === 0;

t.test('a copy gives what the query gives, byte for byte', async (t) => {
  const to = await connections(t);
  const query = `
    select repeat(chr(8364), n % 50) || E'a\\\\b\\tc,"d"\\r\\n' || n from generate_series(1, 30000) n
    union all select '' union all select repeat('long', 200000)`;
  const rows = await to.sql.unsafe<{ '?column?': string }[]>(query);
  t.strictSame(await copyOf(to, query), {
    text: rows.map((row) => row['?column?']).join(''),
    rows: 30_002,
  });
  t.strictSame(await copyOf(to, `select 'x' where false`), { text: '', rows: 0 });
  await until('its connection has gone', isGone(to));
});

t.test('it is of the state that it looks at first, or refused before its beginning', async (t) => {
  const to = await connections(t);
  const { sql, others } = to;
  const left = new AbortController().signal;
  await others`create table seen (n integer)`;
  await others`insert into seen values (1)`;
  await readUntilLeft(sql, others, left, async (tx) => {
    const copy = (expected: number) => {
      const of = (found: unknown) => {
        if (found !== expected) throw new Error(`${String(found)} are seen`);
      };
      const counted = 'select to_json(count(*)) from seen';
      const looked = { query: counted, require: of };
      const query = `select n::text || pg_sleep(0.1) from seen`;
      return collect(copyTexts({ sql, tx, others }, { query, provided: looked }, left));
    };
    t.same(await copy(1), { text: '1', rows: 1 });
    await others`insert into seen values (2)`;
    await t.rejects(copy(1), { message: '2 are seen' });
    await until('its connection has gone', isGone(to));
    t.same(await copy(2), { text: '12', rows: 2 });
  });
});

t.test('it has the settings of its transaction', async (t) => {
  const to = await connections(t);
  const { sql, others } = to;
  const left = new AbortController().signal;
  await readUntilLeft(sql, others, left, async (tx) => {
    const copy = (query: string) =>
      collect(copyTexts({ sql, tx, others }, { query, provided }, left));
    await tx`select set_config('statement_timeout', '12345', true)`;
    const settings = ['application_name', 'work_mem', 'jit', 'TimeZone', 'statement_timeout'];
    const asked = settings.map((name) => `current_setting('${name}')`).join(` || ' ' || `);
    t.equal((await copy(`select ${asked}`)).text, 'copies 32MB off UTC 12345ms');
    t.equal((await copy(`select current_setting('transaction_read_only')`)).text, 'on');
  });
});

t.test('settings of the address are its settings, too', async (t) => {
  const { url, others } = await connections(t);
  await others`create schema elsewhere`;
  const address = new URL(url);
  address.searchParams.set('search_path', 'elsewhere');
  const sql = connect(
    { url: address.href },
    { max: 1, applicationName: 'copies', statementTimeout: 0 },
  );
  t.teardown(() => sql.end());
  t.equal((await copyOf({ sql, others }, `select current_schema()::text`)).text, 'elsewhere');
});

t.test('what fails, fails where it is read, and leaves nothing', async (t) => {
  const to = await connections(t);
  for (const [query, error] of [
    [`select no_column`, { code: '42703' }],
    [`select (100000 / (150000 - n))::text from generate_series(1, 200000) n`, { code: '22012' }],
    [`select nullif(n, 3)::text from generate_series(1, 5) n`, /a null where there is a text/],
    [`select 'a', 'b'`, /something other than a text/],
  ] as const) {
    await t.rejects(copyOf(to, query), error, query);
    await until('its connection has gone', isGone(to));
  }
  t.equal((await copyOf(to, `select 'good'`)).text, 'good');
});

t.test('a lost connection is an error, and never an end', async (t) => {
  const to = await connections(t);
  for (let round = 0; round < 10; round += 1) {
    const copy = copyOf(to, `select repeat('x', 100000) from generate_series(1, 20000) n`);
    const failed = t.rejects(copy, { code: /^(CONNECTION_CLOSED|ECONNRESET|EPIPE|57P01)$/ });
    let pids: number[] = [];
    await until('it is under way', async () => {
      pids = (await backends(to)).map(({ pid }) => pid);
      return pids.length > 0;
    });
    await delay(round * 5);
    await to.others`select pg_terminate_backend(pid) from unnest(${pids}::integer[]) pid`;
    await failed;
  }
  await until('its connection has gone', isGone(to));
});

t.test('who leaves ends it, whatever it is at', async (t) => {
  const to = await connections(t);
  for (const [query, what] of [
    [`select 'x' from pg_sleep(300)`, 'while it computes'],
    [`select repeat('x', 1000) from generate_series(1, 100000000)`, 'while it sends'],
  ] as const) {
    for (const after of [0, 1, 2, 5, 10, 20, 50, 100]) {
      const leaving = new AbortController();
      const copy = copyOf(to, query, leaving.signal);
      const reason = new Error('left');
      setTimeout(() => {
        leaving.abort(reason);
      }, after);
      await t.rejects(copy, reason, `${what}, after ${String(after)} ms`);
      await until('its connection has gone', isGone(to));
    }
  }
  t.equal((await copyOf(to, `select 'good'`)).text, 'good');
});

t.test('who stops reading ends it', async (t) => {
  const to = await connections(t);
  const { sql, others } = to;
  const left = new AbortController().signal;
  await readUntilLeft(sql, others, left, async (tx: TransactionSql) => {
    const query = `select repeat('x', 1000) from generate_series(1, 100000000)`;
    for await (const { rows } of copyTexts({ sql, tx, others }, { query, provided }, left)) {
      if (rows > 0) break;
    }
    await until('its connection has gone', isGone(to));
    t.same(await tx`select 1 as one`, [{ one: 1 }]);
  });
});

t.test('who does not read has the database wait', async (t) => {
  const to = await connections(t);
  const { sql, others } = to;
  const left = new AbortController().signal;
  await readUntilLeft(sql, others, left, async (tx) => {
    const query = `select repeat('x', 1000) from generate_series(1, 100000000)`;
    for await (const { rows } of copyTexts({ sql, tx, others }, { query, provided }, left)) {
      t.ok(rows < 1000);
      await until('it waits', async () => {
        const [backend] = await backends(to);
        return backend?.waitsFor === 'ClientWrite';
      });
      break;
    }
  });
});

t.test('an unknown server of several is not copied from', async (t) => {
  const { sql } = await connections(t);
  t.ok(canCopyTexts(sql));
  const several = postgres('postgres://user@one,two/database');
  t.notOk(canCopyTexts(several as unknown as Sql));
});

t.test('it is never less safe than the connection that it goes with', (t) => {
  const unverified = { rejectUnauthorized: false };
  const own = { ca: 'a certificate' };
  for (const [ssl, expected] of [
    [false, false],
    ['verify-full', true],
    [true, true],
    ['require', unverified],
    ['allow', unverified],
    [own, own],
  ] as const) {
    // What a pooler has with the server says nothing of what it asks of its clients.
    for (const isEncrypted of [true, false])
      t.same(sslOf(ssl, isEncrypted), expected, JSON.stringify(ssl));
  }
  t.same(sslOf('prefer', true), unverified);
  t.equal(sslOf('prefer', false), false);
  t.end();
});

t.test('the driver of everything else cannot break a copy off', async (t) => {
  // Once this fails, it can, and docs/decisions/0008-copy-for-whole-files.md has no ground.
  const { url } = await createStore(t);
  const sql = connect({ url }, { max: 1, applicationName: 'copies', statementTimeout: 0 });
  const copy = await sql`
    copy (select repeat('x', 100) from generate_series(1, 100000)) to stdout`.readable();
  for await (const chunk of copy) {
    t.ok(chunk);
    break;
  }
  const next = sql`select 1 as one`.then(
    () => 'answered',
    () => 'failed',
  );
  t.not(await Promise.race([next, delay(1000, 'waits for ever')]), 'answered');
  await sql.end({ timeout: 0 });
});
