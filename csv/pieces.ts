import type { TableDialect } from './dialects.ts';
import { csvRecords, csvText, lineEnd, type CsvField } from './records.ts';

/** Rows that are written at once: some milliseconds of work. */
const rowsAtOnce = 50;

/** A file in pieces, its header first. */
export function* csvPieces(
  columns: readonly string[],
  rows: Iterable<readonly CsvField[]>,
  dialect: TableDialect,
): Generator<string> {
  yield csvText(columns, [], dialect);
  for (const { text } of csvLines(rows, dialect)) yield text;
}

/** Rows in pieces, with how many each has. */
export function* csvLines(
  rows: Iterable<readonly CsvField[]>,
  dialect: TableDialect,
): Generator<{ readonly rows: number; readonly text: string }> {
  let batch: (readonly CsvField[])[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length < rowsAtOnce) continue;
    yield { rows: batch.length, text: lines(batch, dialect) };
    batch = [];
  }
  if (batch.length > 0) yield { rows: batch.length, text: lines(batch, dialect) };
}

function lines(rows: readonly (readonly CsvField[])[], dialect: TableDialect): string {
  return csvRecords(rows, dialect)
    .map((record) => record + lineEnd)
    .join('');
}
