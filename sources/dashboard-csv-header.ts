import type { FileHandle } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { Problems, quoted } from './dashboard-csv-problems.ts';
import { SourceError } from './source.ts';

/** The columns of the Dashboard's course export, in its order. */
export const exportColumns = [
  'course_slug',
  'title',
  'institution',
  'term',
  'home_wiki',
  'created_at',
  'start_date',
  'end_date',
  'new_or_returning',
  'editors',
  'new_editors',
  'articles_edited',
  'articles_created',
  'bytes_added',
  'references_added',
  'total_edits',
  'mainspace_edits',
  'article_talk_edits',
  'userspace_edits',
  'article_views',
  'upload_count',
  'uploads_used_in_articles',
  'upload_usage_count_across_all_wikis',
  'training_completion_rate',
] as const;
export type ExportColumn = (typeof exportColumns)[number];

/** In order of preference where the header tells nothing. */
const delimiters = [',', ';', '\t'] as const;
export type Delimiter = (typeof delimiters)[number];

/** How the file is written, told from its header. */
export interface CsvHeader {
  readonly delimiter: Delimiter;
  /** The columns as they stand in the file, each of `exportColumns` once, in any order. */
  readonly columns: readonly ExportColumn[];
  /** The physical line that the header is on, from 1. */
  readonly line: number;
  /** The byte at which the line after it begins; the file's size when there is none. */
  readonly bodyStart: number;
  /** The file's size: one that grows is refused, and not read for as long as it does. */
  readonly bodyEnd: number;
  /**
   * Whether the last line is taken for whole, because a line end or a closing quote follows its
   * last cell; a quote that closes nothing is found when the row is read.
   */
  readonly terminated: boolean;
}

/** What Excel reads the separator from; what the header itself shows decides. */
const separatorHint = /^"?sep=[^"]?"?$/i;

/** Far more than the header needs, quoted or not. */
const headBytes = 16_384;

const utf8Mark = Buffer.from([0xef, 0xbb, 0xbf]);
const utf16Marks = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const quote = 0x22;

/** @throws {SourceError} when the file does not begin like a course export. */
export async function readHeader(file: FileHandle, size: number, path: string): Promise<CsvHeader> {
  const head = await readAt(file, 0, Math.min(size, headBytes));
  if (utf16Marks.some((mark) => startsWith(head, mark))) {
    throw new SourceError(`${path} is encoded as UTF-16: save it as CSV in UTF-8`);
  }
  const start = startsWith(head, utf8Mark) ? utf8Mark.length : 0;
  if (head.length === start) throw new SourceError(`${path} is empty`);

  let { line, next } = lineAt(head, start);
  let number = 1;
  if (separatorHint.test(line.toString('latin1'))) {
    ({ line, next } = lineAt(head, next ?? head.length));
    number = 2;
  }
  const { delimiter, names } = mostFamiliar(line);
  const problems = new Problems();
  checkNames(names, line, (column, text) => {
    problems.add(number, column, text);
  });
  problems.throwIfAny(path);

  const lastByte = (await readAt(file, size - 1, 1))[0];
  return {
    delimiter,
    columns: names.filter(isExportColumn),
    line: number,
    bodyStart: next ?? size,
    bodyEnd: size,
    terminated: lastByte === lineFeed || lastByte === carriageReturn || lastByte === quote,
  };
}

/** The line that begins there, and where the next one does if there is one. */
function lineAt(head: Buffer, start: number): { line: Buffer; next: number | undefined } {
  const end = head.findIndex(
    (byte, at) => at >= start && (byte === lineFeed || byte === carriageReturn),
  );
  if (end === -1) return { line: head.subarray(start), next: undefined };
  const endBytes = head[end] === carriageReturn && head[end + 1] === lineFeed ? 2 : 1;
  return { line: head.subarray(start, end), next: end + endBytes };
}

/** The reading of the header line, by delimiter, that gives the most of the export's columns. */
function mostFamiliar(line: Buffer): { delimiter: Delimiter; names: readonly string[] } {
  let best: { delimiter: Delimiter; names: readonly string[] } = { delimiter: ',', names: [] };
  let bestKnown = -1;
  for (const delimiter of delimiters) {
    // A line with a stray quote is skipped: no names, so not the header.
    const [names = []] = parse(line, { delimiter, skip_records_with_error: true });
    const known = names.filter(isExportColumn).length;
    if (known > bestKnown) {
      best = { delimiter, names };
      bestKnown = known;
    }
  }
  return best;
}

function checkNames(
  names: readonly string[],
  line: Buffer,
  add: (column: string | null, text: string) => void,
): void {
  if (!names.some(isExportColumn)) {
    const found = quoted(line.toString());
    add(null, `${found} is not the header of the Dashboard’s course export`);
    return;
  }
  const seen = new Set<string>();
  for (const name of names) {
    if (!isExportColumn(name)) add(name, 'is not a column of the course export');
    else if (seen.has(name)) add(name, 'stands in the header more than once');
    seen.add(name);
  }
  for (const name of exportColumns) {
    if (!seen.has(name)) add(name, 'is missing');
  }
}

function isExportColumn(name: string): name is ExportColumn {
  return (exportColumns as readonly string[]).includes(name);
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
