import { stringify } from 'csv-stringify/sync';
import { asCellText, byteOrderMark, type TableDialect } from './dialects.ts';

/** A field: text, numbers and truth values as they are, lists joined (`joinList`), null empty, '' quoted. */
export type CsvField = string | number | boolean | null | readonly string[];

/**
 * Items with `|` between; a `|` or a `\` that is of an item has a `\` before it, so that
 * reading back gives the same items. No item is empty: nothing is the empty list.
 */
export function joinList(items: readonly string[]): string {
  return items.map((item) => item.replace(/[\\|]/g, '\\$&')).join('|');
}

/** RFC 4180. */
export const lineEnd = '\r\n';

// A record may hold (quoted) line breaks, so records made in one call are told apart
// by a character that no text in PostgreSQL can hold.
const recordEnd = '\0';

/** What csv-stringify quotes a text for, an empty one apart. */
const special = /[",\r\n\0]/;

/** A record none of whose texts needs quotes, as csv-stringify writes it; else undefined. */
function plainRecord(fields: readonly CsvField[]): string | undefined {
  let record = '';
  let separator = '';
  for (const field of fields) {
    record += separator;
    separator = ',';
    if (field === null) continue;
    const text = isList(field) ? joinList(field) : String(field);
    if (special.test(text)) return undefined;
    record += text === '' ? '""' : text;
  }
  return record;
}

/**
 * Quotes records, by csv-stringify where there is anything to quote: the one place that
 * knows quoting, and half of the work of an import if it were asked about every record.
 * An empty string is `""` and null is nothing, so that reading back tells them apart.
 *
 * In the dialect `excel`, text that a spreadsheet would run or convert stays text; numbers stay
 * numbers.
 *
 * @returns one text per record, without a line end
 */
export function csvRecords(
  records: readonly (readonly CsvField[])[],
  dialect: TableDialect = 'plain',
): string[] {
  const lines = dialect === 'plain' ? records.map(plainRecord) : [];
  const others = records.filter((_, index) => lines[index] === undefined);
  const quoted = stringified(others, dialect)[Symbol.iterator]();
  return records.map((_, index) => lines[index] ?? quoted.next().value ?? '');
}

/** One text per record, all in one call. */
function stringified(records: readonly (readonly CsvField[])[], dialect: TableDialect): string[] {
  if (records.length === 0) return [];
  const cell = (field: CsvField) => {
    if (typeof field === 'boolean') return String(field);
    const text = isList(field) ? joinList(field) : field;
    return dialect === 'excel' && typeof text === 'string' ? asCellText(text) : text;
  };
  const text = stringify(
    records.map((fields) => fields.map(cell)),
    { record_delimiter: recordEnd, quoted_match: /^$|[\r\n]/, eof: false },
  );
  return text.split(recordEnd);
}

function isList(field: CsvField): field is readonly string[] {
  return Array.isArray(field);
}

/** A header and rows as one text, every line ended; in the dialect `excel`, marked as UTF-8. */
export function csvText(
  columns: readonly string[],
  rows: readonly (readonly CsvField[])[],
  dialect: TableDialect = 'plain',
): string {
  const lines = csvRecords([columns, ...rows], dialect).map((record) => record + lineEnd);
  return (dialect === 'excel' ? byteOrderMark : '') + lines.join('');
}
