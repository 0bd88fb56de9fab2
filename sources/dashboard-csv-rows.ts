import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import type { CsvHeader } from './dashboard-csv-header.ts';
import type { Problems } from './dashboard-csv-problems.ts';
import { CsvRecords, type CsvRecord } from './dashboard-csv-records.ts';
import { readAhead } from './read-ahead.ts';

/** What the bytes show that the decoded cells alone do not. */
export interface ByteFindings {
  /** Bytes that are no text were met: not UTF-8, which the cells show as U+FFFD, or NUL. */
  notText: boolean;
}

const chunkBytes = 65_536;

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
): AsyncGenerator<Iterable<CsvRecord>, void, undefined> {
  const { problems, findings, onBlankLine } = options;
  const width = header.columns.length;
  const records = new CsvRecords(header.delimiter, header.line + 1);
  const decoder = new StringDecoder('utf8');

  function* ofHeadersWidth(taken: readonly CsvRecord[]): Generator<CsvRecord> {
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
  const chunks = readChunks(file, header, options.signal);
  for await (const chunk of readAhead(chunks)) {
    if (!findings.notText) {
      const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
      const whole = bytes.length - unfinishedCharacter(bytes);
      findings.notText = chunk.includes(0) || !isUtf8(bytes.subarray(0, whole));
      tail = bytes.subarray(whole);
    }
    yield ofHeadersWidth(records.add(decoder.write(chunk)));
    if (records.failure !== undefined) break;
  }
  if (records.failure === undefined) {
    if (tail.length > 0) findings.notText = true;
    yield ofHeadersWidth([...records.add(decoder.end()), ...records.end()]);
  }
  const { failure } = records;
  if (failure === undefined) return;
  const column = failure.cell === undefined ? undefined : header.columns[failure.cell];
  problems.add(failure.line, column ?? null, `${failure.reason}; the rest was not read`);
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

async function* readChunks(
  file: FileHandle,
  { bodyStart, bodyEnd }: CsvHeader,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let position = bodyStart; position < bodyEnd;) {
    signal.throwIfAborted();
    const length = Math.min(chunkBytes, bodyEnd - position);
    // A new buffer each time: the last one is in use while this one is filled, and its end longer.
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.allocUnsafeSlow(length),
      position,
    });
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
