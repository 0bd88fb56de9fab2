import { CsvError, parse } from 'csv-parse/sync';

/** One record of the file: of one line or, where a quoted cell holds line ends, of several. */
export interface CsvRecord {
  /** The physical line on which the record begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** A record that is no CSV, behind which nothing can be told apart. */
export interface CsvFailure {
  /** The physical line on which the record begins. */
  readonly line: number;
  /** Which cell of the record, from 0, where that is known. */
  readonly cell: number | undefined;
  readonly reason: string;
}

/** The text of one record, for csv-parse, with the line end behind it if there is one. */
interface RecordText {
  readonly line: number;
  readonly text: string;
}

/** Bounds memory: without it an open quote would take the rest of the file into one cell. */
const maxRecordBytes = 1_048_576;

/** A line of fewer UTF-16 units has fewer bytes than that. */
const longLine = maxRecordBytes / 3;

const tooLong = `the row is longer than ${maxRecordBytes} bytes, as after a quote that is not closed`;
const neverClosed = 'the quote that opens the cell is never closed';

/**
 * Takes CSV apart as its text comes in. csv-parse, which knows quotes, is given every record
 * with a quote in it, and every line that may be too long; any other line is what `split` makes
 * of it, in a fraction of the time. Where quotes are proper, a record ends with the first line
 * up to which their number is even; where they are not, csv-parse refuses it.
 */
export class CsvRecords {
  readonly #delimiter: string;
  /** What no record was made of yet, and the line on which it begins. */
  #rest = '';
  #line: number;
  /** How much of it was looked at, in how many lines, and whether these leave a quote open. */
  #seen = 0;
  #linesSeen = 0;
  #isOpen = false;
  #failure: CsvFailure | undefined;

  constructor(delimiter: string, firstLine: number) {
    this.#delimiter = delimiter;
    this.#line = firstLine;
  }

  /** Where there is one, no record follows. */
  get failure(): CsvFailure | undefined {
    return this.#failure;
  }

  /** Takes the next part of the text; @returns the records that end in it. */
  add(text: string): readonly CsvRecord[] {
    if (this.#failure !== undefined) return [];
    this.#rest += text;
    const parts = this.#cutLines(behindLastLineEnd(this.#rest));
    const open = { line: this.#line, text: this.#rest };
    if (open.text.length <= maxRecordBytes) return this.#read(parts, tooLong);
    // A misplaced quote may be why it has no end.
    const records = this.#read([...parts, open], tooLong);
    this.#failure ??= { line: open.line, cell: undefined, reason: tooLong };
    return records.filter(({ line }) => line < open.line);
  }

  /** After the last part; @returns the record that no line end follows, if there is one. */
  end(): readonly CsvRecord[] {
    if (this.#failure !== undefined) return [];
    const parts = this.#cutLines(this.#rest.length);
    const open = { line: this.#line, text: this.#rest };
    return this.#read(open.text === '' ? parts : [...parts, open], neverClosed);
  }

  /** Takes the whole records out of the rest up to `end`, where a line ends. */
  #cutLines(end: number): (CsvRecord | RecordText)[] {
    const parts: (CsvRecord | RecordText)[] = [];
    const text = this.#rest;
    let start = 0;
    let at = this.#seen;
    for (const content of linesOf(text.slice(at, end))) {
      const isWhole = at === start;
      const quotes = quotesIn(content);
      at = behindLineEnd(text, at + content.length);
      this.#linesSeen += 1;
      if (quotes % 2 === 1) this.#isOpen = !this.#isOpen;
      if (this.#isOpen) continue;
      const isPlain = isWhole && quotes === 0 && content.length < longLine;
      parts.push(
        isPlain
          ? { line: this.#line, cells: content.split(this.#delimiter) }
          : { line: this.#line, text: text.slice(start, at) },
      );
      this.#line += this.#linesSeen;
      this.#linesSeen = 0;
      start = at;
    }
    this.#rest = text.slice(start);
    this.#seen = at - start;
    return parts;
  }

  /** The records up to the first part that is no CSV; `openQuote` says why one with an open quote is none. */
  #read(parts: readonly (CsvRecord | RecordText)[], openQuote: string): readonly CsvRecord[] {
    const text = parts.map((part) => ('text' in part ? part.text : '')).join('');
    const { records: parsed, error } = parseQuoted(text, this.#delimiter);
    const records: CsvRecord[] = [];
    let next = 0;
    for (const part of parts) {
      if ('cells' in part) {
        records.push(part);
        continue;
      }
      const cells = parsed[next];
      if (cells === undefined) {
        if (error === undefined) throw new Error(`no record on line ${part.line}`);
        this.#failure = {
          line: part.line,
          cell: error['index'] as number,
          reason: reasonOf(error, openQuote),
        };
        return records;
      }
      records.push({ line: part.line, cells });
      next += 1;
    }
    if (next < parsed.length) throw new Error('more records than were told apart');
    return records;
  }
}

/** The records before the first one that is no CSV, and what is wrong with that one. */
function parseQuoted(
  text: string,
  delimiter: string,
): { records: readonly (readonly string[])[]; error?: CsvError } {
  const records: (readonly string[])[] = [];
  if (text === '') return { records };
  try {
    parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      max_record_size: maxRecordBytes,
      relax_column_count: true,
      on_record: (record: string[]) => {
        records.push(record);
        return null;
      },
    });
  } catch (error) {
    if (error instanceof CsvError) return { records, error };
    throw error;
  }
  return { records };
}

function reasonOf(error: CsvError, openQuote: string): string {
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return openQuote;
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'a quote within a quoted cell is not doubled';
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands within a cell that is not quoted';
    case 'CSV_MAX_RECORD_SIZE':
      return tooLong;
    default:
      return error.message;
  }
}

const lineEnd = /\r\n|\n|\r/;

/** The lines of a text, without their ends; the last may have none. */
function linesOf(text: string): string[] {
  const lines = text.split(text.includes('\r') ? lineEnd : '\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Where the last whole line ends; a carriage return at the very end may be half of a line end. */
function behindLastLineEnd(text: string): number {
  return Math.max(text.lastIndexOf('\n'), text.slice(0, -1).lastIndexOf('\r')) + 1;
}

/** Where the next line begins, if one ends at `at`. */
function behindLineEnd(text: string, at: number): number {
  if (text[at] === '\n') return at + 1;
  if (text[at] !== '\r') return at;
  return text[at + 1] === '\n' ? at + 2 : at + 1;
}

function quotesIn(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) count += 1;
  return count;
}
