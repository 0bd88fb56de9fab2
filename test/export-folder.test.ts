import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { ExportFolder, type Making } from '../exports/export-folder.ts';
import { Spool } from '../exports/spool.ts';
import { makeDirectory, until } from './embedded/holder.ts';
import { filesIn } from './support/downloads.ts';
import { canMount, makeDisk } from './support/small-disk.ts';

interface Log {
  readonly warnings: string[];
  warn(fields: object, message: string): void;
}

function makeLog(): Log {
  const warnings: string[] = [];
  return {
    warnings,
    warn: (_fields, message) => {
      warnings.push(message);
    },
  };
}

function folderIn(directory: string, limits: { maxBytes?: number; maxFiles?: number } = {}) {
  const log = makeLog();
  const folder = new ExportFolder({ directory, maxBytes: 1e9, maxFiles: 1000, log, ...limits });
  return { folder, log };
}

const piece = Buffer.alloc(100_000, 'abcdefghij');

function making(pieces: number, made: { count: number } = { count: 0 }): Making {
  return {
    rows: () => pieces,
    open: () => {
      made.count += 1;
      return Readable.from(Array.from({ length: pieces }, () => piece));
    },
  };
}

const whole = (pieces: number) => Buffer.concat(Array.from({ length: pieces }, () => piece));

t.test('a file is made once, by the first to ask', async (t) => {
  const { folder } = folderIn(await makeDirectory(t));
  const made = { count: 0 };
  const readers = [1, 2, 3].map(() => buffer(folder.read('a.csv', making(30, made))));
  for (const bytes of await Promise.all(readers)) t.ok(bytes.equals(whole(30)));
  t.equal(made.count, 1);
  await folder.settled();
  const file = await folder.find('a.csv');
  t.match(file?.facts, { length: 3_000_000, rows: 30 });
  t.ok((await buffer(file?.read(5, 9) ?? Readable.from([]))).equals(piece.subarray(5, 10)));
  t.strictSame(await folder.facts('a.csv'), file?.facts);
  await folder.close();
});

t.test('one who comes late gets everything too', async (t) => {
  const { folder } = folderIn(await makeDirectory(t));
  const source = new Readable({ read: () => undefined });
  const slow: Making = { rows: () => 1, open: () => source };
  const early = folder.read('a.csv', slow);
  source.push('one');
  t.equal((await firstOf(early)).toString(), 'one');
  const late = folder.read('a.csv', slow);
  source.push('two');
  source.push(null);
  t.equal((await buffer(early)).toString(), 'two');
  t.equal((await buffer(late)).toString(), 'onetwo');
  await folder.close();
});

async function firstOf(stream: Readable): Promise<Buffer> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) return chunk as Buffer;
  throw new Error('nothing came');
}

t.test('when all readers leave, the making ends; one who stays keeps it going', async (t) => {
  const directory = await makeDirectory(t);
  const { folder } = folderIn(directory);
  const source = new Readable({ read: () => undefined });
  const slow: Making = { rows: () => 1, open: () => source };
  const [one, other] = [folder.read('a.csv', slow), folder.read('a.csv', slow)];
  source.push('one');
  await firstOf(one);
  one.destroy();
  await firstOf(other);
  t.equal(source.destroyed, false);
  other.destroy();
  await folder.settled();
  t.equal(source.destroyed, true);
  t.strictSame(await filesIn(directory), []);
  t.ok((await buffer(folder.read('a.csv', making(1)))).equals(piece), 'the next begins anew');
  await folder.close();
});

t.test('what breaks the source breaks every reader, and nothing is stored', async (t) => {
  const directory = await makeDirectory(t);
  const { folder } = folderIn(directory);
  const failing: Making = {
    rows: () => 1,
    open: () =>
      Readable.from(
        (function* () {
          yield 'one';
          throw new Error('broken');
        })(),
      ),
  };
  const readers = [folder.read('a.csv', failing), folder.read('a.csv', failing)];
  await Promise.all(readers.map((one) => t.rejects(buffer(one), { message: 'broken' })));
  await t.rejects(folder.make('a.csv', failing), { message: 'broken' });
  await folder.settled();
  t.equal(await folder.find('a.csv'), undefined);
  t.strictSame(await filesIn(directory), []);
  await folder.close();
});

t.test('the least recently read files go when there are too many bytes, or files', async (t) => {
  for (const limits of [{ maxBytes: 350_000 }, { maxFiles: 3 }]) {
    const directory = await makeDirectory(t);
    const { folder, log } = folderIn(directory, limits);
    const long = new Date('2026-01-01T00:00:00Z');
    for (const name of ['a.csv', 'b.csv', 'c.csv']) {
      await folder.make(name, making(1));
      await utimes(join(directory, `${name}.json`), long, long);
    }
    await (await folder.find('a.csv'))?.close();
    await folder.make('d.csv', making(1));
    const left = (await filesIn(directory)).filter((name) => name.endsWith('.csv')).sort();
    t.equal(left.length, 3);
    t.ok(left.includes('a.csv') && left.includes('d.csv'), 'what was read just now stays');
    t.strictSame(log.warnings, []);
    await folder.close();
  }
});

