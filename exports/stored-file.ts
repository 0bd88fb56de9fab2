import { open, readFile, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** Bytes read at once: larger reads are several times faster than Node's own 64 kB. */
const pieceLength = 1024 * 1024;

/** What is known of bytes once all of them have come. */
export interface Sum {
  readonly length: number;
  /** SHA-256, base64. */
  readonly sha256: string;
}

/** What stands beside a stored file, written last: without it there is no stored file. */
export interface Facts extends Sum {
  /** Of the table: lines below the header. */
  readonly rows: number;
}

/** Where the facts of a file stand. */
export function factsPath(path: string): string {
  return `${path}.json`;
}

/** A stored file, open. To be read once or closed. */
export class StoredFile {
  readonly facts: Facts;
  readonly #file: FileHandle;
  readonly #onRead: (reader: Readable) => void;

  private constructor(file: FileHandle, facts: Facts, onRead: (reader: Readable) => void) {
    this.#file = file;
    this.facts = facts;
    this.#onRead = onRead;
  }

  /**
   * Undefined where there is none, or not a whole one.
   *
   * @param onRead told of who reads it
   */
  static async open(
    path: string,
    onRead: (reader: Readable) => void,
  ): Promise<StoredFile | undefined> {
    const facts = await readFacts(path);
    if (facts === undefined) return undefined;
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
    let isWhole = false;
    try {
      isWhole = (await file.stat()).size === facts.length;
    } finally {
      if (!isWhole) await file.close();
    }
    return isWhole ? new StoredFile(file, facts, onRead) : undefined;
  }

  /** The bytes from `first` to `last`, both included; the file is closed with the stream. */
  read(first: number, last: number): Readable {
    const reader = new StoredFileReader(this.#file, first, last + 1);
    this.#onRead(reader);
    return reader;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Undefined where there are none, or they are not readable as such. */
async function readFacts(path: string): Promise<Facts | undefined> {
  let text: string;
  try {
    text = await readFile(factsPath(path), 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  try {
    const { length, sha256, rows } = JSON.parse(text) as Partial<Facts>;
    if (typeof length !== 'number' || typeof sha256 !== 'string') return undefined;
    return typeof rows === 'number' ? { length, sha256, rows } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an error says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Part of a file, which must have all of it: a file that is cut short is an error, not an end. */
class StoredFileReader extends Readable {
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;
  #reading: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, start: number, end: number) {
    super({ highWaterMark: 1 });
    this.#file = file;
    this.#position = start;
    this.#end = end;
  }

  override _read(): void {
    this.#reading = this.#next().catch((error: unknown) => {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #next(): Promise<void> {
    const length = Math.min(pieceLength, this.#end - this.#position);
    if (length === 0) {
      this.push(null);
      return;
    }
    const { buffer, bytesRead } = await this.#file.read({
      buffer: Buffer.allocUnsafeSlow(length),
      length,
      position: this.#position,
    });
    if (bytesRead === 0) throw new Error('a stored file was cut short while it was read');
    this.#position += bytesRead;
    if (!this.destroyed) this.push(buffer.subarray(0, bytesRead));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#reading
      .then(() => this.#file.close())
      .then(
        () => callback(error),
        (closing: unknown) => callback(error ?? (closing as Error)),
      );
  }
}
