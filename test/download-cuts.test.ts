/**
 * A hundred downloads that are cut in four ways at random moments: nobody takes a short file
 * for a whole one, and nothing is left of them. `CUTS_SEED` repeats a run.
 */
import fc from 'fast-check';
import { readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { makeDirectory, until } from './embedded/holder.ts';
import { emptyState, sourceOf } from './support/courses.ts';
import {
  download,
  downloadsUnderWay,
  filesIn,
  largeCourses,
  request,
  terminateDownloads,
} from './support/downloads.ts';
import { startService, type RunningService } from './support/program.ts';
import { publish, TestClock } from './support/service.ts';
import { canMount, makeDisk } from './support/small-disk.ts';
import { createStore } from './support/store.ts';

const kinds = ['client leaves', 'query ended', 'process killed', 'disk full'] as const;
type Kind = (typeof kinds)[number];
/** Starting a process again takes seconds: several downloads are cut with each. */
const readersOfKilled = 3;
const cutsOfKind = {
  'client leaves': 25,
  'query ended': 25,
  'disk full': 25,
  'process killed': 9,
} satisfies Record<Kind, number>;

interface Cut {
  readonly kind: Kind;
  readonly isGzip: boolean;
  /** Of the bytes of the body. */
  readonly share: number;
  /** Whether the file of an earlier download may still be there. */
  readonly keepsFiles: boolean;
}

const seed = Number(process.env['CUTS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** As many of each kind, in any order. */
function chooseCuts(): readonly Cut[] {
  const all = kinds.flatMap((kind) => Array.from({ length: cutsOfKind[kind] }, () => kind));
  const order = fc.shuffledSubarray(
    all.map((_, index) => index),
    { minLength: all.length },
  );
  const details = fc.tuple(
    fc.boolean(),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 3 }),
  );
  const cuts = fc.tuple(order, fc.array(details, { minLength: all.length, maxLength: all.length }));
  const [[places, chosen] = [[], []]] = fc.sample(cuts, { seed, numRuns: 1 });
  return places.map((place, index) => {
    const [isGzip, share, luck] = chosen[index] ?? [false, 0, 0];
    return { kind: all[place] ?? kinds[0], isGzip, share, keepsFiles: luck === 0 };
  });
}

t.test(
  'whatever is cut, no short file looks whole and nothing is left',
  { skip: canMount ? false : 'only root can make a small disk' },
  async (t) => {
    t.comment(`CUTS_SEED=${String(seed)}`);
    const store = await createStore(t);
    const state = { ...emptyState(), courses: largeCourses(1200) };
    await publish(store, sourceOf(state), new TestClock());
    const disk = await makeDisk(t, '64m');
    const ownFolder = await makeDirectory(t);
    const exports = join(disk, 'exports');
    const settings = { DATABASE_URL: store.url, DATA_DIR: disk, HOME: ownFolder };
    let service: RunningService = await startService(t, settings);
    const ask = (isGzip: boolean) => ({ 'accept-encoding': isGzip ? 'gzip' : 'identity' }) as const;
    const csv = () => new URL('/v1/courses.csv', service.address);
    const { bytes: whole } = await download(csv(), ask(false));
    const { bytes: compressed } = await download(csv(), ask(true));
    t.ok(gunzipSync(compressed).equals(whole));

    /** What is left of the disk is taken, so that not a byte more fits. */
    const filler = join(disk, 'filler');
    async function fill(): Promise<void> {
      const { bavail, bsize } = await statfs(disk);
      await writeFile(filler, Buffer.alloc(bavail * bsize)).catch((error: unknown) => {
        // What is being downloaded may have taken some of it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      });
    }

    const broken = new Map<Kind, number>();
    let short = 0;

    async function cutOff({ kind, isGzip, share }: Cut): Promise<void> {
      const expected = isGzip ? compressed : whole;
      const received: Buffer[] = [];
      let length = 0;
      let isCut = false;
      try {
        const answer = await request(csv(), ask(isGzip));
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          received.push(chunk);
          length += chunk.length;
          if (isCut || length < share * expected.length) continue;
          isCut = true;
          if (kind === 'client leaves') answer.destroy();
          else if (kind === 'query ended') await terminateDownloads(store.sql);
          else if (kind === 'process killed') service.child.kill('SIGKILL');
          else await fill();
        }
        if (answer.complete && answer.statusCode === 200) {
          short += Buffer.concat(received).equals(expected) ? 0 : 1;
          return;
        }
      } catch {
        // It broke off, which is what it is to do.
      }
      broken.set(kind, (broken.get(kind) ?? 0) + 1);
    }

    for (const cut of chooseCuts()) {
      if (!cut.keepsFiles) await emptyFolders(exports);
      if (cut.kind !== 'process killed') {
        await cutOff(cut);
        await rm(filler, { force: true });
        continue;
      }
      // One of them has the process killed, and is not the only one to see it.
      const readers = Array.from({ length: readersOfKilled }, (_, index) => index % 2 === 1);
      await Promise.all(
        readers.map((isOther) => cutOff({ ...cut, isGzip: cut.isGzip !== isOther })),
      );
      service.child.kill('SIGKILL');
      await service.ended;
      service = await startService(t, settings);
    }
    t.equal(short, 0, 'no short file was taken for a whole one');
    t.comment(`broken off: ${JSON.stringify(Object.fromEntries(broken))}`);
    for (const kind of ['client leaves', 'process killed'] as const) {
      t.ok((broken.get(kind) ?? 0) > 0, `some downloads broke off: ${kind}`);
    }
    t.equal(broken.get('disk full'), undefined, 'a full disk breaks no download off');
    await until('no query is left', async () => (await downloadsUnderWay(store.sql)) === 0);
    await until(
      'nothing is half made',
      async () => !(await filesIn(exports)).some((name) => name.startsWith('partial')),
    );
    for (let round = 0; round < 2; round += 1) {
      t.ok((await download(csv(), ask(false))).bytes.equals(whole));
      t.ok((await download(csv(), ask(true))).bytes.equals(compressed));
    }
    await until(
      'every connection is free for the next download',
      async () => (await downloadsUnderWay(store.sql)) === 0,
    );
  },
);

async function emptyFolders(exports: string): Promise<void> {
  for (const name of await readdir(exports)) {
    // Something may be written there meanwhile.
    await rm(join(exports, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  }
}
