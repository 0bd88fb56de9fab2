import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Sum } from './stored-file.ts';

export interface SpoolOptions {
  /** Nobody reads any more: what writes may stop. */
  readonly onAbandoned: () => void;
  /** Why bytes cannot be kept in the file, the first time. */
  readonly onTrouble: (error: unknown) => void;
  readonly patience: Patience;
}

/**
 * Bytes read at once from a file that is still being written: of larger ones more is in memory,
 * read and not yet collected, and none of it comes faster than it is written.
 */
const pieceLength = 256 * 1024;

/** Milliseconds for which a reader may keep others, and the database, waiting. */
export interface Patience {
  /** For a piece that only memory holds. */
  readonly ofPiece: number;
  /** For all such pieces together. */
  readonly altogether: number;
}

/**
 * Bytes on their way to any number of readers, who may come late and read at their own pace:
 * the writer goes ahead at full speed into a file. Where the file takes no more, the rest
 * goes through memory a piece at a time, as fast as the slowest reader.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #digest = createHash('sha256');
  readonly #readers = new Set<SpoolReader>();
  #file: FileHandle | undefined;
  /** Bytes from the start that the file holds. */
  #kept = 0;
  /** Bytes so far. */
  #length = 0;
  /** What came last: whoever has read all before it needs no file for it. */
  #piece: Buffer | undefined;
  #sum: Sum | undefined;
  #failure: Error | undefined;
  #holds = 0;
  #waiting: (() => void)[] = [];

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Whether the file holds all that has come. */
  get isKept(): boolean {
    return this.#file !== undefined && this.#kept === this.#length;
  }

  /** Whether a reader who comes now gets everything, and waits for nobody. */
  get isJoinable(): boolean {
    return this.#failure === undefined && this.#kept === this.#length;
  }

  /** Given before the first piece, or never. */
  keepIn(file: FileHandle): void {
    this.#file = file;
  }

  /** Resolves when the next piece may come. Pieces are written one after the other. */
  async append(piece: Buffer): Promise<void> {
    if (piece.length === 0) return;
    this.#digest.update(piece);
    if (this.#kept === this.#length && this.#file !== undefined) {
      try {
        await writeWhole(this.#file, piece, this.#length);
        this.#piece = piece;
        this.#length += piece.length;
        this.#kept = this.#length;
        this.#wake();
        return;
      } catch (error) {
        this.#options.onTrouble(error);
      }
    }
    this.#piece = piece;
    this.#length += piece.length;
    this.#wake();
    await this.#allHaveRead();
  }

  end(): Sum {
    this.#sum = { length: this.#length, sha256: this.#digest.digest('base64') };
    if (this.isKept) this.#piece = undefined;
    this.#wake();
    return this.#sum;
  }

  /** Breaks every reader off. */
  fail(error: Error): void {
    this.#failure = error;
    for (const reader of this.#readers) reader.destroy(error);
  }

  /** A reader, from the first byte on; to be read to its end or destroyed. */
  read(): Readable {
    const reader = new SpoolReader(this);
    if (this.#failure !== undefined) reader.destroy(this.#failure);
    else this.#readers.add(reader);
    return reader;
  }

  /** Keeps the writer going without a reader, until the returned function is called. */
  hold(): () => void {
    let held = true;
    this.#holds += 1;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#whenAbandoned();
    };
  }

  /** Settles when nobody reads from the file any more, which can be closed then. */
  async unread(): Promise<void> {
    while (this.#readers.size > 0) await this.#nextRead();
  }

  /** What comes at a position: bytes, null at the end, undefined when it is not there yet. */
  async bytesAt(position: number): Promise<Buffer | null | undefined> {
    const pieceStart = this.#length - (this.#piece?.length ?? 0);
    if (this.#piece !== undefined && position >= pieceStart && position < this.#length) {
      return this.#piece.subarray(position - pieceStart);
    }
    if (position < this.#kept && this.#file !== undefined) {
      const length = Math.min(pieceLength, this.#kept - position);
      const { buffer, bytesRead } = await this.#file.read({
        buffer: Buffer.allocUnsafeSlow(length),
        length,
        position,
      });
      if (bytesRead === 0) throw new Error('a file of a download was cut short while it was read');
      return buffer.subarray(0, bytesRead);
    }
    if (position < this.#length) throw new Error('a reader of a download was left behind');
    return this.#sum === undefined ? undefined : null;
  }

  hasRead(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  hasLeft(reader: SpoolReader): void {
    this.#readers.delete(reader);
    this.hasRead();
    this.#whenAbandoned();
  }

  #whenAbandoned(): void {
    const isDone = this.#sum !== undefined || this.#failure !== undefined;
    if (this.#readers.size === 0 && this.#holds === 0 && !isDone) this.#options.onAbandoned();
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }

  async #allHaveRead(): Promise<void> {
    const { ofPiece, altogether } = this.#options.patience;
    const began = performance.now();
    let now = began;
    for (;;) {
      const behind = this.#behind();
      if (behind.length === 0) return;
      const left = behind.map((reader) =>
        Math.min(began + ofPiece, now + altogether - reader.delay),
      );
      await this.#nextRead(Math.min(...left) - now);
      const before = now;
      now = performance.now();
      for (const [index, reader] of behind.entries()) {
        reader.delay += now - before;
        if (reader.position < this.#length && now >= (left[index] ?? Infinity)) {
          reader.destroy(new Error('the reader of a download takes too long'));
        }
      }
    }
  }

  #behind(): SpoolReader[] {
    return [...this.#readers].filter(
      (reader) => !reader.destroyed && reader.position < this.#length,
    );
  }

  /** Resolves when a reader has read or left, or after so many milliseconds. */
  async #nextRead(patience?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (patience !== undefined) timer = setTimeout(resolve, patience);
    });
    clearTimeout(timer);
  }
}

class SpoolReader extends Readable {
  position = 0;
  /** Milliseconds for which it has kept others waiting. */
  delay = 0;
  readonly #spool: Spool;
  #looks: Promise<void> = Promise.resolve();
  #waits = false;
  #wakes = 0;

  constructor(spool: Spool) {
    super({ highWaterMark: 1 });
    this.#spool = spool;
  }

  /** There is more, or the end, since it last looked. */
  wake(): void {
    this.#wakes += 1;
    if (!this.#waits) return;
    this.#waits = false;
    this._read();
  }

  override _read(): void {
    this.#looks = this.#look().catch((error: unknown) => {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #look(): Promise<void> {
    let bytes: Buffer | null | undefined;
    let wakes: number;
    do {
      wakes = this.#wakes;
      bytes = await this.#spool.bytesAt(this.position);
    } while (bytes === undefined && this.#wakes !== wakes);
    if (this.destroyed) return;
    if (bytes === undefined) {
      this.#waits = true;
      return;
    }
    if (bytes !== null) this.position += bytes.length;
    this.push(bytes);
    this.#spool.hasRead();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // A read under way must end before the file is closed.
    void this.#looks.then(() => {
      this.#spool.hasLeft(this);
      callback(error);
    });
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}