t.test('what killed processes left is cleaned up, and what others write is not', async (t) => {
  const directory = await makeDirectory(t);
  const { folder } = folderIn(directory);
  const source = new Readable({ read: () => undefined });
  const reader = folder.read('a.csv', { rows: () => 1, open: () => source });
  source.push('one');
  await firstOf(reader);
  const [own = ''] = await filesIn(directory);
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const [, host = '', , began = ''] = own.split('-');
  const names = {
    ofADead: `partial-${host}-${String(dead)}-${began}-1`,
    ofThisNumberBefore: `partial-${host}-${String(process.pid)}-1-1`,
    ofAnother: `partial-${host}-${String(process.ppid)}-1-1`,
    ofAnotherMachine: 'partial-00000000-1-1-1',
    ofAnotherMachineLongAgo: 'partial-00000000-1-1-2',
  };
  for (const name of Object.values(names)) await writeFile(join(directory, name), 'half');
  const long = new Date(Date.now() - 3_600_000);
  for (const name of [names.ofAnotherMachineLongAgo, own]) {
    await utimes(join(directory, name), long, long);
  }
  await folder.tidy();
  t.strictSame(
    (await filesIn(directory)).sort(),
    [own, names.ofAnother, names.ofAnotherMachine].sort(),
  );
  const brokenOff = t.rejects(buffer(reader), /stopping/);
  await folder.close();
  await brokenOff;
  t.notOk((await filesIn(directory)).includes(own), 'its own goes when it closes');
});

t.test(
  'a full disk fails no reader, is told once, and leaves nothing',
  { skip: canMount ? false : 'only root can make a small disk' },
  async (t) => {
    const disk = await makeDisk(t, '1m');
    const { folder, log } = folderIn(join(disk, 'exports'));
    for (let round = 0; round < 2; round += 1) {
      const readers = [1, 2, 3].map(() => folder.read('a.csv', making(50)));
      for (const bytes of await Promise.all(readers.map((reader) => buffer(reader)))) {
        t.ok(bytes.equals(whole(50)));
      }
      await folder.settled();
    }
    t.equal(log.warnings.length, 1);
    t.strictSame(await filesIn(disk), []);
    t.match(await folder.facts('a.csv'), { length: 5_000_000, rows: 50 }, 'what it is is known');
    const late = folder.read('b.csv', making(50));
    await firstOf(late);
    const later = folder.read('b.csv', making(50));
    late.destroy();
    t.ok((await buffer(later)).equals(whole(50)), 'one who leaves holds nobody up');
    t.equal(await slowings(folder, 50), 1, 'the making is told, in the middle, once');
    await until('what fits is kept, once there is room', async () => {
      await folder.make('small.csv', making(2));
      const file = await folder.find('small.csv');
      await file?.close();
      return file?.facts.rows === 2;
    });
    await folder.close();
  },
);

t.test('files of a store that nobody has come back to for long are deleted', async (t) => {
  const parent = await makeDirectory(t);
  const { folder } = folderIn(join(parent, 'own'));
  await folder.make('a.csv', making(1));
  const long = new Date(Date.now() - 31 * 24 * 3_600_000);
  for (const [name, isInUse] of [
    ['abandoned', false],
    ['in-use', true],
  ] as const) {
    const { folder: other } = folderIn(join(parent, name));
    await other.make('b.csv', making(1));
    for (const file of ['b.csv', 'b.csv.json', '.'])
      await utimes(join(parent, name, file), long, long);
    if (isInUse) await (await other.find('b.csv'))?.close();
    await other.close();
  }
  await utimes(join(parent, 'own'), long, long);
  await folder.forgetOthers();
  t.strictSame((await readdir(parent)).sort(), ['in-use', 'own']);
  t.strictSame((await filesIn(parent)).sort(), ['a.csv', 'a.csv.json', 'b.csv', 'b.csv.json']);
  await folder.close();
});

t.test('a folder that cannot be written fails no reader, and is told once', async (t) => {
  const directory = join(await makeDirectory(t), 'exports');
  await writeFile(directory, 'not a folder');
  const { folder, log } = folderIn(directory);
  await folder.tidy();
  for (let round = 0; round < 2; round += 1) {
    const readers = [1, 2].map(() => buffer(folder.read('a.csv', making(3))));
    for (const bytes of await Promise.all(readers)) t.ok(bytes.equals(whole(3)));
    t.equal(await folder.find('a.csv'), undefined);
  }
  t.equal(log.warnings.length, 1);
  t.equal(await slowings(folder, 3), 1, 'the making is told that it waits for its readers');
  await folder.close();
});

