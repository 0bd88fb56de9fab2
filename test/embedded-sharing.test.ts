import { lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import t from 'tap';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { inspectServer, isRunning } from '../db/embedded/postmaster.ts';
import {
  hold,
  makeDirectory,
  serverPid,
  spawnHolder,
  until,
  untilStopped,
  watchdogPid,
} from './embedded/holder.ts';

const directory = await makeDirectory(t);
const data = join(directory, 'postgres');

t.test('The first start makes the database, and the last to let go stops the server', async (t) => {
  const holder = await hold(t, data);
  t.match(holder.progress, [/Making an empty database/, /Starting/]);
  t.equal(holder.connection.host, data);
  t.equal(holder.dataDirectory, data);
  t.strictSame(holder.notices, []);
  await holder.letGo();
  t.equal((await inspectServer(data)).kind, 'gone', 'when release() resolves, the server is gone');
  t.notOk((await readdir(directory)).includes('postgres.init'));
});

t.test('A later start finds the database there', async (t) => {
  const holder = await hold(t, data);
  t.strictSame(holder.progress, ['Starting the database server.']);
  t.comment(`warm start: ${holder.milliseconds} ms`);
  await holder.letGo();
});

t.test('A second process shares the server, which outlives the first', async (t) => {
  const first = await hold(t, data);
  const second = await hold(t, data);
  t.equal(second.started, first.started);
  await first.letGo();
  const third = await hold(t, data);
  t.equal(third.started, first.started);
  await second.letGo();
  await third.letGo();
  t.equal((await inspectServer(data)).kind, 'gone');
});

t.test('One process may share the server with itself, and let go twice', async (t) => {
  const first = await startEmbeddedPostgres({ dataDirectory: data });
  const second = await startEmbeddedPostgres({ dataDirectory: data });
  await first.release();
  await first.release();
  t.equal((await inspectServer(data)).kind, 'ready');
  await second.release();
  t.equal((await inspectServer(data)).kind, 'gone');
});

t.test('The server outlives a starter that is killed while another process stays', async (t) => {
  const starter = await hold(t, data);
  const other = await hold(t, data);
  await starter.kill();
  const third = await hold(t, data);
  t.equal(third.started, starter.started);
  await third.letGo();
  t.equal((await inspectServer(data)).kind, 'ready', 'the other still holds it');
  await other.letGo();
  t.equal((await inspectServer(data)).kind, 'gone');
});

t.test('When all processes are killed the server stops cleanly, and starts again', async (t) => {
  const holders = await Promise.all([hold(t, data), hold(t, data)]);
  const began = performance.now();
  await Promise.all(holders.map((holder) => holder.kill()));
  await untilStopped(data);
  t.comment(`stopped after ${Math.round(performance.now() - began)} ms`);
  await (await hold(t, data)).letGo();
});

t.test('Processes that start at once share one server', async (t) => {
  const holders = await Promise.all(Array.from({ length: 5 }, () => hold(t, data)));
  t.equal(new Set(holders.map((holder) => holder.started)).size, 1);
  await Promise.all(holders.map((holder) => holder.letGo()));
  t.equal((await inspectServer(data)).kind, 'gone');
});

t.test('Processes that start at once on nothing make one database', async (t) => {
  const fresh = join(await makeDirectory(t), 'postgres');
  const holders = await Promise.all([hold(t, fresh), hold(t, fresh), hold(t, fresh)]);
  t.equal(new Set(holders.map((holder) => holder.started)).size, 1);
  const made = holders.filter(({ progress }) => progress.some((line) => /Making/.test(line)));
  t.equal(made.length, 1);
  await Promise.all(holders.map((holder) => holder.letGo()));
});

t.test('A process that starts while the server is stopping gets a new one', async (t) => {
  let server = await startEmbeddedPostgres({ dataDirectory: data });
  for (let round = 0; round < 20; round += 1) {
    const released = server.release();
    const next = await startEmbeddedPostgres({ dataDirectory: data });
    await released;
    const sql = postgres({ ...next.connection, database: 'postgres', max: 1 });
    t.strictSame([...(await sql`select 1 as one`)], [{ one: 1 }]);
    await sql.end();
    server = next;
  }
  await server.release();
  t.equal((await inspectServer(data)).kind, 'gone');
});

t.test('A process killed at any moment of its start leaves no server behind', async (t) => {
  const began = performance.now();
  const holder = await hold(t, data);
  const whole = performance.now() - began;
  await holder.letGo();
  const rounds = 12;
  for (let round = 0; round < rounds; round += 1) {
    const child = spawnHolder(t, data);
    const spawned = performance.now();
    const moment = whole * (0.6 + (0.5 * round) / rounds);
    await until('its moment', () => performance.now() - spawned > moment);
    child.kill('SIGKILL');
  }
  await untilStopped(data);
  await (await hold(t, data)).letGo();
});

t.test('A signal to the process group of the starter does not reach the server', async (t) => {
  const starter = await hold(t, data, { detached: true });
  const other = await hold(t, data);
  process.kill(-starter.processId, 'SIGINT');
  await until('the starter is gone', async () => !(await isRunning(starter.processId)));
  const third = await hold(t, data);
  t.equal(third.started, starter.started);
  await third.letGo();
  await other.letGo();
});

/** The signal is sent before it is felt: until then there is a watchdog. */
async function killWatchdog(): Promise<void> {
  const pid = await watchdogPid(data);
  process.kill(pid, 'SIGKILL');
  await until('the watchdog is gone', async () => !(await isRunning(pid)));
}

t.test(
  'When the watchdog was killed, the next start gives the server another one',
  { skip: process.platform === 'linux' ? false : 'finds the watchdog by /proc' },
  async (t) => {
    const first = await hold(t, data);
    await killWatchdog();
    const second = await hold(t, data);
    t.equal(second.started, first.started, 'the server went on');
    t.match(second.notices, [/watchdog/]);
    await second.letGo();
    t.equal((await inspectServer(data)).kind, 'ready', 'the older process counts as before');
    await first.kill();
    await untilStopped(data);
  },
);

t.test(
  'When the watchdog was killed, the last to let go still stops the server',
  { skip: process.platform === 'linux' ? false : 'finds the watchdog by /proc' },
  async (t) => {
    const holder = await hold(t, data);
    await killWatchdog();
    await holder.letGo();
    await untilStopped(data);
  },
);

t.test(
  'An orphan of the watchdog and of all processes is taken over',
  { skip: process.platform === 'linux' ? false : 'finds the watchdog by /proc' },
  async (t) => {
    const first = await hold(t, data);
    await killWatchdog();
    await first.kill();
    const pid = await serverPid(data);
    t.ok(await isRunning(pid));
    const second = await hold(t, data);
    t.equal(second.started, first.started);
    await second.letGo();
    t.notOk(await isRunning(pid));
  },
);

t.test('Where the path is too long for a socket, the socket lies elsewhere', async (t) => {
  const deep = join(await makeDirectory(t), 'a'.repeat(60), 'b, with a "comma"', 'postgres');
  const first = await hold(t, deep);
  t.match(first.connection.host, /^\/tmp\/dashboard-open-data-/);
  const second = await hold(t, deep);
  t.equal(second.connection.host, first.connection.host);
  await second.letGo();
  await first.letGo();
  await until('the socket is removed', () =>
    lstat(first.connection.host).then(
      () => false,
      () => true,
    ),
  );
  const { host } = first.connection;
  // Anybody could have made it, and be the database of whoever looks for it there.
  await mkdir(host, { mode: 0o755 });
  await t.rejects(startEmbeddedPostgres({ dataDirectory: deep }), {
    message: `${host}, where the database server's socket is to be, is somebody else's: remove it, or set DATA_DIR to a shorter path.`,
  });
  await rmdir(host);
  const third = await hold(t, deep);
  t.equal(third.connection.host, host, 'the same each time');
  await third.letGo();
});
