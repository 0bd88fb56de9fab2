import fresh from 'fresh';
import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import type { CodedHead, Coding } from './representation.ts';

export type Verdict = 'proceed' | 'not-modified' | 'failed';

/** Whether a request may be answered without a body, so is not counted before that is known. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
}

/** What an answer says of itself that a precondition is about. */
export type Validators = Pick<CodedHead, 'etag' | 'lastModified' | 'dates'>;

const httpDate =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})$/;

/** Milliseconds; undefined of what is no HTTP date. asctime's form is UTC, and does not say so. */
function momentOf(date: string): number | undefined {
  if (!httpDate.test(date)) return undefined;
  const moment = Date.parse(date.endsWith('GMT') ? date : `${date} GMT`);
  return Number.isNaN(moment) ? undefined : moment;
}

/**
 * Whether what was sent at or before the moment is certainly what would be sent now. A
 * snapshot is dated before it can be seen, so that a copy of the one before may be dated
 * after it: a date that is later than the last change proves nothing, and only the very date
 * that was sent does. What never changes is the same at any date that it was there at.
 */
function isUnmodifiedSince(moment: number, { lastModified, dates }: Validators): boolean {
  if (lastModified === undefined || dates === 'vague') return false;
  const changed = Date.parse(lastModified);
  return dates === 'immutable' ? moment >= changed : moment === changed;
}

/**
 * What is sent whole may be another state than the client has seen, if the date allows it; a
 * part must be of the very file that the client has the rest of.
 */
function mayBeSent(moment: number, headers: IncomingHttpHeaders, validators: Validators): boolean {
  const { lastModified = '' } = validators;
  if (headers.range !== undefined) return isUnmodifiedSince(moment, validators);
  return moment >= Date.parse(lastModified);
}

/**
 * The preconditions of a GET or HEAD by RFC 9110 §13.2.2, against what would be sent now:
 * the strong tag of the selected coding and when it last changed. Dates that are not HTTP
 * dates are ignored (§13.1.3), and the request's Cache-Control has no say.
 */
export function evaluate(headers: IncomingHttpHeaders, validators: Validators): Verdict {
  const { etag, lastModified } = validators;
  const ifMatch = headers['if-match'];
  const unmodifiedSince = headers['if-unmodified-since'];
  if (ifMatch !== undefined) {
    // A weak tag never matches strongly: `W/"a"` must not be found as `"a"`.
    const strong = ifMatch.split(',').filter((tag) => !tag.trim().startsWith('W/'));
    if (!fresh({ 'if-none-match': strong.join(',') }, { etag })) return 'failed';
  } else if (unmodifiedSince !== undefined && lastModified !== undefined) {
    const moment = momentOf(unmodifiedSince);
    if (moment !== undefined && !mayBeSent(moment, headers, validators)) return 'failed';
  }

  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    const matches = ifNoneMatch === etag || fresh({ 'if-none-match': ifNoneMatch }, { etag });
    return matches ? 'not-modified' : 'proceed';
  }
  const modifiedSince = headers['if-modified-since'];
  if (modifiedSince === undefined || lastModified === undefined) return 'proceed';
  const moment = momentOf(modifiedSince);
  return moment !== undefined && isUnmodifiedSince(moment, validators) ? 'not-modified' : 'proceed';
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