t.test('where a file is kept, the making waits for no reader', async (t) => {
  const { folder } = folderIn(await makeDirectory(t));
  t.equal(await slowings(folder, 3), 0);
  const slow = folder.read('b.csv', making(50));
  t.match(await folder.make('b.csv', making(50)), { rows: 50 }, 'which is whole before it is read');
  t.ok((await buffer(slow)).equals(whole(50)));
  await folder.close();
});

/** How often the making of a file that is read is told to wait for its readers. */
async function slowings(folder: ExportFolder, pieces: number): Promise<number> {
  let count = 0;
  const onSlow = () => {
    count += 1;
  };
  await buffer(folder.read('slow.csv', { ...making(pieces), onSlow }));
  await folder.settled();
  return count;
}

t.test('where nothing can be kept, a reader who takes too long is cut off', async (t) => {
  const spool = new Spool({
    patience: { ofPiece: 20, altogether: 1000 },
    onAbandoned: () => undefined,
    onTrouble: () => undefined,
  });
  const [slow, quick] = [spool.read(), spool.read()];
  const all = buffer(quick);
  const cutOff = once(slow, 'error');
  for (let count = 0; count < 5; count += 1) await spool.append(piece);
  spool.end();
  t.ok((await all).equals(whole(5)));
  t.match(await cutOff, [{ message: /takes too long/ }]);
});

t.test('where nothing can be kept, one who is always a little late is cut off too', async (t) => {
  const spool = new Spool({
    patience: { ofPiece: 10_000, altogether: 100 },
    onAbandoned: () => undefined,
    onTrouble: () => undefined,
  });
  const [late, quick] = [spool.read(), spool.read()];
  const all = buffer(quick);
  const cutOff = once(late, 'error');
  let read = 0;
  for (let count = 0; count < 100 && !late.destroyed; count += 1) {
    const appended = spool.append(piece);
    setTimeout(() => {
      read += late.read() === null ? 0 : 1;
    }, 15);
    await appended;
  }
  t.match(await cutOff, [{ message: /takes too long/ }]);
  t.ok(read > 1, `it has read ${String(read)} pieces`);
  spool.end();
  t.ok((await all).length > 0);
});

t.test('a making that another has displaced is broken off like any', async (t) => {
  const directory = join(await makeDirectory(t), 'exports');
  await writeFile(directory, 'not a folder');
  for (const [what, breakOff] of [
    ['overtaken', (folder: ExportFolder) => folder.retire(() => new Error('overtaken'))],
    ['stopping', (folder: ExportFolder) => folder.close()],
  ] as const) {
    const { folder } = folderIn(directory);
    const sources: Readable[] = [];
    const open = () => {
      const source = new Readable({ read: () => undefined });
      sources.push(source);
      return source;
    };
    const readers: Readable[] = [];
    for (const count of [1, 2]) {
      const reader = folder.read('a.csv', { rows: () => 1, open });
      readers.push(reader);
      await until('it is being made', () => Promise.resolve(sources.length === count));
      sources.at(-1)?.push('one');
      await firstOf(reader);
    }
    const broken = readers.map((reader) => t.rejects(buffer(reader), { message: RegExp(what) }));
    await breakOff(folder);
    await Promise.all(broken);
    await folder.close();
  }
});

t.test('who needs a stored file waits for none where none can be stored', async (t) => {
  const directory = join(await makeDirectory(t), 'exports');
  await writeFile(directory, 'not a folder');
  const { folder } = folderIn(directory);
  const slow = folder.read('a.csv', making(50));
  await firstOf(slow);
  const { signal } = new AbortController();
  await folder.store('a.csv', making(50), signal);
  t.equal(await folder.find('a.csv'), undefined);
  t.match(await folder.make('a.csv', making(50)), { rows: 50 }, 'nor does what is made ahead');
  slow.destroy();
  await folder.close();
});

t.test('who comes while what could not be stored is removed gets everything', async (t) => {
  const directory = await makeDirectory(t);
  await mkdir(join(directory, 'a.csv'));
  let told: () => void = () => undefined;
  const troubled = new Promise<void>((resolve) => (told = resolve));
  const log = { warn: () => told() };
  const folder = new ExportFolder({ directory, maxBytes: 1e9, maxFiles: 1000, log });
  const many = 500;
  const first = folder.make('a.csv', making(many));
  await troubled;
  await delay(1);
  const late = buffer(folder.read('a.csv', making(many)));
  t.equal((await late).length, many * piece.length);
  await first;
  await folder.close();
});

t.test('closing breaks off what is being made', async (t) => {
  const directory = await makeDirectory(t);
  const { folder } = folderIn(directory);
  await mkdir(directory, { recursive: true });
  const source = new Readable({ read: () => undefined });
  const made = t.rejects(folder.make('a.csv', { rows: () => 1, open: () => source }), /stopping/);
  await folder.close();
  await made;
  t.equal(source.destroyed, true);
  t.strictSame(await readdir(directory), []);
});
