import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { Parser, type CsvError, type Options } from 'csv-parse';
import type { CsvHeader } from './dashboard-csv-header.ts';
import type { Problems } from './dashboard-csv-problems.ts';

/** One record of the file below the header, with as many cells as the header has. */
export interface CsvRow {
  /** The physical line on which the record begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** What the bytes show that the decoded cells alone do not. */
export interface ByteFindings {
  /** Bytes that are no text were met: not UTF-8, which the cells show as U+FFFD, or NUL. */
  notText: boolean;
}

const chunkBytes = 65_536;

/** Bounds memory: without it an open quote would take the rest of the file into one cell. */
const maxRecordBytes = 1_048_576;

const quote = 0x22;

/**
 * Reads the records below the header, some hundred at a time, each lot to be taken whole.
 * What is no proper CSV goes to `problems`: a record with another number of cells is left
 * out; a misplaced quote ends the reading, because nothing after it can be told apart. Blank
 * lines, and those of separators alone that spreadsheets put at the end, are left out and
 * counted by `onBlankLine`.
 */
export async function* readRows(
  file: FileHandle,
  header: CsvHeader,
  options: {
    readonly signal: AbortSignal;
    readonly problems: Problems;
    readonly findings: ByteFindings;
    readonly onBlankLine: () => void;
  },
): AsyncGenerator<Iterable<CsvRow>, void, undefined> {
  const { problems, findings, onBlankLine } = options;
  const width = header.columns.length;
  const failures: (CsvError | undefined)[] = [];
  let records: CsvRow[] = [];
  let line = header.line + 1;
  let quoteSeen = false;

  function take(cells: readonly string[]): void {
    if (failures.length > 0) return;
    records.push({ line, cells });
    line += 1;
    // Only a quoted cell can hold a line break.
    if (quoteSeen) line += lineBreaks(cells, cells.length);
  }

  const parser = new DirectParser(take, {
    delimiter: header.delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: maxRecordBytes,
    relax_column_count: true,
    // A stream that fails loses the records it holds; noting the error keeps those before it.
    skip_records_with_error: true,
    on_skip: (error) => {
      failures.push(error);
      return undefined;
    },
  });
  // Whoever writes is told.
  parser.on('error', () => undefined);

  function* takeRows(): Generator<CsvRow> {
    const taken = records;
    records = [];
    for (const row of taken) {
      const { cells } = row;
      if (cells.every((cell) => cell === '')) onBlankLine();
      else if (cells.length === width) yield row;
      else {
        const found = cells.length === 1 ? '1 cell' : `${cells.length} cells`;
        problems.add(row.line, null, `${found} where the header has ${width}`);
      }
    }
  }

  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of readChunks(file, header.bodyStart, options.signal)) {
    quoteSeen ||= chunk.includes(quote);
    if (!findings.notText) {
      const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      const whole = bytes.length - unfinishedCharacter(bytes);
      findings.notText = chunk.includes(0) || !isUtf8(bytes.subarray(0, whole));
      tail = bytes.subarray(whole);
    }
    await settled((done) => parser.write(chunk, done));
    yield takeRows();
    if (failures.length > 0) break;
  }
  if (failures.length === 0) {
    if (tail.length > 0) findings.notText = true;
    await settled((done) => parser.end(done));
    yield takeRows();
  }
  if (failures.length > 0) {
    const [failure] = failures;
    const column = header.columns[failure?.['index'] as number] ?? null;
    problems.add(line, column, `${failureText(failure)}; the rest was not read`);
  }
}

/** Hands records over as they are found: through the stream they would cost half as much again. */
class DirectParser extends Parser {
  readonly #take: (cells: readonly string[]) => void;

  constructor(take: (cells: readonly string[]) => void, options: Options) {
    super(options);
    this.#take = take;
  }

  override push(cells: readonly string[] | null): boolean {
    if (cells === null) return super.push(null);
    this.#take(cells);
    return true;
  }
}

function settled(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    begin((error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

/** How many line breaks the first cells hold: how much lower the next cell stands. */
export function lineBreaks(cells: readonly string[], first: number): number {
  let count = 0;
  for (let at = 0; at < first; at += 1) {
    const cell = cells[at] ?? '';
    if (cell.includes('\n') || cell.includes('\r')) count += cell.split(/\r\n|\n|\r/).length - 1;
  }
  return count;
}

function failureText(error: CsvError | undefined): string {
  switch (error?.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'the quote that opens the cell is never closed';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'a quote within a quoted cell is not doubled';
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands within a cell that is not quoted';
    case 'CSV_MAX_RECORD_SIZE':
      return `the row is longer than ${maxRecordBytes} bytes, as after a quote that is not closed`;
    default:
      return error?.message ?? 'the row is no CSV';
  }
}

async function* readChunks(
  file: FileHandle,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let position = start;
  for (;;) {
    signal.throwIfAborted();
    // A new buffer each time, because the parser keeps the end of the last one.
    const { buffer, bytesRead } = await file.read(
      Buffer.allocUnsafeSlow(chunkBytes),
      0,
      chunkBytes,
      position,
    );
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** How many of the last bytes begin a UTF-8 character that they do not finish. */
function unfinishedCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? back : 0;
    }
  }
  return 0;
}
