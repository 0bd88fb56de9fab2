import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connect, type Sql } from '../db/connect.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { networkTo } from './support/network.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';
import { until } from './embedded/holder.ts';

const applicationName = 'connections of the test';

function connectTo(t: Test, store: TestStore): Sql {
  const address = { url: store.url };
  const sql = connect(address, { max: 3, applicationName, statementTimeout: 0 });
  t.teardown(() => sql.end({ timeout: 1 }));
  return sql;
}

/** Ends the backends that are in the middle of something, once there are so many. */
async function endBusy(store: TestStore, name: string, count: number): Promise<void> {
  await until('they are busy', async () => {
    const busy = await store.sql`
      select from pg_stat_activity
      where application_name = ${name} and state = 'active' and wait_event is not null`;
    return busy.count === count;
  });
  await store.sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${name} and state = 'active'`;
}

t.test('who comes after a connection that was ended does not hear of it', async (t) => {
  const store = await createStore(t);
  const sql = connectTo(t, store);
  const asked = {
    'a query': () => sql`select 1 as one`,
    'a transaction': () => sql.begin((tx) => tx`select 1 as one`),
  };
  for (const [what, ask] of Object.entries(asked)) {
    const lost = [1, 2, 3].map(() => t.rejects(sql`select pg_sleep(60)`, what));
    await endBusy(store, applicationName, 3);
    await Promise.all(lost);
    await setTimeout(100);
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all([1, 2, 3, 4].map(ask));
      t.ok(
        answers.every(([row]) => row?.['one'] === 1),
        what,
      );
    }
  }
});

t.test('what is asked in a transaction whose connection has gone ends in an error', async (t) => {
  const store = await createStore(t);
  const sql = connectTo(t, store);
  const works: Record<string, Parameters<Sql['begin']>[1]> = {
    'a savepoint': (tx) => tx.savepoint((inner) => inner`select pg_sleep(60)`),
    'a savepoint in one': (tx) =>
      tx.savepoint((inner) => inner.savepoint((last) => last`select pg_sleep(60)`)),
    'a text': (tx) => tx.unsafe('select pg_sleep(60)'),
    'a cursor': async (tx) => {
      for await (const _rows of tx`select pg_sleep(60)`.cursor(1));
    },
    'the next query': async (tx) => {
      await tx`select pg_sleep(60)`.catch(() => undefined);
      await setTimeout(50);
      return tx`select 1`;
    },
    'the next text': async (tx) => {
      await tx`select pg_sleep(60)`.catch(() => undefined);
      await setTimeout(50);
      return tx.unsafe('select 1');
    },
    'the next savepoint': async (tx) => {
      await tx`select pg_sleep(60)`.catch(() => undefined);
      await setTimeout(50);
      return tx.savepoint((inner) => inner`select 1`);
    },
  };
  for (const [what, work] of Object.entries(works)) {
    const lost = t.rejects(sql.begin(work), what);
    await endBusy(store, applicationName, 1);
    await lost;
    // What goes wrong afterwards ends the process, and this test with it.
    await setTimeout(100);
    t.equal((await sql`select 1`).count, 1, what);
  }
});

t.test('an error in a savepoint leaves its transaction as it was', async (t) => {
  const store = await createStore(t);
  const sql = connectTo(t, store);
  const rows = await sql.begin(async (tx) => {
    await t.rejects(
      tx.savepoint((inner) => inner`select 1 / 0`),
      { code: '22012' },
    );
    return tx`select 1 as one`;
  });
  t.equal(rows[0]?.['one'], 1);
});

t.test('a question whose connection is ended is a 503, and the next one is answered', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const courses = [1, 2, 3].map((id) => course(id, { homeWiki: 'en.wikipedia.org' }));
  await publish(store, sourceOf({ ...emptyState(), courses }), clock);
  const app = await createService(t, store, clock);
  for (const path of [
    '/v1/trends?created_from=2001-01-01',
    '/v1/trends?group_by=home_wiki',
    '/v1/trends?group_by=start_year&created_from=2001-01-01',
    '/v1/totals?created_from=2001-01-01',
    '/v1/totals?group_by=type&created_from=2001-01-01',
    '/v1/activity',
    '/v1/courses',
    '/v1/trends.csv?group_by=type',
    '/v1/totals.csv?group_by=type',
    '/v1/courses.csv?home_wiki=en.wikipedia.org',
  ]) {
    const locked = await store.sql.reserve();
    await locked`begin`;
    await locked`lock table course_versions in access exclusive mode`;
    const asked = app.inject(path);
    await until('it waits for the table', async () => {
      const ended = await locked`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return ended.count > 0;
    });
    await locked`rollback`;
    locked.release();
    t.equal((await asked).statusCode, 503, path);
    await setTimeout(50);
    const next = await Promise.all([1, 2, 3].map(() => app.inject(path)));
    t.strictSame(
      next.map(({ statusCode }) => statusCode),
      [200, 200, 200],
      path,
    );
  }
});

t.test('a pool that has lost a connection comes to its end', async (t) => {
  const { url } = await createStore(t);
  const sql = connect({ url }, { max: 1, applicationName, statementTimeout: 0 });
  await t.rejects(sql`select pg_terminate_backend(pg_backend_pid())`);
  await t.resolves(sql.end());
});

