import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { courseFileHead, courseFileLines, type CourseFile } from '../../csv/course-dialects.ts';
import { lineEnd } from '../../csv/records.ts';
import { courseMetricsAt } from '../../metrics/registry.ts';
import type { Sql, TransactionSql } from '../connect.ts';
import { courseRow, courseRowColumns, type FlatCourseRow } from './course-columns.ts';
import { orderBy, type CourseOrder } from './course-order.ts';
import { selectionCondition, type CourseSelection } from './course-selection.ts';
import type { RowsAt } from './filters.ts';
import { readStore } from './store.ts';

/** The address that the courses' pages are below must need no CSV quoting. */
export interface CourseLines extends CourseFile {
  readonly at: RowsAt;
  readonly selection: CourseSelection;
  readonly order: CourseOrder;
  /** What the caller has announced; the stream breaks where it does not hold. */
  readonly expected: { readonly revision: number; readonly rows: number };
}

/** Rows fetched at once whose lines are stored: some 450 kB of text. */
const linesAtOnce = 1000;
/** Rows fetched at once whose lines are made: some 10 ms of work. */
const rowsAtOnce = 250;
/** Milliseconds that all of them may take, far longer than a question's. */
const fileTimeout = 15 * 60 * 1000;
/** Milliseconds that a reader may take for what is buffered, before it is cut off. */
const readerPatience = 60_000;

/**
 * The selected courses of a snapshot as CSV with a header, read in one consistent
 * transaction as fast as the reader takes it. The stream fails, and never ends, where it is
 * not whole; destroying it frees the connection.
 */
export function streamCourseLines(sql: Sql, lines: CourseLines): Readable {
  const output = new PassThrough({ highWaterMark: 256 * 1024 });
  const left = new AbortController();
  output.once('close', () => {
    left.abort();
  });
  sql
    .begin('isolation level repeatable read read only', (tx) =>
      writeLines(tx, lines, output, left.signal),
    )
    .then(
      () => output.end(),
      (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  return output;
}

async function writeLines(
  tx: TransactionSql,
  lines: CourseLines,
  output: PassThrough,
  left: AbortSignal,
): Promise<void> {
  const { revision } = await readStore(tx);
  if (revision !== lines.expected.revision) {
    throw new Error('courses were withdrawn or returned while the download began');
  }
  left.throwIfAborted();
  await tx`select set_config('statement_timeout', ${String(fileTimeout)}, true)`;
  output.write(courseFileHead(lines));
  let rows = 0;
  for await (const piece of lines.dialect === 'plain' ? stored(tx, lines) : made(tx, lines)) {
    left.throwIfAborted();
    rows += piece.rows;
    if (!output.write(piece.text)) await drained(output, left);
  }
  if (rows !== lines.expected.rows) {
    throw new Error(`${String(rows)} rows where ${String(lines.expected.rows)} were announced`);
  }
}

async function drained(output: PassThrough, left: AbortSignal): Promise<void> {
  await once(output, 'drain', {
    signal: AbortSignal.any([left, AbortSignal.timeout(readerPatience)]),
  });
}

interface Piece {
  readonly rows: number;
  readonly text: string;
}

/** The lines that stand beside the versions, quoted when they were written. */
async function* stored(tx: TransactionSql, lines: CourseLines): AsyncGenerator<Piece> {
  const { at, definitionsVersion, dashboardUrl } = lines;
  // A version written under earlier definitions has fewer metrics: the later ones are null.
  const columns = Array.from(
    { length: definitionsVersion },
    (_, index) => courseMetricsAt(index + 1).length,
  );
  const query = tx<{ line: string }[]>`
    select v.csv_head || ',' || course_status(v.start_at, v.end_at, ${at.computedAt}) || ','
      || v.new_or_returning || ',' || ${dashboardUrl}::text || v.url_path || v.csv_tail
      || repeat(',', ${courseMetricsAt(definitionsVersion).length}::integer
        - (${columns}::integer[])[v.csv_definitions_version]) as line
    from course_versions v
    where ${selectionCondition(tx, lines.selection, at)}
    order by ${orderBy(tx, lines.order)}`;
  for await (const batch of query.cursor(linesAtOnce)) {
    yield { rows: batch.length, text: batch.map((row) => row.line + lineEnd).join('') };
  }
}

async function* made(tx: TransactionSql, lines: CourseLines): AsyncGenerator<Piece> {
  const { at } = lines;
  const query = tx<FlatCourseRow[]>`
    select ${courseRowColumns(tx, tx`${at.computedAt}`)} from course_versions v
    where ${selectionCondition(tx, lines.selection, at)}
    order by ${orderBy(tx, lines.order)}`;
  for await (const batch of query.cursor(rowsAtOnce)) {
    yield { rows: batch.length, text: courseFileLines(lines, batch.map(courseRow)) };
  }
}
