import { storable } from './storable.ts';
import type { Warnings } from './warnings.ts';

/** A value as the connection delivers it: dates as text, numbers beyond 2^53 as text. */
export type Cell = string | number | null;

/**
 * A whole number, exact, or null: for null, and with a warning for what JSON could not
 * carry without loss.
 */
export function wholeNumber(cell: Cell, warnings: Warnings): number | null {
  if (cell === null) return null;
  const number = Number(cell);
  if (Number.isSafeInteger(number)) return number;
  warnings.add('Numbers beyond 2^53 - 1, read as null');
  return null;
}

/** What a negative number is where none can be; sums of the database skip it like a null. */
export const negativeNumber = 'Negative numbers where none can be, read as null';

/** As `wholeNumber`, of what is never negative. */
export function count(cell: Cell, warnings: Warnings): number | null {
  const number = wholeNumber(cell, warnings);
  if (number === null || number >= 0) return number;
  warnings.add(negativeNumber);
  return null;
}

/** A key of the Dashboard's, which its tables make a positive integer; NaN when it is null. */
export function key(cell: Cell): number {
  return cell === null ? NaN : Number(cell);
}

/** Any text of the source; an empty one is a text, too. */
export function text(cell: Cell, warnings: Warnings): string | null {
  if (cell === null) return null;
  const value = String(cell);
  const kept = storable(value);
  if (kept !== value)
    warnings.add('Texts with characters that cannot be stored, read without them');
  return kept;
}

/**
 * A datetime column (`2026-08-27 14:46:47`, UTC) as RFC 3339, without fractions of a
 * second; null for null, and with a warning for a date that does not exist, such as
 * MariaDB's `0000-00-00`.
 */
export function time(cell: Cell, warnings: Warnings): string | null {
  if (cell === null) return null;
  const value = `${String(cell).slice(0, 19).replace(' ', 'T')}Z`;
  if (Number.isFinite(seconds(value))) return value;
  warnings.add('Impossible dates, read as null');
  return null;
}

/** Seconds since 1970 of an RFC 3339 time; NaN for null and for what is no such time. */
export function seconds(value: string | null): number {
  if (value === null || value.startsWith('0000')) return NaN;
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds)) return NaN;
  // Date.parse lets 31 February pass as 3 March.
  const same = new Date(milliseconds).toISOString().startsWith(value.slice(0, 19));
  return same ? milliseconds / 1000 : NaN;
}
