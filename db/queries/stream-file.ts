import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Queryable, Sql, TransactionSql } from '../connect.ts';
import { readUntilLeft } from './read-until-left.ts';
import { readStoreState, type StoreState } from './store-state.ts';

/** Rows of a file as text, or as the bytes of it. */
export interface Piece {
  readonly rows: number;
  readonly text: Buffer | string;
}

export interface StreamedFile {
  /** What stands above the rows. */
  readonly head: string;
  /** In the one consistent transaction that the file is read in; aborted when nobody waits. */
  readonly pieces: (tx: TransactionSql, left: AbortSignal) => AsyncIterable<Piece>;
  /** What the caller has announced; the stream breaks where it does not hold. */
  readonly expected: Expected & { readonly rows: number };
}

/** The state of the store that an answer is of, as far as the answer depends on it. */
export interface Expected {
  readonly revision: number;
  /** Of what is about the newest snapshot: that it is still this one. */
  readonly latestId?: number | null;
  /** Of what is about all snapshots: that there are still no others. */
  readonly newestId?: number | null;
}

/** What was announced is of a state of the store that has passed; asked again, it is another. */
export class Overtaken extends Error {
  constructor() {
    super('something was published while the download began');
    this.name = 'Overtaken';
  }
}

/** @throws {Overtaken} */
export async function requireState(tx: Queryable, expected: Expected): Promise<StoreState> {
  const now = await readStoreState(tx);
  requireSame(now, expected);
  return now;
}

/** @throws {Overtaken} */
export function requireSame(
  now: Omit<StoreState, 'revisedAt'>,
  { revision, latestId, newestId }: Expected,
): void {
  const stands =
    now.revision === revision &&
    (latestId === undefined || now.latestId === latestId) &&
    (newestId === undefined || now.newestId === newestId);
  if (!stands) throw new Overtaken();
}

/**
 * Milliseconds that a file may take, far longer than a question, whether it is the database
 * that takes its time or a reader: after them the stream breaks.
 */
export const fileTimeout = 15 * 60 * 1000;
/** Milliseconds of work after which others have their turn. */
const turn = 10;

/**
 * A file, read in one consistent transaction as fast as the reader takes it. The stream fails,
 * and never ends, where it is not whole; destroying it cancels the query and frees the
 * connection at once.
 *
 * @param others connections that do not wait for those of files
 */
export function streamFile(sql: Sql, others: Sql, file: StreamedFile): Readable {
  const output = new PassThrough({ highWaterMark: 256 * 1024 });
  const left = new AbortController();
  const leave = (why: string) => {
    left.abort(new Error(why));
  };
  const deadline = setTimeout(leave, fileTimeout, 'a file took too long');
  output.once('close', () => {
    leave('nobody reads the file any more');
  });
  readUntilLeft(sql, others, left.signal, (tx) => writeFile(tx, file, output, left.signal))
    .finally(() => {
      clearTimeout(deadline);
    })
    .then(
      () => output.end(),
      (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  return output;
}

async function writeFile(
  tx: TransactionSql,
  { head, pieces, expected }: StreamedFile,
  output: PassThrough,
  left: AbortSignal,
): Promise<void> {
  await requireState(tx, expected);
  await tx`select set_config('statement_timeout', ${String(fileTimeout)}, true)`;
  // With the first rows: until they are there, what fails can still be told.
  let above = head;
  let rows = 0;
  let began = performance.now();
  for await (const piece of pieces(tx, left)) {
    left.throwIfAborted();
    rows += piece.rows;
    if (above !== '') output.write(above);
    above = '';
    if (!output.write(piece.text)) await once(output, 'drain', { signal: left });
    if (performance.now() - began < turn) continue;
    await setImmediate();
    began = performance.now();
  }
  left.throwIfAborted();
  if (rows !== expected.rows) {
    throw new Error(`${String(rows)} rows where ${String(expected.rows)} were announced`);
  }
  if (above !== '') output.write(above);
}
