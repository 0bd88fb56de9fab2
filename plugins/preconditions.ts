import fresh from 'fresh';
import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import type { Coding } from './representation.ts';

export type Verdict = 'proceed' | 'not-modified' | 'failed';

/** Whether a request may be answered without a body, so is not counted before that is known. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
}

const httpDate =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})$/;

/**
 * The preconditions of a GET or HEAD by RFC 9110 §13.2.2, against what would be sent now:
 * the strong tag of the selected coding and when it last changed. Dates that are not HTTP
 * dates are ignored (§13.1.3), and the request's Cache-Control has no say.
 */
export function evaluate(
  headers: IncomingHttpHeaders,
  etag: string,
  lastModified: string | undefined,
): Verdict {
  const ifMatch = headers['if-match'];
  const unmodifiedSince = headers['if-unmodified-since'];
  if (ifMatch !== undefined) {
    // A weak tag never matches strongly: `W/"a"` must not be found as `"a"`.
    const strong = ifMatch.split(',').filter((tag) => !tag.trim().startsWith('W/'));
    if (!fresh({ 'if-none-match': strong.join(',') }, { etag })) return 'failed';
  } else if (unmodifiedSince !== undefined && lastModified !== undefined) {
    if (httpDate.test(unmodifiedSince) && Date.parse(lastModified) > Date.parse(unmodifiedSince)) {
      return 'failed';
    }
  }

  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    const matches = ifNoneMatch === etag || fresh({ 'if-none-match': ifNoneMatch }, { etag });
    return matches ? 'not-modified' : 'proceed';
  }
  const modifiedSince = headers['if-modified-since'];
  if (modifiedSince === undefined || lastModified === undefined) return 'proceed';
  if (modifiedSince === lastModified) return 'not-modified';
  if (!httpDate.test(modifiedSince)) return 'proceed';
  return fresh({ 'if-modified-since': modifiedSince }, { 'last-modified': lastModified })
    ? 'not-modified'
    : 'proceed';
}

/** Of what we have, best first: at the same weight the smaller body wins. */
const preferred: Coding[] = ['br', 'gzip', 'identity'];
const streamable: Coding[] = ['gzip', 'identity'];

/** The method as negotiator 1 has it; its published types are of an earlier version. */
interface Preferring {
  encodings(available: string[], options: { preferred: string[] }): string[];
}

/** Clients send few different Accept-Encoding fields; past this many they are parsed again. */
const memoryLimit = 500;

/**
 * Chooses a coding by the request's Accept-Encoding. What rules out everything that we have
 * gets the plain bytes: a body that can be read by most is of more use than a 406.
 */
export class CodingChoice {
  readonly #available: Coding[];
  readonly #chosen = new Map<string, Coding>();

  private constructor(available: Coding[]) {
    this.#available = available;
  }

  static ofBodies(): CodingChoice {
    return new CodingChoice(preferred);
  }

  /** Without brotli, which delays the first bytes of a stream. */
  static ofStreams(): CodingChoice {
    return new CodingChoice(streamable);
  }

  /** The plain bytes, the only ones that are sent in parts, unless they are ruled out. */
  chooseForRange(acceptEncoding: string | string[] | undefined): Coding {
    const negotiator = new Negotiator({
      headers: { 'accept-encoding': acceptEncoding === undefined ? '' : String(acceptEncoding) },
    });
    return negotiator.encoding(['identity']) === undefined
      ? this.choose(acceptEncoding)
      : 'identity';
  }

  choose(acceptEncoding: string | string[] | undefined): Coding {
    if (acceptEncoding === undefined) return 'identity';
    const field = String(acceptEncoding);
    const known = this.#chosen.get(field);
    if (known !== undefined) return known;
    const negotiator: Preferring = new Negotiator({ headers: { 'accept-encoding': field } });
    const best = negotiator.encodings(this.#available, { preferred });
    const coding = (best[0] ?? 'identity') as Coding;
    if (this.#chosen.size < memoryLimit && field.length < 200) this.#chosen.set(field, coding);
    return coding;
  }
}
