/** What all lists that come in pages have in common: parameters, order and addresses. */
import { Type } from '@sinclair/typebox';
import type { Cursor } from './cursor.ts';
import { nullableString, word } from './scalars.ts';

export const limitProperty = Type.Integer({
  default: 100,
  minimum: 1,
  maximum: 1000,
  description: 'Items on a page at most.',
});

/** Room for the longest title that a walk can stand at, whatever its script. */
const maxCursorLength = 3000;

export const cursorProperty = Type.String({
  minLength: 1,
  maxLength: maxCursorLength,
  description: 'next_cursor of the page before.',
});

/** Of a list whose walks say what they have given: a bit for each of some 40,000 items. */
export const givenCursorProperty = Type.String({
  minLength: 1,
  maxLength: 8000,
  description: 'next_cursor of the page before.',
});

/** The member of a page that names the next one. */
export const nextCursorProperty = nullableString({
  description: 'What to send as cursor for the next page; null at the end.',
});

export function sortProperty(names: readonly string[], usual: string) {
  return word(
    names.flatMap((name) => [name, `-${name}`]),
    {
      default: usual,
      description:
        'What to sort by; with a - before it, from the greatest down. What has no value comes ' +
        'last either way. Text is compared without its case and accents.',
    },
  );
}

export interface Order {
  readonly by: string;
  readonly descending: boolean;
}

/** `-edits` is by edits, descending. */
export function readOrder(sort: string): Order {
  const descending = sort.startsWith('-');
  return { by: descending ? sort.slice(1) : sort, descending };
}

/** What is wrong with a cursor that cannot be read, is of another question or snapshot. */
export const wrongCursor =
  'is not the next_cursor of a page of this question; leave it out to begin anew';

/** Whether a cursor that was read goes on with what is asked: one snapshot, or whichever. */
export function continues<Walk extends Pick<Cursor, 'pinnedTo'>>(
  walk: Walk | undefined,
  snapshot: string,
): walk is Walk {
  return walk !== undefined && (snapshot === 'latest' || snapshot === String(walk.pinnedTo));
}

export interface AskedPage {
  readonly snapshot: string;
  readonly limit: number;
  readonly cursor?: string;
}

/** The addresses of a page, of a question that is written as `parameters`. */
export function pageAddresses(path: string, parameters: URLSearchParams, page: AskedPage) {
  const address = (snapshot: string, cursor: string | undefined) => {
    const all = new URLSearchParams(parameters);
    if (snapshot !== 'latest') all.set('snapshot', snapshot);
    all.set('limit', String(page.limit));
    if (cursor !== undefined) all.set('cursor', cursor);
    return `${path}?${all.toString()}`;
  };
  return {
    /** Where this very page stays; undefined where that is where it was asked for. */
    canonical(snapshotId: number): string | undefined {
      const pinned = String(snapshotId);
      return page.snapshot === pinned ? undefined : address(pinned, page.cursor);
    },
    next(cursor: string): string {
      return address(page.snapshot, cursor);
    },
  };
}
