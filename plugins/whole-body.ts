/** Bodies of answers that are long, so made in pieces. */
import { setImmediate } from 'node:timers/promises';

/** In pieces where it is long: each is made when the others have had their turn. */
export type Body = string | Buffer | Iterable<string>;

/** Longer ones are not handed to the cache behind, where text is copied at every step. */
export const keptLength = 1_000_000;

/** Milliseconds of work after which others have their turn. */
const turn = 2;

/**
 * A body of pieces: as text where that is short enough to be kept, else as its bytes, written a
 * megabyte at a time, because tens of them at once keep everybody waiting.
 */
export async function wholeBody(body: Body): Promise<string | Buffer> {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body;
  const bytes: Buffer[] = [];
  let parts: string[] = [];
  let length = 0;
  let began = performance.now();
  for (const piece of body) {
    parts.push(piece);
    length += piece.length;
    if (length > keptLength) {
      bytes.push(Buffer.from(parts.join('')));
      parts = [];
      length = 0;
    }
    if (performance.now() - began < turn) continue;
    await setImmediate();
    began = performance.now();
  }
  const rest = parts.join('');
  if (bytes.length === 0) return rest;
  bytes.push(Buffer.from(rest));
  const joined = Buffer.allocUnsafe(bytes.reduce((sum, { length }) => sum + length, 0));
  let written = 0;
  for (const piece of bytes) {
    written += piece.copy(joined, written);
    await setImmediate();
  }
  return joined;
}
