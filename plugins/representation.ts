import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

export const codings = ['identity', 'gzip', 'br'] as const;
export type Coding = (typeof codings)[number];

const gzip = promisify(zlib.gzip);
const brotli = promisify(zlib.brotliCompress);

/** What is said about an answer, whatever its body. Made once and shared between answers. */
export interface AnswerHead {
  readonly snapshotId?: number;
  /**
   * When what would be sent last changed. It must move with everything that changes the
   * body, withdrawals too: `If-Modified-Since` is answered from it alone.
   */
  readonly lastModified?: Date;
  /**
   * What `lastModified` is worth: without a word, every state of the answer has a date of its
   * own; `immutable`: there is one state for ever; `vague`: states may share one, so that no
   * precondition is decided by it.
   */
  readonly dates?: 'immutable' | 'vague';
  readonly cacheControl: string;
  /** The request header that chose between forms of the content, if one did. */
  readonly chosenBy?: 'Accept';
  /** Links as the header field `Link` has them, each one `<address>; rel="…"`. */
  readonly links: readonly string[];
}

/** Header fields as they are sent, their names in lower case. */
export type Fields = Readonly<Record<string, string>>;

/** Everything that an answer in one coding says before its body. */
export interface CodedHead {
  readonly etag: string;
  readonly lastModified: string | undefined;
  readonly dates: AnswerHead['dates'];
  /** Of a 200. */
  readonly fields: Fields;
  /** Of a 304: what RFC 9110 §15.4.5 wants repeated, and the snapshot. */
  readonly notModified: Fields;
}

/** A strong entity tag names bytes, so each coding of the same content has its own. */
function entityTag(tag: string, coding: Coding): string {
  return coding === 'identity' ? `"${tag}"` : `"${tag}-${coding}"`;
}

export function codedHead(
  tag: string,
  coding: Coding,
  head: AnswerHead,
  fields: Fields,
): CodedHead {
  const etag = entityTag(tag, coding);
  const lastModified = head.lastModified?.toUTCString();
  const notModified: Record<string, string> = {
    etag,
    'cache-control': head.cacheControl,
    vary: head.chosenBy === undefined ? 'Accept-Encoding' : `${head.chosenBy}, Accept-Encoding`,
  };
  if (lastModified !== undefined) notModified['last-modified'] = lastModified;
  if (head.snapshotId !== undefined) notModified['snapshot-id'] = String(head.snapshotId);
  const sent: Record<string, string> = { ...fields, ...notModified };
  if (coding !== 'identity') sent['content-encoding'] = coding;
  if (head.links.length > 0) sent['link'] = head.links.join(', ');
  return { etag, lastModified, dates: head.dates, fields: sent, notModified };
}

/**
 * A body that was made once: its bytes in each coding, and their tag. The coded bytes are
 * made when first asked for, off the main thread, and kept.
 */
export class Representation {
  readonly body: Buffer;
  readonly contentType: string;
  readonly #address: string;
  #tag: string | undefined;
  readonly #text: string | undefined;
  readonly #coded: Partial<Record<Coding, Buffer>>;
  readonly #coding: Partial<Record<Coding, Promise<Buffer>>> = {};
  #head: AnswerHead | undefined;
  #heads: Partial<Record<Coding, CodedHead>> = {};

  private constructor(body: Buffer, contentType: string, address: string) {
    this.body = body;
    this.contentType = contentType;
    this.#address = address;
    // Only ASCII is the same bytes, and as fast, in every way of writing it.
    const short = body.length <= 65_536 && isAscii(body);
    this.#text = short ? body.toString('latin1') : undefined;
    this.#coded = { identity: body };
  }

  /**
   * Names the content at its address: without quotes, the same for the same bytes there. Made
   * when it is first asked for: what names an answer of many megabytes is often known otherwise.
   */
  get tag(): string {
    this.#tag ??= createHash('sha256')
      .update(this.#address)
      .update(this.body)
      .digest('base64url')
      .slice(0, 22);
    return this.#tag;
  }

  /** Where other addresses may have the same bytes, `address` gives this one a tag of its own. */
  static of(
    body: Buffer | string,
    contentType = 'application/json; charset=utf-8',
    address = '',
  ): Representation {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    return new Representation(bytes, contentType, address);
  }

  /** Makes every coding now, so that no request has to wait for one. */
  async precompress(): Promise<this> {
    await Promise.all([this.encode('gzip'), this.encode('br')]);
    return this;
  }

  /**
   * What to send in a coding, if it has been made: a short text as a string, because Node
   * writes it together with the header in one piece, which is a quarter faster than two.
   */
  sendable(coding: Coding): Buffer | string | undefined {
    return coding === 'identity' ? (this.#text ?? this.body) : this.#coded[coding];
  }

  async encode(coding: Coding): Promise<Buffer> {
    const made = this.#coded[coding];
    if (made !== undefined) return made;
    const making = (this.#coding[coding] ??= this.#compress(coding));
    const bytes = await making;
    this.#coded[coding] = bytes;
    return bytes;
  }

  #compress(coding: Coding): Promise<Buffer> {
    // One level each, always: a strong tag promises the same bytes for as long as it stands.
    if (coding === 'gzip') return gzip(this.body, { level: 6 });
    return brotli(this.body, {
      params: {
        [zlib.constants.BROTLI_PARAM_QUALITY]: 5,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: this.body.length,
      },
    });
  }

  /**
   * The header fields that go with this body; made anew only when the head is another one.
   * `tag` is what names the content, where that is known otherwise than by its bytes.
   */
  head(coding: Coding, head: AnswerHead, tag = this.tag): CodedHead {
    if (this.#head !== head) {
      this.#head = head;
      this.#heads = {};
    }
    return (this.#heads[coding] ??= codedHead(tag, coding, head, {
      'content-type': this.contentType,
    }));
  }
}
