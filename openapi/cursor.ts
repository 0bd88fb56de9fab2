import { createHash } from 'node:crypto';

/** Where a walk through pages stands. */
export interface Cursor {
  /** The snapshot that was the newest at the first page: all pages are of that moment. */
  readonly pinnedTo: number;
  /** The last item that was given. */
  readonly after: number;
}

/** A walk's question in short, whatever its page: a cursor goes with one question only. */
function questionDigest(question: object): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 8);
}

/** Opaque to clients: letters, digits, `-` and `_`. */
export function writeCursor(cursor: Cursor, question: object): string {
  const parts = [cursor.pinnedTo, cursor.after, questionDigest(question)];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Undefined where the text is not a cursor of this question. */
export function readCursor(text: string, question: object): Cursor | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 3) return undefined;
  const [pinnedTo, after, digest] = parts as [unknown, unknown, unknown];
  if (!Number.isSafeInteger(pinnedTo) || !Number.isSafeInteger(after)) return undefined;
  if (digest !== questionDigest(question)) return undefined;
  return { pinnedTo: pinnedTo as number, after: after as number };
}
