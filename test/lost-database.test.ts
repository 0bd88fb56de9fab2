import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { connect, type Sql } from '../db/connect.ts';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { isRunning } from '../db/embedded/postmaster.ts';
import { migrate } from '../db/migrate.ts';
import { runPublication, type PublicationResult } from '../jobs/run-publication.ts';
import { problemMediaType, type Problem } from '../openapi/problem.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { makeDirectory, serverPid, until } from './embedded/holder.ts';
import { buildGate, closeGate } from './support/downloads.ts';
import { makeExport, totalsOfRows } from './support/exports.ts';
import { buildService, createService, silentLog, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const directory = await makeDirectory(t);
const dataDirectory = join(directory, 'data');
const postgres = join(dataDirectory, 'postgres');
const adminToken = 'only-for-this-test-and-no-other-one';

async function keepExport(name: string, made: ReturnType<typeof makeExport>) {
  const path = join(directory, name);
  await writeFile(path, made.text);
  return { path, totals: made.totals };
}

/** Much more than the buffers between the database and a reader hold, gzipped too. */
const large = await keepExport('large.csv', makeExport(4000, 0, 4000));
const small = await keepExport('small.csv', makeExport(4000, 1));

const { connection } = await startServer(t);
const address = { ...connection, database: 'open_data' };

async function startServer(t: Test) {
  const server = await startEmbeddedPostgres({ dataDirectory: postgres });
  t.teardown(() => server.release());
  return server;
}

/** Ends the server under everybody, as an operator or the system would. */
async function stopServer(): Promise<void> {
  const pid = await serverPid(postgres);
  process.kill(pid, 'SIGINT');
  await until('the server has ended', async () => !(await isRunning(pid)));
}

function operator(t: Test): Sql {
  const sql = connect(address, { max: 2, applicationName: 'test', statementTimeout: 0 });
  t.teardown(() => sql.end({ timeout: 1 }));
  return sql;
}

function publish(path: string): Promise<PublicationResult> {
  return runPublication({
    address,
    source: dashboardCsvSource(path),
    trigger: 'command',
    clock: () => new Date(),
    log: silentLog,
    signal: new AbortController().signal,
    wait: true,
  });
}

async function startApp(t: Test, path: string) {
  const app = await buildService(
    t,
    { DATA_DIR: dataDirectory, DASHBOARD_CSV: path, ADMIN_TOKEN: adminToken },
    { scheduler: false },
  );
  if (app.published.latest === undefined) await (await app.publisher.start('start')).finished;
  return { app, url: new URL(await app.listen({ host: '127.0.0.1', port: 0 })) };
}

const backends = (sql: Sql, applicationName: string) => sql<{ pid: number; state: string }[]>`
  select pid, state from pg_stat_activity where application_name = ${applicationName}`;

/** Waits until a publisher is in the middle of its transaction, held up by a lock. */
async function untilPublisherWaits(sql: Sql): Promise<number> {
  let pid = 0;
  await until('the publisher waits for the lock', async () => {
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where application_name = 'dashboard-open-data publisher' and wait_event_type = 'Lock'`;
    pid = row?.pid ?? 0;
    return pid !== 0;
  });
  return pid;
}

t.test('While the database is away', async (t) => {
  const { app, url } = await startApp(t, small.path);
  const ask = (path: string, options: RequestInit = {}) => fetch(new URL(path, url), options);
  const latest = await (await ask('/v1/snapshots/latest')).text();
  await stopServer();

  await t.test('what is in memory is still answered', async (t) => {
    for (const path of ['/v1/snapshots/latest', '/system_metrics.json']) {
      const answer = await ask(path);
      t.equal(answer.status, 200, path);
      t.equal(await answer.text(), latest);
    }
    for (const path of ['/health/live', '/metrics', '/v1/metrics', '/openapi.json', '/']) {
      t.equal((await ask(path)).status, 200, path);
    }
  });

  await t.test('everything else is a 503 that says when to come back, soon', async (t) => {
    for (const [path, options] of [
      ['/health/ready', {}],
      ['/v1/snapshots', {}],
      ['/v1/snapshots/999', {}],
      ['/v1/snapshots.csv', {}],
      ['/v1/courses.csv', {}],
      ['/v1/status', {}],
      ['/v1/admin/runs', { headers: { authorization: `Bearer ${adminToken}` } }],
      [
        '/v1/admin/snapshots',
        { method: 'POST', headers: { authorization: `Bearer ${adminToken}` } },
      ],
    ] as const) {
      const began = performance.now();
      const answer = await ask(path, options);
      t.ok(performance.now() - began < 5000, `${path} is answered soon`);
      t.equal(answer.status, 503, path);
      t.equal(answer.headers.get('content-type'), problemMediaType);
      t.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
      const body = await answer.text();
      t.notMatch(body, /ECONN|ENOENT|postgres|socket|select|\/tmp|CONNECTION/i);
      t.match(JSON.parse(body) as Problem, { status: 503, instance: path });
    }
  });

  await t.test('and once it is back, all is as before by itself', async (t) => {
    await startServer(t);
    await until('it is ready', async () => (await ask('/health/ready')).status === 200);
    t.strictSame(totalsOfRows(await (await ask('/v1/courses.csv')).text()), small.totals);
    t.equal((await ask('/v1/status')).status, 200);
    t.equal((await publish(large.path)).run.state, 'succeeded');
    await until(
      'another publisher’s snapshot is noticed',
      async () => app.published.latest?.row.snapshotId === 2,
    );
  });
});

t.test('An empty database in the place of the right one is told of', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock(), {
    DASHBOARD_CSV: small.path,
    ADMIN_TOKEN: adminToken,
  });
  await (
    await app.publisher.start('start')
  ).finished;
  const ask = (url: string) =>
    app.inject({ url, headers: { authorization: `Bearer ${adminToken}` } });
  t.equal((await ask('/health/ready')).statusCode, 200);

  await store.sql`drop schema public cascade`;
  for (const path of [
    '/health/ready',
    '/v1/snapshots',
    '/v1/snapshots/999',
    '/v1/snapshots.csv',
    '/v1/totals?type=none',
    '/v1/trends',
    '/v1/courses',
    '/v1/courses/1',
    '/v1/courses.csv',
    '/v1/campaigns',
    '/v1/wikis.csv',
    '/v1/status',
    '/v1/admin/runs',
  ]) {
    const answer = await ask(path);
    t.equal(answer.statusCode, 503, path);
    t.match(answer.json<Problem>(), { detail: 'The database lacks the tables of this service.' });
  }

  await store.sql`create schema public`;
  await migrate(store.sql);
  const unready = await ask('/health/ready');
  t.equal(unready.statusCode, 503);
  t.match(unready.json<Problem>(), { detail: 'The database has lost what was published.' });
});

t.test('A publication that loses its database has failed, and the next one works', async (t) => {
  await startServer(t);
  const { url } = await startApp(t, large.path);
  const sql = operator(t);
  const courses = async (): Promise<string> =>
    (await fetch(new URL('/v1/courses.csv?snapshot=2', url))).text();
  const before = await courses();

  await t.test('when its connection ends', async (t) => {
    let lost: Promise<PublicationResult> | undefined;
    await sql.begin(async (tx) => {
      await tx`lock table course_versions in share mode`;
      lost = publish(small.path);
      await tx`select pg_terminate_backend(${await untilPublisherWaits(sql)})`;
    });
    const { run } = await lost!;
    t.equal(run.state, 'failed');
    t.equal(run.snapshotId, null);
    t.equal(await courses(), before);
    t.strictSame([...(await sql`select snapshot_id as id from snapshots`)].length, 2);
  });

  await t.test('when the server ends', async (t) => {
    let lost: Promise<unknown> | undefined;
    const locking = sql.begin(async (tx) => {
      await tx`lock table course_versions in share mode`;
      lost = publish(small.path).catch((error: unknown) => error);
      await untilPublisherWaits(sql);
      await stopServer();
      await tx`select 1`;
    });
    await t.rejects(locking);
    t.match(await lost, { problems: [/^The run could not be recorded as failed: /] });
    await startServer(t);
    await until('it answers', async () => (await fetch(new URL('/health/ready', url))).ok);
    t.equal(await courses(), before);
    t.equal((await publish(small.path)).run.state, 'succeeded');
    const runs = await sql`select state from job_runs order by run_id desc limit 3`;
    t.strictSame(
      runs.map((row) => row['state'] as string),
      ['succeeded', 'failed', 'failed'],
    );
    t.equal(await courses(), before, 'the snapshot before is as it was');
    t.equal((await publish(large.path)).run.state, 'succeeded');
  });
});

/** The error that a stream ends with; undefined where it ends without. */
function failureOf(stream: Readable): Promise<Error | undefined> {
  return new Promise((resolve) => {
    stream.once('error', resolve).once('end', () => resolve(undefined));
  });
}

t.test('A download', async (t) => {
  await startServer(t);
  const { url } = await startApp(t, large.path);
  const sql = operator(t);
  const address = new URL('/v1/courses.csv', url);
  const readers = () => backends(sql, 'dashboard-open-data downloads');
  // Files are made ahead of their readers: held up, none is whole before it is looked at.
  const gatedStart = '2001-01-01T00:00:00Z';
  await sql`
    update course_versions set start_at = ${gatedStart}
    where course_id = (select course_id from course_versions order by 1 offset 3000 limit 1)`;
  await buildGate(sql, gatedStart);
  const openGate = await closeGate(sql);

  async function begin(coding: string): Promise<IncomingMessage> {
    const request = get(address, { agent: false, headers: { 'accept-encoding': coding } });
    // Of a connection that breaks, the answer tells too.
    request.on('error', () => undefined);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    t.equal(answer.statusCode, 200);
    await once(answer, 'readable');
    return answer;
  }

  const terminateReaders = async (): Promise<void> => {
    for (const { pid, state } of await readers()) {
      if (state === 'idle') continue;
      await sql`select pg_terminate_backend(${pid})`;
      await until('it has ended', async () => (await readers()).every((one) => one.pid !== pid));
    }
  };

  for (const coding of ['identity', 'gzip']) {
    await t.test(`that loses its database breaks visibly (${coding})`, async (t) => {
      const answer = await begin(coding);
      const failure = failureOf(answer);
      await terminateReaders();
      answer.resume();
      t.match(await failure, { code: 'ECONNRESET' });
      t.notOk(answer.complete);
    });
  }

  await t.test('breaks visibly for a client of HTTP/1.0, too', async (t) => {
    const socket = connectSocket(Number(url.port), url.hostname);
    socket.write('GET /v1/courses.csv HTTP/1.0\r\n\r\n');
    const failure = failureOf(socket);
    const received: Buffer[] = [];
    socket.on('data', (piece: Buffer) => received.push(piece));
    // To all that can come: libuv takes a reset for the end where it has not read up to it.
    await until('nothing more comes', async () => {
      const before = received.length;
      await setTimeout(100);
      return before > 0 && received.length === before;
    });
    t.match(received[0]?.toString('latin1', 0, 20), /^HTTP\/1\.1 200 /);
    await terminateReaders();
    t.match(await failure, { code: 'ECONNRESET' });
  });

  await t.test('whose reader leaves lets go of its connection', async (t) => {
    for (let reader = 0; reader < 10; reader += 1) {
      const answer = await begin(reader % 2 === 0 ? 'identity' : 'gzip');
      t.ok(
        (await readers()).some(({ state }) => state !== 'idle'),
        'it was at work',
      );
      answer.destroy();
      await until('no connection is at work', async () =>
        (await readers()).every(({ state }) => state === 'idle'),
      );
    }
    await openGate();
    t.strictSame(totalsOfRows(await (await fetch(address)).text()), large.totals);
  });
});
