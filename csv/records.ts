import { stringify } from 'csv-stringify/sync';

/** A field: text and numbers as they are, lists joined with `|`, null empty, '' quoted. */
export type CsvField = string | number | null | readonly string[];

/** RFC 4180. */
export const lineEnd = '\r\n';

// A record may hold (quoted) line breaks, so records made in one call are told apart
// by a character that no text in PostgreSQL can hold.
const recordEnd = '\0';

/**
 * Quotes records, all in one call of csv-stringify: the one place that knows quoting.
 * An empty string is `""` and null is nothing, so that reading back tells them apart.
 *
 * @returns one text per record, without a line end
 */
export function csvRecords(records: readonly (readonly CsvField[])[]): string[] {
  if (records.length === 0) return [];
  const text = stringify(
    records.map((fields) =>
      fields.map((field) => (Array.isArray(field) ? field.join('|') : field)),
    ),
    { record_delimiter: recordEnd, quoted_match: /^$|[\r\n]/, eof: false },
  );
  return text.split(recordEnd);
}

/** A header and rows as one text, every line ended. */
export function csvText(
  columns: readonly string[],
  rows: readonly (readonly CsvField[])[],
): string {
  return csvRecords([columns, ...rows])
    .map((record) => record + lineEnd)
    .join('');
}
