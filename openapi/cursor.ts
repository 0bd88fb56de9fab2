import { createHash } from 'node:crypto';

/** Where a walk through pages stands. */
export interface Cursor<After = number> {
  /** The snapshot that was the newest at the first page: all pages are of that moment. */
  readonly pinnedTo: number;
  /** The last item that was given. */
  readonly after: After;
}

/** A place in a sorted list: what the item is sorted by, and the item. */
export interface SortedPlace<Id extends number | string> {
  readonly key: number | string | null;
  readonly id: Id;
}

/** A walk's question in short, whatever its page: a cursor goes with one question only. */
function questionDigest(question: object): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 8);
}

function write(parts: readonly unknown[], question: object): string {
  return Buffer.from(JSON.stringify([...parts, questionDigest(question)])).toString('base64url');
}

function read(text: string, question: object, length: number): readonly unknown[] | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== length + 1) return undefined;
  if (parts.pop() !== questionDigest(question)) return undefined;
  return parts as unknown[];
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

/** Opaque to clients: letters, digits, `-` and `_`. */
export function writeCursor(cursor: Cursor, question: object): string {
  return write([cursor.pinnedTo, cursor.after], question);
}

/** Undefined where the text is not a cursor of this question. */
export function readCursor(text: string, question: object): Cursor | undefined {
  const [pinnedTo, after] = read(text, question, 2) ?? [];
  return isWhole(pinnedTo) && isWhole(after) ? { pinnedTo, after } : undefined;
}

export function writeSortedCursor(
  { pinnedTo, after }: Cursor<SortedPlace<number | string>>,
  question: object,
): string {
  return write([pinnedTo, after.key, after.id], question);
}

/** A cursor of a list whose items are sorted by text or by numbers, and known by either. */
export function readSortedCursor<Id extends number | string>(
  text: string,
  question: object,
  kinds: { readonly key: 'number' | 'text'; readonly id: Id extends number ? 'number' : 'text' },
): Cursor<SortedPlace<Id>> | undefined {
  const [pinnedTo, key, id] = read(text, question, 3) ?? [];
  const isA = (kind: 'number' | 'text') => (kind === 'number' ? isWhole : isText);
  if (!isWhole(pinnedTo) || !isA(kinds.id)(id)) return undefined;
  if (key !== null && !isA(kinds.key)(key)) return undefined;
  return { pinnedTo, after: { key, id: id as Id } };
}
