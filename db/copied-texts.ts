/** Texts one after the other, and how many began in them. */
export interface Texts {
  readonly rows: number;
  readonly text: Buffer;
}

/** Signature, flags and the length of an extension, of which there is none. */
const headerLength = 19;
/** How many columns a row has, and the length of the one. */
const prefixLength = 6;

/**
 * Takes the texts out of PostgreSQL's binary COPY format
 * (https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS), of rows of one
 * column. As rows, each would be an object for the driver to make; in COPY's text format,
 * characters in them would be escaped.
 */
export class CopiedTexts {
  /** The beginning of a header or a prefix that is not yet whole. */
  #begun: Buffer = Buffer.alloc(0);
  #hasHeader = false;
  /** Bytes that are still to come of a text. */
  #missing = 0;
  #hasEnd = false;

  /**
   * Takes the next bytes, which are the caller's no more: the texts are moved together in them.
   *
   * @throws where they are not of that format, or hold a null
   */
  take(bytes: Buffer): Texts {
    const chunk = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    this.#begun = Buffer.alloc(0);
    let rows = 0;
    let at = 0;
    let length = 0;
    while (at < chunk.length) {
      if (this.#missing > 0) {
        const end = Math.min(at + this.#missing, chunk.length);
        chunk.copyWithin(length, at, end);
        length += end - at;
        this.#missing -= end - at;
        at = end;
        continue;
      }
      const needed = this.#needed(chunk, at);
      if (chunk.length - at < needed) {
        this.#begun = Buffer.from(chunk.subarray(at));
        break;
      }
      if (this.#begins(chunk, at)) rows += 1;
      at += needed;
    }
    return { rows, text: chunk.subarray(0, length) };
  }

  /** @throws where the end has not come */
  end(): void {
    if (!this.#hasEnd) throw new Error('a copy ended before its last row');
  }

  #needed(chunk: Buffer, at: number): number {
    if (!this.#hasHeader) return headerLength;
    // Where a row would say how many columns it has, the end says -1.
    return chunk[at] === 0xff ? 2 : prefixLength;
  }

  /** Whether a text begins after what is read there. */
  #begins(chunk: Buffer, at: number): boolean {
    if (!this.#hasHeader) {
      this.#hasHeader = true;
      if (chunk.readInt32BE(at + 15) !== 0) throw new Error('a copy has an unknown header');
      return false;
    }
    const columns = chunk.readInt16BE(at);
    if (columns === -1) {
      this.#hasEnd = true;
      return false;
    }
    if (columns !== 1 || this.#hasEnd) throw new Error('a copy has something other than a text');
    this.#missing = chunk.readInt32BE(at + 2);
    if (this.#missing < 0) throw new Error('a copy has a null where there is a text');
    return true;
  }
}
