import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
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
} from './embedded/holder.ts';

const data = join(await makeDirectory(t), 'postgres');

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

t.test(
  'A start that is killed while it makes the database leaves nothing in its way',
  async (t) => {
    const child = spawnHolder(t, data);
    await until('initdb is at work', () => exists(join(`${data}.init`, 'PG_VERSION')));
    child.kill('SIGKILL');
    const holder = await hold(t, data);
    t.ok(holder.progress.some((sentence) => /Making an empty database/.test(sentence)));
    t.notOk(await exists(`${data}.init`));
    await holder.letGo();
  },
);

t.test('What an initdb left long ago is cleared away', async (t) => {
  const fresh = join(await makeDirectory(t), 'postgres');
  await mkdir(`${fresh}.init/base`, { recursive: true });
  await writeFile(`${fresh}.init/PG_VERSION`, '18\n');
  const server = await startEmbeddedPostgres({ dataDirectory: fresh });
  t.equal((await inspectServer(fresh)).kind, 'ready');
  await server.release();
  t.notOk(await exists(`${fresh}.init`));
});

t.test('What was committed survives a server that is killed', async (t) => {
  const server = await startEmbeddedPostgres({ dataDirectory: data });
  const sql = postgres({ ...server.connection, database: 'postgres', max: 1, onclose: () => {} });
  await sql`create table kept as select 42 as answer`;
  const pid = await serverPid(data);
  process.kill(pid, 'SIGKILL');
  await until('the server is dead', async () => !(await isRunning(pid)));
  await sql.end({ timeout: 1 });

  // The watchdog lives, and this process is still a member of a server that is gone.
  const next = await startEmbeddedPostgres({ dataDirectory: data });
  const again = postgres({ ...next.connection, database: 'postgres', max: 1 });
  t.strictSame([...(await again`select answer from kept`)], [{ answer: 42 }]);
  await again.end();
  await next.release();
  t.equal((await inspectServer(data)).kind, 'ready', 'the older membership counts as before');
  await server.release();
  await untilStopped(data);
});

t.test('A number that a killed server left is not taken for the server', async (t) => {
  const server = await startEmbeddedPostgres({ dataDirectory: data });
  const file = join(data, 'postmaster.pid');
  const left = await readFile(file, 'utf8');
  const { uid, gid } = await stat(data);
  await server.release();

  await t.test('when another process of the same user has it', async (t) => {
    const other = spawn('sleep', ['600'], { stdio: 'ignore', uid, gid, cwd: '/' });
    t.teardown(() => other.kill('SIGKILL'));
    await once(other, 'spawn');
    await writeFile(file, left.replace(/^\d+/, String(other.pid)));
    const next = await startEmbeddedPostgres({ dataDirectory: data });
    t.not(await serverPid(data), other.pid);
    t.ok(await isRunning(other.pid ?? 0), 'which is left alone');
    await next.release();
  });

  await t.test(
    'when a zombie has it',
    { skip: process.platform === 'linux' ? false : 'looks into /proc' },
    async (t) => {
      // Once the shell has become `sleep`, nobody waits for its child.
      const script = 'sleep 600 & echo $!; exec sleep 600';
      const parent = spawn('sh', ['-c', script], {
        stdio: ['ignore', 'pipe', 'ignore'],
        uid,
        gid,
        cwd: '/',
      });
      t.teardown(() => parent.kill('SIGKILL'));
      const [output] = (await once(parent.stdout, 'data')) as [Buffer];
      const zombie = Number(output.toString());
      await until('the shell is gone', async () =>
        (await readFile(`/proc/${parent.pid}/comm`, 'utf8')).startsWith('sleep'),
      );
      process.kill(zombie, 'SIGKILL');
      await until('it is a zombie', async () => !(await isRunning(zombie)));
      t.ok(process.kill(zombie, 0), 'a signal still reaches it');
      await writeFile(file, left.replace(/^\d+/, String(zombie)));
      const next = await startEmbeddedPostgres({ dataDirectory: data });
      t.not(await serverPid(data), zombie);
      await next.release();
    },
  );

  await t.test('when nobody has it', async (t) => {
    const gone = spawn('true');
    await once(gone, 'exit');
    await writeFile(file, left.replace(/^\d+/, String(gone.pid)));
    const next = await startEmbeddedPostgres({ dataDirectory: data });
    t.equal((await inspectServer(data)).kind, 'ready');
    await next.release();
  });
});

t.test('The log starts anew when it has grown, and one old log is kept', async (t) => {
  await writeFile(`${data}.log`, Buffer.alloc(5 * 1024 * 1024, 'x'));
  const server = await startEmbeddedPostgres({ dataDirectory: data });
  await server.release();
  t.ok((await stat(`${data}.log`)).size < 100_000);
  t.equal((await stat(`${data}.log.1`)).size, 5 * 1024 * 1024);
});

t.test('The settings are those of a small service that loses nothing', async (t) => {
  const server = await startEmbeddedPostgres({ dataDirectory: data });
  t.teardown(() => server.release());
  const sql = postgres({ ...server.connection, database: 'postgres', max: 1 });
  t.teardown(() => sql.end());
  const [row] = await sql`select
    current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('shared_buffers') as shared_buffers,
    current_setting('max_connections') as max_connections,
    current_setting('listen_addresses') as listen_addresses,
    current_setting('timezone') as timezone,
    current_setting('server_encoding') as server_encoding,
    (select datlocale from pg_database where datname = 'template1') as locale`;
  t.strictSame(
    { ...row },
    {
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      shared_buffers: '128MB',
      max_connections: '100',
      listen_addresses: '',
      timezone: 'UTC',
      server_encoding: 'UTF8',
      locale: 'C.UTF-8',
    },
  );
});
