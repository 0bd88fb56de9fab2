import { CsvError, parse } from 'csv-parse/sync';
import fc from 'fast-check';
import t from 'tap';
import { CsvRecords, type CsvFailure, type CsvRecord } from '../sources/dashboard-csv-records.ts';

/** All records of a text that comes in the given parts, of which the first is on line 1. */
function readParts(parts: readonly string[]): {
  records: readonly CsvRecord[];
  failure: CsvFailure | undefined;
} {
  const reader = new CsvRecords(',', 1);
  const records = parts.flatMap((part) => reader.add(part));
  return { records: [...records, ...reader.end()], failure: reader.failure };
}

const reasons: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'the quote that opens the cell is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'a quote within a quoted cell is not doubled',
  INVALID_OPENING_QUOTE: 'a quote stands within a cell that is not quoted',
};

/** What csv-parse makes of the whole text, up to where it is no CSV. */
function parseWhole(text: string): {
  records: CsvRecord[];
  failure: CsvFailure | undefined;
} {
  const records: CsvRecord[] = [];
  let line = 1;
  try {
    parse(text, {
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      max_record_size: 1_048_576,
      raw: true,
      on_record: (given: unknown) => {
        const { record, raw } = given as { record: string[]; raw: string };
        records.push({ line, cells: record });
        line += lineEndsIn(raw);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const cell = error['index'] as number;
    return { records, failure: { line, cell, reason: reasons[error.code] ?? error.message } };
  }
  return { records, failure: undefined };
}

function lineEndsIn(text: string): number {
  return text.split(/\r\n|\n|\r/).length - 1;
}

const piece = fc.constantFrom(
  'a',
  'é',
  '𝒳',
  ' ',
  ';',
  ',',
  '\n',
  '\r\n',
  '\r',
  '""',
  '"',
  '\u{feff}',
);
const properCell = fc
  .string({ unit: fc.constantFrom('a', 'é', ',', '\n', '\r', '"') })
  .map((text) => `"${text.replaceAll('"', '""')}"`);
const properLine = fc
  .tuple(
    fc.array(fc.oneof(properCell, fc.constantFrom('', 'b', '12')), { minLength: 1 }),
    fc.constantFrom('\n', '\r\n', '\r'),
  )
  .map(([cells, end]) => cells.join() + end);
const text = fc.oneof(
  fc.array(piece).map((pieces) => pieces.join('')),
  fc.array(properLine).map((lines) => lines.join('')),
  fc
    .tuple(fc.array(properLine), fc.array(piece), fc.array(properLine))
    .map((parts) => parts.flat().join('')),
);

t.test('A text comes apart as csv-parse takes it apart, however it comes in', async () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(60)), (text, cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      const parts = places
        .slice(1)
        .map((end, at) => text.slice(places[at], Math.min(end, text.length)));
      return JSON.stringify(readParts(parts)) === JSON.stringify(parseWhole(text));
    }),
    { numRuns: 5000 },
  );
});

/** The line of each, and how long its cells are, the first ten of them. */
function lengthsOf(records: readonly CsvRecord[]) {
  return records.map(({ line, cells }) => [line, cells.slice(0, 10).map(({ length }) => length)]);
}

t.test(
  'What is too long is refused as csv-parse refuses it, or as soon as it is in memory',
  async (t) => {
    const long = 'x'.repeat(1_100_000);
    const tooLong = 'the row is longer than 1048576 bytes, as after a quote that is not closed';
    for (const [text, failure] of [
      [`a\n${long}\nb\n`, { line: 2, cell: 0, reason: tooLong }],
      [`a\nb,"${long}"\n`, { line: 2, cell: 1, reason: tooLong }],
      // Not too long in UTF-16.
      [`a\n${'é'.repeat(600_000)}\nb\n`, { line: 2, cell: 0, reason: tooLong }],
      [`a\nb,"${'c\n'.repeat(600_000)}`, { line: 2, cell: 1, reason: tooLong }],
      [`a\n${','.repeat(1_048_577)}`, { line: 2, cell: undefined, reason: tooLong }],
      [
        `a\nb"${'c\n'.repeat(600_000)}`,
        { line: 2, cell: 0, reason: 'a quote stands within a cell that is not quoted' },
      ],
    ] as const) {
      const name = `${text.slice(0, 8)}…`;
      const parts = text.match(/[^]{1,65536}/g) ?? [];
      const read = readParts(parts);
      t.strictSame(read.failure, failure, name);
      // Not as they are, which would take minutes to print.
      t.strictSame(lengthsOf(read.records), [[1, [1]]], `${name}, and what is before it`);
      const held = new CsvRecords(',', 1);
      for (let at = 0; at < parts.length && held.failure === undefined; at += 1)
        held.add(parts[at] ?? '');
      t.ok(held.failure, `${name}, before its end`);
    }
    const { records, failure } = readParts([
      `${'x'.repeat(1_048_000)}\n"${'é'.repeat(500_000)}"\n`,
    ]);
    t.strictSame(lengthsOf(records), [
      [1, [1_048_000]],
      [2, [500_000]],
    ]);
    t.equal(failure, undefined);
  },
);
