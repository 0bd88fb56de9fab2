import type { IncomingHttpHeaders } from 'node:http';

/** Positions of the first and the last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const oneRange = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i;

/** Whether a part is asked for in a form that is answered with a part. */
export function asksForRange(headers: IncomingHttpHeaders): boolean {
  return headers.range !== undefined && oneRange.test(headers.range);
}

/**
 * The part of a representation that is asked for (RFC 9110 §14), or `unsatisfiable`; undefined
 * where all of it is to be sent: without a range, with several, one of another unit or one
 * that is malformed, and where `If-Range` does not hold.
 */
export function chooseRange(
  headers: IncomingHttpHeaders,
  etag: string,
  length: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = oneRange.exec(headers.range ?? '');
  if (match === null || !isStillTheSame(headers['if-range'], etag)) return undefined;
  const [, from, to, suffix] = match;
  if (suffix !== undefined) {
    const wanted = Number(suffix);
    if (wanted === 0 || length === 0) return 'unsatisfiable';
    return { first: Math.max(0, length - wanted), last: length - 1 };
  }
  const first = Number(from);
  const last = to === undefined || to === '' ? Infinity : Number(to);
  if (last < first) return undefined;
  if (first >= length) return 'unsatisfiable';
  return { first, last: Math.min(last, length - 1) };
}

/**
 * §13.1.5, by tag alone. A date is no strong validator here: the same moment has other bytes
 * in another coding or release, so a date gets all of it.
 */
function isStillTheSame(ifRange: string | string[] | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}
