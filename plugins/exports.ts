/**
 * Downloads are made once: kept as files under the data directory, shared while they are being
 * made, and for a new snapshot made before anybody asks.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { finished, type Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { findStoreIdentity } from '../db/queries/store-identity.ts';
import { Overtaken } from '../db/queries/stream-file.ts';
import { findLatestSnapshot } from '../db/queries/snapshots.ts';
import { readStore } from '../db/queries/store.ts';
import { ExportFolder, type Making } from '../exports/export-folder.ts';
import type { Patience } from '../exports/spool.ts';
import type { Facts } from '../exports/stored-file.ts';
import type { KeptFiles } from './answers.ts';
import { DownloadTurns, type Turn } from './download-turns.ts';
import { gzipped } from './gzipped.ts';
import { followPublications } from './publications.ts';
import type { Coding } from './representation.ts';
import { SharedWork } from './shared-work.ts';

export interface ExportsOptions {
  readonly dataDirectory: string;
  /** Whether the full downloads of a new snapshot are made when it is published. */
  readonly ahead: boolean;
  /** Bytes on the disk at most. */
  readonly maxBytes?: number;
  readonly patience?: Patience | undefined;
}

/** What names a download. */
export interface ExportKey {
  /** Names the content, as an entity tag does. */
  readonly tag: string;
  readonly snapshotId: number;
  /** As of which the rows are those still public; the file is deleted when there is a newer one. */
  readonly revision: number;
}

/** A download, and how it is made. */
export interface ExportQuestion extends ExportKey {
  /**
   * Its rows; asked for only where the file has not been made. The signal is aborted when
   * nobody waits for them any more, as for the bytes.
   */
  readonly count: (left: AbortSignal) => Promise<number>;
  /**
   * The plain bytes of so many rows, once it is the client's turn. The stream fails, and never
   * ends, where it is not whole.
   */
  readonly open: (rows: number, left: AbortSignal) => Promise<Readable> | Readable;
}

/** A download for `reply.answerStream`. */
export interface KeptExport extends KeptFiles {
  /** @throws what `count` throws, or the signal's reason */
  rows(left: AbortSignal): Promise<number>;
}

/** A download of everything of its kind at a snapshot. */
export interface FullExport {
  /** As the data package names it. */
  readonly name: string;
  readonly columns: (definitionsVersion: number) => readonly string[];
  readonly question: (snapshotId: number) => Promise<ExportQuestion>;
}

export interface Exports {
  /** The client is who waits for its turn where the file is yet to be made. */
  kept(question: ExportQuestion, client: string): KeptExport;
  /** Of the plain file, where it has been made. */
  facts(key: ExportKey): Promise<Facts | undefined>;
  /** Has the plain file made in the background; false where too many are waiting for that. */
  prepare(question: ExportQuestion): boolean;
  /** Has it made for every new snapshot. */
  offer(full: FullExport): void;
  readonly offered: readonly FullExport[];
  /** Settles when nothing is being made, for a request or in the background. */
  settled(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    exports: Exports;
  }
}

/** Some four editions of a million courses, plain and compressed. */
const maxBytesByDefault = 2 * 1024 ** 3;
/** Counts kept in memory. */
const knownCounts = 1000;
/** Files that wait to be made in the background: those of a few snapshots. */
const maxAwaited = 24;
/** Small files take few bytes, but looking through them takes time. */
const maxFiles = 2000;

type StoredCoding = 'identity' | 'gzip';

interface Asked {
  readonly question: ExportQuestion;
  readonly client: string;
  readonly rows: (left?: AbortSignal) => Promise<number>;
}

/** The client of what nobody has asked for. */
const inTheBackground = '';

