import type { Readable } from 'node:stream';
import { courseFileHead, courseFileLines, type CourseFile } from '../../csv/course-dialects.ts';
import { lineEnd } from '../../csv/records.ts';
import { courseMetricsAt } from '../../metrics/registry.ts';
import type { Sql, TransactionSql } from '../connect.ts';
import { courseRow, courseRowColumns, type FlatCourseRow } from './course-columns.ts';
import { orderBy, type CourseOrder } from './course-order.ts';
import { selectionCondition, type CourseSelection } from './course-selection.ts';
import type { RowsAt } from './filters.ts';
import { streamFile, type Piece } from './stream-file.ts';

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
  // A version written under earlier definitions has fewer metrics: the later ones are null.
  const columns = Array.from(
    { length: definitionsVersion },
    (_, index) => courseMetricsAt(index + 1).length,
  );
  const query = tx<{ line: string }[]>`
    select v.csv_head || ',' || course_status(v.start_at, v.end_at, ${at.computedAt}) || ','
      || v.new_or_returning || ',' || coalesce(${dashboardUrl}::text || v.url_path, '') || v.csv_tail
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
