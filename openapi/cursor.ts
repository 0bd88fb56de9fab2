import { createHmac, timingSafeEqual } from 'node:crypto';
import { packNumbers, unpackNumbers } from './number-sets.ts';

/** Where a walk through pages stands. */
export interface Cursor<After = number> {
  /** The snapshot that was the newest at the first page: all pages are of that moment. */
  readonly pinnedTo: number;
  /** The last item that was given. */
  readonly after: After;
}

/** A place in a sorted list: what the item is sorted by, and the item's number. */
export interface SortedPlace {
  readonly key: number | string | null;
  readonly id: number;
}

/** Where a walk stands through a list whose order may change: which items it has given. */
export interface GivenCursor {
  readonly pinnedTo: number;
  /** The numbers of the items. */
  readonly given: readonly number[];
}

/** Bytes: nobody guesses 128 bits. */
const sealLength = 16;

/**
 * Writes and reads cursors. What a cursor says is sealed with a secret, together with the
 * question that it goes with, so that only what was written here is read here, as it was
 * written. Every `question` names its resource, and all of it but page and limit.
 */
export class Cursors {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** Opaque to clients: letters, digits, `-` and `_`. */
  write(cursor: Cursor, question: object): string {
    return this.#writeParts([cursor.pinnedTo, cursor.after], question);
  }

  /** Undefined where the text is not a cursor of this question. */
  read(text: string, question: object): Cursor | undefined {
    const [pinnedTo, after] = this.#readParts(text, question) ?? [];
    return isWhole(pinnedTo) && isWhole(after) ? { pinnedTo, after } : undefined;
  }

  writeSorted({ pinnedTo, after }: Cursor<SortedPlace>, question: object): string {
    return this.#writeParts([pinnedTo, after.key, after.id], question);
  }

  readSorted(text: string, question: object): Cursor<SortedPlace> | undefined {
    const [pinnedTo, key, id] = this.#readParts(text, question) ?? [];
    if (!isWhole(pinnedTo) || !isWhole(id)) return undefined;
    if (key !== null && typeof key !== 'string' && !isWhole(key)) return undefined;
    return { pinnedTo, after: { key, id } };
  }

  writeGiven({ pinnedTo, given }: GivenCursor, question: object): string {
    const pinned = Buffer.alloc(8);
    pinned.writeDoubleBE(pinnedTo);
    return this.#seal(Buffer.concat([pinned, packNumbers(given)]), question);
  }

  readGiven(text: string, question: object): GivenCursor | undefined {
    const said = this.#open(text, question);
    if (said === undefined) return undefined;
    return { pinnedTo: said.readDoubleBE(), given: unpackNumbers(said.subarray(8)) };
  }

  #writeParts(parts: readonly unknown[], question: object): string {
    return this.#seal(Buffer.from(JSON.stringify(parts)), question);
  }

  #readParts(text: string, question: object): readonly unknown[] | undefined {
    const said = this.#open(text, question);
    return said === undefined ? undefined : (JSON.parse(said.toString()) as unknown[]);
  }

  #seal(said: Buffer, question: object): string {
    return Buffer.concat([this.#sealOf(said, question), said]).toString('base64url');
  }

  #open(text: string, question: object): Buffer | undefined {
    const bytes = Buffer.from(text, 'base64url');
    // Of the ways to write these bytes only ours: decoding passes over what it does not know.
    if (bytes.length < sealLength || bytes.toString('base64url') !== text) return undefined;
    const said = bytes.subarray(sealLength);
    const seal = this.#sealOf(said, question);
    return timingSafeEqual(seal, bytes.subarray(0, sealLength)) ? said : undefined;
  }

  #sealOf(said: Buffer, question: object): Buffer {
    return createHmac('sha256', this.#secret)
      .update(`${JSON.stringify(question)}\n`)
      .update(said)
      .digest()
      .subarray(0, sealLength);
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