async function exportsPlugin(app: FastifyInstance, options: ExportsOptions): Promise<void> {
  const folder = new ExportFolder({
    // Of this store alone: snapshots of another one have the same numbers.
    directory: join(options.dataDirectory, 'exports', await findStoreIdentity(app.sql)),
    maxBytes: options.maxBytes ?? maxBytesByDefault,
    maxFiles,
    patience: options.patience,
    log: app.log,
  });
  const turns = new DownloadTurns();
  app.telemetry.gauge('downloads_running', 'Files that are being made.', () => turns.running);
  app.telemetry.gauge('downloads_waiting', 'Those that wait for their turn.', () => turns.waiting);
  const offered: FullExport[] = [];
  /** What waits to be made in the background, by name, and the one of it that is being made. */
  const awaited = new Map<string, ExportQuestion>();
  /** Rows of files that are yet to be made: whoever asks for one while it is made counts no more. */
  const counts = new LRUCache<string, number>({ max: knownCounts });
  const counting = new SharedWork<number>();
  /** How often the store's revision has been read, and the reading that was heeded last. */
  let readings = 0;
  let lastHeeded = 0;
  const stopping = new AbortController();
  let background: Promise<unknown> = Promise.resolve();
  /** Stored files that are to be compressed, by name: of more than are kept, the oldest have gone. */
  const uncompressed = new LRUCache<string, Asked>({ max: maxFiles });
  let compressing: Promise<void> | undefined;

  /** One thing after the other, so that requests come first. */
  function inBackground(work: () => Promise<unknown>): void {
    background = background.then(() => ahead(work));
  }

  /** When nobody waits for a large file any more: what they get needs the memory, and the time. */
  function compressLater(of: Asked): void {
    uncompressed.set(fileName(of.question, 'identity'), of);
    compressing ??= compressAll();
  }

  async function compressAll(): Promise<void> {
    while (uncompressed.size > 0) {
      await turns.noLarge();
      const of = uncompressed.pop();
      if (of !== undefined) await ahead(() => compress(of));
    }
    compressing = undefined;
  }

  /** Unless it has been deleted meanwhile. */
  async function compress(of: Asked): Promise<void> {
    const file = await folder.find(fileName(of.question, 'identity'));
    if (file === undefined) return;
    await file.close();
    await ready(of, 'gzip');
  }

  async function ahead(work: () => Promise<unknown>): Promise<void> {
    if (stopping.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      // Of the next revision it is made when that is asked for.
      if (error instanceof Overtaken) return;
      app.log.warn({ err: error }, 'a download could not be made ahead');
    }
  }

  /** A download on behalf of a client. */
  function asked(question: ExportQuestion, client: string): Asked {
    const name = fileName(question, 'identity');
    const rows = async (left?: AbortSignal) =>
      (await folder.facts(name))?.rows ??
      counts.get(name) ??
      counting.join(name, (signal) => counted(name, question, signal), left);
    return { question, client, rows };
  }

  async function counted(name: string, question: ExportQuestion, left: AbortSignal) {
    const rows = await question.count(left);
    counts.set(name, rows);
    return rows;
  }

  function making(of: Asked, coding: StoredCoding): Making {
    const { question, client, rows } = of;
    if (coding === 'gzip') return { rows, open: async () => gzipped(await plain(of)) };
    let turn: Turn | undefined;
    let isSlow = false;
    return {
      rows,
      // Once it is the client's turn, which lasts until the bytes end or break off.
      async open(signal) {
        const announced = await rows(signal);
        const entered = await turns.enter(client, announced, signal);
        turn = entered;
        if (isSlow) turn.slowDown();
        try {
          const bytes = await question.open(announced, signal);
          finished(bytes, { writable: false }, entered.leave);
          return bytes;
        } catch (error) {
          entered.leave();
          throw error;
        }
      },
      onSlow() {
        isSlow = true;
        turn?.slowDown();
      },
      onStored() {
        compressLater(of);
      },
    };
  }

  async function plain(of: Asked): Promise<Readable> {
    const name = fileName(of.question, 'identity');
    const file = await folder.find(name);
    return file === undefined
      ? folder.read(name, making(of, 'identity'))
      : file.read(0, file.facts.length - 1);
  }

  async function ready(of: Asked, coding: StoredCoding): Promise<void> {
    const name = fileName(of.question, coding);
    const file = await folder.find(name);
    if (file === undefined) await folder.make(name, making(of, coding));
    else await file.close();
  }

  /** The next one takes its place after whatever else has come up meanwhile. */
  async function makeNextAwaited(): Promise<void> {
    const [next] = awaited;
    if (next === undefined) return;
    const [name, question] = next;
    try {
      await ready(asked(question, inTheBackground), 'identity');
    } finally {
      awaited.delete(name);
      if (awaited.size > 0) inBackground(makeNextAwaited);
    }
  }

  /** Gives nobody what is older than the store's revision, unless somebody has read that later. */
  async function retireOutdated(): Promise<void> {
    const turn = (readings += 1);
    const { revision } = await readStore(app.sql);
    if (turn < lastHeeded) return;
    lastHeeded = turn;
    folder.retire((name) => (revisionOf(name) < revision ? new Overtaken() : undefined));
  }

  /** Deletes what an older revision left, and makes the full downloads of a new snapshot. */
  async function look(): Promise<void> {
    await retireOutdated();
    await folder.tidy();
    const snapshot = await findLatestSnapshot(app.sql);
    if (!options.ahead || snapshot?.hasCourseRows !== true) return;
    for (const full of offered) {
      await ahead(async () => {
        const of = asked(await full.question(snapshot.snapshotId), inTheBackground);
        await ready(of, 'identity');
        // It may have been stored before, by a process that was killed before it had compressed it.
        compressLater(of);
      });
    }
  }

  app.decorate('exports', {
    kept: (question, client) => {
      const of = asked(question, client);
      return {
        rows: of.rows,
        async find(coding, { make }, left) {
          const name = fileName(question, storedCoding(coding));
          const file = await folder.find(name);
          if (file !== undefined || !make) return file;
          await folder.store(name, making(of, storedCoding(coding)), left);
          return folder.find(name);
        },
        stream: (coding) =>
          folder.read(fileName(question, storedCoding(coding)), making(of, storedCoding(coding))),
      };
    },
    facts: (key) => folder.facts(fileName(key, 'identity')),
    prepare(question) {
      const name = fileName(question, 'identity');
      if (awaited.has(name)) return true;
      if (awaited.size >= maxAwaited) return false;
      awaited.set(name, question);
      if (awaited.size === 1) inBackground(makeNextAwaited);
      return true;
    },
    offer: (full) => {
      offered.push(full);
    },
    offered,
    async settled() {
      let last: unknown;
      while (last !== background || compressing !== undefined) {
        last = background;
        await Promise.all([background, compressing]);
        await folder.settled();
      }
    },
  } satisfies Exports);

  app.addHook('onReady', async () => {
    inBackground(() => folder.forgetOthers());
    await followPublications(app, {
      // At once, and not in its turn: what has been withdrawn is not given any more. What cannot
      // be made ahead is not tried again: it is made when somebody asks.
      look: async () => {
        await retireOutdated();
        inBackground(look);
      },
      problem: 'whether downloads are outdated could not be read',
      signal: stopping.signal,
    });
  });
  app.addHook('preClose', (done) => {
    stopping.abort();
    done();
  });
  // Not before answers under way have ended.
  app.addHook('onClose', async () => {
    await folder.close();
    await Promise.all([background, compressing]);
  });
}

function storedCoding(coding: Coding): StoredCoding {
  return coding === 'identity' ? 'identity' : 'gzip';
}

/** The same on every instance; begins with what `revisionOf` reads. */
function fileName(key: ExportKey, coding: StoredCoding): string {
  const { tag, snapshotId, revision } = key;
  // Another zlib compresses to other bytes. And not every file system tells letters apart.
  const maker = coding === 'gzip' ? `zlib ${process.versions.zlib} ${process.arch}` : '';
  const digest = createHash('sha256').update(`${tag} ${maker}`).digest('hex').slice(0, 32);
  const extension = coding === 'gzip' ? 'csv.gz' : 'csv';
  return `r${String(revision)}-s${String(snapshotId)}-${digest}.${extension}`;
}

function revisionOf(name: string): number {
  return Number(/^r(\d+)-/.exec(name)?.[1] ?? Infinity);
}

export default fp(exportsPlugin, {
  name: 'exports',
  dependencies: ['answers', 'database', 'telemetry'],
});
