import { mkdir, open, rename, rm, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { PartialNames } from './partial-names.ts';
import { Spool, type Patience } from './spool.ts';
import { chooseRemovals, readEntries, removeAbandoned } from './tidying.ts';
import { factsPath, StoredFile, type Facts } from './stored-file.ts';

export interface ExportFolderOptions {
  /** Made when it is needed; may be deleted at any time, and be shared between processes. */
  readonly directory: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly patience?: Patience | undefined;
  readonly log: { warn(fields: object, message: string): void };
}

/** How a file is made. */
export interface Making {
  /** Of the table: lines below the header. */
  readonly rows: () => Promise<number> | number;
  /**
   * The stream fails, and never ends, where it is not whole. The signal is aborted when nobody
   * waits for it any more.
   */
  readonly open: (signal: AbortSignal) => Promise<Readable> | Readable;
  /** Called when the bytes can be kept no longer, so that the making waits for its readers. */
  readonly onSlow?: () => void;
  /** Called once the file is stored. */
  readonly onStored?: () => void;
}

interface Build {
  readonly spool: Spool;
  /** Aborted: it is broken off, and nobody joins it. */
  readonly leaving: AbortController;
  /** Settles once the file is stored, or cannot be. */
  readonly done: Promise<Facts>;
  /** Settles when it is known that the file cannot be kept, so that it waits for its readers. */
  readonly slow: Promise<void>;
}

interface Partial {
  readonly path: string;
  readonly file: FileHandle;
}

/** Where the disk is full a reader keeps a connection of the database, but not for ever. */
const patienceByDefault: Patience = { ofPiece: 60_000, altogether: 5 * 60_000 };
/** Files whose facts are kept in memory, so that they are known where nothing can be stored. */
const knownFacts = 1000;

/**
 * Files that are made once and read often. A file is written aside, synced and renamed, and
 * then its facts beside it: until those stand, there is no file. Whatever goes wrong with
 * the disk, readers get their bytes; it is logged once.
 */
export class ExportFolder {
  readonly #options: ExportFolderOptions;
  readonly #names = new PartialNames();
  /** Those that may be joined: where nothing can be kept, the last to begin of its name. */
  readonly #builds = new Map<string, Build>();
  readonly #running = new Map<Build, string>();
  /** What still has to end before everything is let go. */
  readonly #endings = new Set<Promise<unknown>>();
  readonly #known = new LRUCache<string, Facts>({ max: knownFacts });
  #tidying: Promise<void> = Promise.resolve();
  /** Of stored files, by name. */
  readonly #readers = new Map<Readable, string>();
  #whyStale: (name: string) => Error | undefined = () => undefined;
  #isTroubled = false;

  constructor(options: ExportFolderOptions) {
    this.#options = options;
  }

  /** A stored file, to be read once or closed; undefined where there is none. */
  async find(name: string): Promise<StoredFile | undefined> {
    const path = this.#path(name);
    try {
      const file = await StoredFile.open(path, (reader) => {
        this.#follow(reader, name);
      });
      if (file === undefined) return undefined;
      const now = new Date();
      // Least recently used goes first: reading is use. It is no loss where it is not noted.
      await utimes(factsPath(path), now, now).catch((error: unknown) => this.#trouble(error));
      return file;
    } catch (error) {
      this.#trouble(error);
      return undefined;
    }
  }

  /** Of a file that is stored or was made lately. */
  async facts(name: string): Promise<Facts | undefined> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const file = await this.find(name);
    await file?.close();
    return file?.facts;
  }

  /** The bytes as they are made: all who ask meanwhile share one making. */
  read(name: string, making: Making): Readable {
    return this.#joinOrBegin(name, making).spool.read();
  }

  /**
   * Makes the file, whoever reads.
   *
   * @throws what the making throws
   */
  async make(name: string, making: Making): Promise<Facts> {
    const build = this.#joinOrBegin(name, making);
    const release = build.spool.hold();
    try {
      return await build.done;
    } finally {
      release();
    }
  }

  /**
   * Makes the file for somebody who needs it stored: until the signal is aborted, and not where
   * nothing can be stored.
   *
   * @throws what the making throws
   */
  async store(name: string, making: Making, left: AbortSignal): Promise<void> {
    left.throwIfAborted();
    const build = this.#joinOrBegin(name, making);
    const release = build.spool.hold();
    left.addEventListener('abort', release, { once: true });
    try {
      await Promise.race([build.done, build.slow]);
    } finally {
      left.removeEventListener('abort', release);
      release();
    }
  }

  #joinOrBegin(name: string, making: Making): Build {
    const build = this.#builds.get(name);
    const isShared = build !== undefined && !build.leaving.signal.aborted && build.spool.isJoinable;
    return isShared ? build : this.#begin(name, making);
  }

  /**
   * Gives nobody any more of what is stale, from now on, nor makes it.
   *
   * @param whyStale what readers are broken off with
   */
  retire(whyStale: (name: string) => Error | undefined): void {
    this.#whyStale = whyStale;
    for (const [reader, name] of this.#readers) {
      const why = whyStale(name);
      if (why !== undefined) reader.destroy(why);
    }
    for (const [{ leaving }, name] of this.#running) {
      const why = whyStale(name);
      if (why !== undefined) leaving.abort(why);
    }
  }

  /** Deletes what is stale, what killed processes left, and what is too much. */
  async tidy(): Promise<void> {
    await this.#tidy();
  }

  /** Deletes the files of stores that this folder's parent has not been used for for long. */
  async forgetOthers(): Promise<void> {
    try {
      await removeAbandoned(this.#options.directory);
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** Settles when what is being made now is made, or broken off. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.keys()].map(({ done }) => done));
  }

  /** Breaks off what is being made, and waits until all is let go. */
  async close(): Promise<void> {
    const closing = new Error('the service is stopping');
    for (const { leaving } of this.#running.keys()) leaving.abort(closing);
    while (this.#endings.size > 0) await Promise.all(this.#endings);
    await this.#tidying;
  }

  #follow(reader: Readable, name: string): void {
    this.#readers.set(reader, name);
    reader.once('close', () => this.#readers.delete(reader));
    const why = this.#whyStale(name);
    if (why !== undefined) reader.destroy(why);
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }

  #begin(name: string, making: Making): Build {
    const leaving = new AbortController();
    let isSlow: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (isSlow = resolve));
    const onSlow = () => {
      isSlow();
      making.onSlow?.();
    };
    const spool = new Spool({
      patience: this.#options.patience ?? patienceByDefault,
      onAbandoned: () => {
        leaving.abort(new Error('nobody reads the download any more'));
      },
      onTrouble: (error) => {
        this.#trouble(error);
        onSlow();
      },
    });
    const done = this.#run(name, { ...making, onSlow }, spool, leaving.signal);
    const build = { spool, leaving, done, slow };
    this.#builds.set(name, build);
    this.#running.set(build, name);
    const why = this.#whyStale(name);
    if (why !== undefined) leaving.abort(why);
    this.#mustEnd(
      done.finally(() => {
        this.#running.delete(build);
        if (this.#builds.get(name) === build) this.#builds.delete(name);
      }),
    );
    return build;
  }

  #mustEnd(ending: Promise<unknown>): void {
    const settled = ending.then(
      () => undefined,
      () => undefined,
    );
    this.#endings.add(settled);
    void settled.then(() => this.#endings.delete(settled));
  }

  async #run(name: string, making: Making, spool: Spool, signal: AbortSignal): Promise<Facts> {
    const partial = await this.#openPartial();
    try {
      if (partial === undefined) making.onSlow?.();
      else spool.keepIn(partial.file);
      const source = await making.open(signal);
      await pour(source, spool, signal);
      const facts = { ...spool.end(), rows: await making.rows() };
      this.#known.set(name, facts);
      if (partial !== undefined && spool.isKept) await this.#store(name, partial, facts, making);
      return facts;
    } catch (error) {
      spool.fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      if (partial !== undefined) {
        await rm(partial.path, { force: true }).catch((error: unknown) => this.#trouble(error));
        // Nobody may join what is about to be closed.
        if (this.#builds.get(name)?.spool === spool) this.#builds.delete(name);
        this.#mustEnd(spool.unread().then(() => partial.file.close()));
      }
    }
  }

  async #openPartial(): Promise<Partial | undefined> {
    const path = this.#path(this.#names.next());
    try {
      await mkdir(this.#options.directory, { recursive: true });
      return { path, file: await open(path, 'wx+') };
    } catch (error) {
      this.#trouble(error);
      return undefined;
    }
  }

  async #store(name: string, partial: Partial, facts: Facts, making: Making): Promise<void> {
    const path = this.#path(name);
    try {
      await partial.file.sync();
      await rename(partial.path, path);
      await this.#writeFacts(factsPath(path), facts);
      this.#isTroubled = false;
    } catch (error) {
      this.#trouble(error);
      return;
    }
    await this.#tidy();
    making.onStored?.();
  }

  async #writeFacts(path: string, facts: Facts): Promise<void> {
    const partial = this.#path(this.#names.next());
    const file = await open(partial, 'wx');
    try {
      await file.writeFile(JSON.stringify(facts));
      await file.sync();
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await syncDirectory(this.#options.directory);
  }

  /** One after the other: each sees what the one before has left. */
  #tidy(): Promise<void> {
    const next = this.#tidying.then(async () => {
      try {
        const entries = await readEntries(this.#options.directory);
        const removals = chooseRemovals(entries, {
          ...this.#options,
          isStale: (name) => this.#whyStale(name) !== undefined,
          isLeftover: (name, writtenAt) => this.#names.isLeftover(name, writtenAt),
        });
        for (const name of removals) await rm(this.#path(name), { force: true });
      } catch (error) {
        this.#trouble(error);
      }
    });
    this.#tidying = next;
    return next;
  }

  #trouble(error: unknown): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.log.warn(
      { err: error, directory: this.#options.directory },
      'downloads are served, but cannot be kept as files',
    );
  }
}

/** Everything from the source into the spool. @throws what breaks the source, or who left */
async function pour(source: Readable, spool: Spool, signal: AbortSignal): Promise<void> {
  const leave = () => source.destroy(signal.reason as Error);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    for await (const piece of source as AsyncIterable<Buffer | string>) {
      await spool.append(Buffer.isBuffer(piece) ? piece : Buffer.from(piece));
    }
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** So that the names stand after a power failure too; not every system can. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
