import type { Readable } from 'node:stream';
import { courseFileHead, courseFileLines, type CourseFile } from '../../csv/course-dialects.ts';
import { lineEnd } from '../../csv/records.ts';
import { courseMetricsAt } from '../../metrics/registry.ts';
import type { Sql, TransactionSql } from '../connect.ts';
import { courseRow, courseRowColumns, type FlatCourseRow } from './course-columns.ts';
import { orderBy, type CourseOrder } from './course-order.ts';
import { selectionCondition, type CourseSelection } from './course-selection.ts';
import type { RowsAt } from './filters.ts';
import { oneAhead } from './one-ahead.ts';
import { rowBatches } from './row-batches.ts';
import { streamFile, type Piece } from './stream-file.ts';
import { withoutWorkers } from './without-workers.ts';

/** The address that the courses' pages are below must need no CSV quoting. */
export interface CourseLines extends CourseFile {
  readonly at: RowsAt;
  readonly selection: CourseSelection;
  readonly order: CourseOrder;
  /** What the caller has announced; the stream breaks where it does not hold. */
  readonly expected: { readonly revision: number; readonly rows: number };
}

/** Rows fetched at once whose lines are stored: some 150 kB of text. */
const linesAtOnce = 250;
/** Rows fetched at once whose lines are made: some 10 ms of work. */
const rowsAtOnce = 250;
/**
 * The selected courses of a snapshot as CSV with a header. The stream fails, and never ends,
 * where it is not whole; destroying it frees the connection.
 */
export function streamCourseLines(sql: Sql, others: Sql, lines: CourseLines): Readable {
  return streamFile(sql, others, {
    head: courseFileHead(lines),
    pieces: (tx) => (lines.dialect === 'plain' ? stored(tx, lines) : made(tx, lines)),
    expected: lines.expected,
  });
}

/** The lines that stand beside the versions, quoted when they were written. */
async function* stored(tx: TransactionSql, lines: CourseLines): AsyncGenerator<Piece> {
  const { at, definitionsVersion, dashboardUrl } = lines;
  const fields = courseMetricsAt(definitionsVersion).length;
  // A version written under earlier definitions has fewer metrics: the later ones are null.
  const ends = Array.from(
    { length: definitionsVersion },
    (_, index) => ','.repeat(fields - courseMetricsAt(index + 1).length) + lineEnd,
  );
  // A cursor has none, so that a plan for them is a worse one for it.
  await withoutWorkers(tx);
  // Sorted before they are put together: PostgreSQL knows how much there is in columns, and
  // takes the order of an index rather than sort it, but takes every made text for a short one.
  const query = tx<{ line: Buffer }[]>`
    select v.csv_head || ',' || course_status(v.start_at, v.end_at, ${at.computedAt}) || ','
      || v.new_or_returning || ',' || coalesce(${dashboardUrl}::text || v.url_path, '') || v.csv_tail
      || (${ends}::text[])[v.csv_definitions_version] as line
    from (
      select v.csv_head, v.start_at, v.end_at, v.new_or_returning, v.url_path, v.csv_tail,
        v.csv_definitions_version
      from course_versions v
      where ${selectionCondition(tx, lines.selection, at)}
      order by ${orderBy(tx, lines.order)}
      offset 0
    ) v`.raw();
  yield* oneAhead(joined(rowBatches(query, linesAtOnce)));
}

/** As soon as they are there: rows keep the larger buffers in memory that they came in. */
async function* joined(batches: AsyncIterable<Buffer[][]>): AsyncGenerator<Piece> {
  for await (const batch of batches) {
    yield { rows: batch.length, text: Buffer.concat(batch.flat()) };
  }
}

async function* made(tx: TransactionSql, lines: CourseLines): AsyncGenerator<Piece> {
  const { at } = lines;
  await withoutWorkers(tx);
  const query = tx<FlatCourseRow[]>`
    select ${courseRowColumns(tx, tx`${at.computedAt}`)} from course_versions v
    where ${selectionCondition(tx, lines.selection, at)}
    order by ${orderBy(tx, lines.order)}`;
  for await (const batch of rowBatches(query, rowsAtOnce)) {
    yield { rows: batch.length, text: courseFileLines(lines, batch.map(courseRow)) };
  }
}