t.test('a connection that is lost while it is made fails what it was made for', async (t) => {
  const network = await networkTo(t, await createStore(t));
  const ask = async (message: number) => {
    const sql = connectTo(t, network.store);
    network.resetAt(message);
    const asking = sql`select ${['a']}::text[] as texts`;
    const lost = await asking.then(
      () => false,
      () => true,
    );
    // What goes wrong afterwards ends the process, and this test with it.
    await setTimeout(50);
    await sql.end({ timeout: 0 });
    return lost;
  };
  let message = 1;
  while (await ask(message)) message += 1;
  t.ok(message > 2, 'at its first message, and at each one until it is answered');
});

/** Runs as soon as a connection is known to be lost, and the driver does not know it yet. */
function whenReset(sql: Sql, { url }: TestStore, work: () => void): void {
  const { hostname, port } = new URL(url);
  const socket = (): Socket => connectSocket(Number(port), hostname).on('error', work);
  Object.assign(sql.options, { socket });
}

t.test('what is asked of a connection that is just lost is not taken for answered', async (t) => {
  const network = await networkTo(t, await createStore(t));
  const moments = {
    'in the same turn': () => Promise.resolve(),
    'before it is closed': () => setImmediate(),
  };
  const questions = {
    'a query': async (sql: Sql) => (await sql`select 1`).count,
    'a transaction': (sql: Sql) => sql.begin(async (tx) => (await tx`select 1`).count),
  };
  for (const [when, moment] of Object.entries(moments)) {
    for (const [what, ask] of Object.entries(questions)) {
      const address = { url: network.store.url };
      const sql = connect(address, { max: 1, applicationName, statementTimeout: 0 });
      const asked: Promise<unknown>[] = [];
      whenReset(sql, network.store, () => {
        const asking = moment().then(() => ask(sql));
        asked.push(asking.catch(() => 'refused'));
      });
      t.equal(await ask(sql), 1);
      network.reset();
      await until('it is lost', () => Promise.resolve(asked.length > 0));
      const next = await Promise.race([ask(sql), setTimeout(5000, 'nothing')]);
      t.equal(next, 1, `the next one after ${what} ${when}`);
      t.strictSame(await Promise.all(asked), ['refused'], `${what} ${when}`);
      await sql.end();
    }
  }
});

/** Who answers every connection with these bytes, if any, and hangs up. */
async function hangUp(t: Test, answer: Buffer) {
  const met = { connections: 0 };
  const server = createServer((socket) => {
    met.connections += 1;
    socket.on('error', () => undefined).end(answer);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { met, port };
}

/** As while a database recovers: an ErrorResponse. */
function fatal(code: string): Buffer {
  const fields = `SFATAL\0C${code}\0Mthe database system is starting up\0\0`;
  const head = Buffer.alloc(5, 'E');
  head.writeUInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, Buffer.from(fields)]);
}

t.test('a server that hangs up is told of, and is not asked without end', async (t) => {
  for (const [host, answer, code] of [
    ['127.0.0.1', Buffer.alloc(0), 'CONNECTION_CLOSED'],
    ['127.0.0.1,127.0.0.1', Buffer.alloc(0), 'CONNECTION_CLOSED'],
    ['127.0.0.1', fatal('57P03'), '57P03'],
    ['127.0.0.1,127.0.0.1', fatal('57P03'), '57P03'],
  ] as const) {
    const { met, port } = await hangUp(t, answer);
    const hosts = host.split(',').length;
    for (const timeout of hosts > 1 ? [{}] : [{}, { answerTimeout: 5000 }]) {
      met.connections = 0;
      const sql = connect(
        { host, port, user: 'one', database: 'store' },
        { max: 2, applicationName, statementTimeout: 0, ...timeout },
      );
      await t.rejects(sql`select 1`, { code }, `${code} of ${host}`);
      await t.rejects(
        sql.begin((tx) => tx`select 1`),
        { code },
      );
      t.ok(met.connections <= 2 * hosts, 'each is asked once for each');
      await t.rejects(sql.listen('channel', () => undefined));
      await setTimeout(600);
      t.ok(met.connections < 15 * hosts, `${String(met.connections)} connections`);
      await sql.end({ timeout: 0 });
      // One that was being made may have come meanwhile.
      await setTimeout(50);
      const atItsEnd = met.connections;
      await setTimeout(600);
      t.equal(met.connections, atItsEnd, 'none after its end');
    }
  }
});

t.test('what is lost among several hosts is told of, too', async (t) => {
  const network = await networkTo(t, await createStore(t));
  const { port, username, pathname } = new URL(network.store.url);
  const [host, user, database] = ['127.0.0.1,127.0.0.1', username, pathname.slice(1)];
  const answers: unknown[] = [];
  for (let message = 1; message < 6; message += 1) {
    const sql = connect(
      { host, port: Number(port), user, database },
      { max: 1, applicationName, statementTimeout: 0 },
    );
    network.resetAt(message);
    const asking = sql`select ${1}::bigint`.then(
      (rows) => rows.length,
      () => 'lost',
    );
    answers.push(await Promise.race([asking, setTimeout(5000, 'nothing')]));
    network.resetAt(Infinity);
    t.equal((await sql`select 1`).length, 1);
    await sql.end();
  }
  // Until the question is sent, the other one is asked.
  t.strictSame(answers, [1, 1, 'lost', 'lost', 1]);
});
