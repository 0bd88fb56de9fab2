import type { Readable } from 'node:stream';
import { escapeLiteral } from 'pg';
import { courseFileHead, courseFileLines, type CourseFile } from '../../csv/course-dialects.ts';
import { lineEnd } from '../../csv/records.ts';
import { courseMetricsAt } from '../../metrics/registry.ts';
import type { Sql, TransactionSql } from '../connect.ts';
import { canCopyTexts, copyTexts } from '../copy-out.ts';
import { courseRow, courseRowColumns, type FlatCourseRow } from './course-columns.ts';
import { orderBy, orderByText, type CourseOrder } from './course-order.ts';
import {
  everyCourseText,
  isEveryCourse,
  selectionCondition,
  type CourseSelection,
} from './course-selection.ts';
import type { RowsAt } from './filters.ts';
import { oneAhead } from './one-ahead.ts';
import { rowBatches } from './row-batches.ts';
import { storeStateAsJson, type StoreState } from './store-state.ts';
import { requireSame, streamFile, type Piece } from './stream-file.ts';
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
    pieces: (tx, left) =>
      lines.dialect === 'plain' ? stored({ sql, others }, lines, tx, left) : made(tx, lines),
    expected: lines.expected,
  });
}

/**
 * The lines that stand beside the versions, quoted when they were written: those of all courses
 * copied, those of a selection, whose values are parameters, from a cursor.
 */
async function* stored(
  { sql, others }: { readonly sql: Sql; readonly others: Sql },
  lines: CourseLines,
  tx: TransactionSql,
  left: AbortSignal,
): AsyncGenerator<Piece> {
  const { at, selection, order } = lines;
  if (isEveryCourse(selection) && canCopyTexts(sql)) {
    const moment = `${escapeLiteral(at.computedAt.toISOString())}::timestamptz`;
    const query = `select ${lineText(lines, moment)} from (
      select ${lineColumns} from course_versions v where ${everyCourseText(at)}
      order by ${orderByText(order)} offset 0) v`;
    const provided = {
      query: storeStateAsJson,
      require: (now: unknown) => {
        requireSame(now as StoreState, lines.expected);
      },
    };
    yield* copyTexts({ sql, tx, others }, { query, provided }, left);
    return;
  }
  // A cursor has none, so that a plan for them is a worse one for it.
  await withoutWorkers(tx);
  const query = tx<{ line: Buffer }[]>`
    select ${tx.unsafe(lineText(lines, 'm.moment'))} as line from (
      select ${tx.unsafe(lineColumns)} from course_versions v
      where ${selectionCondition(tx, selection, at)} order by ${orderBy(tx, order)} offset 0
    ) v, (select ${at.computedAt}::timestamptz as moment) m`.raw();
  yield* oneAhead(joined(rowBatches(query, linesAtOnce)));
}

/** What lines are put together of. */
const lineColumns = `v.csv_head, v.start_at, v.end_at, v.new_or_returning, v.url_path, v.csv_tail,
  v.csv_definitions_version`;

/**
 * A course's line as SQL without parameters, of a query that has sorted: PostgreSQL knows how
 * much there is in columns, and takes the order of an index rather than sort it, but takes every
 * made text for a short one.
 */
function lineText({ definitionsVersion, dashboardUrl }: CourseLines, moment: string): string {
  const fields = courseMetricsAt(definitionsVersion).length;
  // A version written under earlier definitions has fewer metrics: the later ones are null.
  const ends = Array.from({ length: definitionsVersion }, (_, index) =>
    escapeLiteral(','.repeat(fields - courseMetricsAt(index + 1).length) + lineEnd),
  );
  // Grouped so that the long parts are copied once.
  return `v.csv_head || (',' || course_status(v.start_at, v.end_at, ${moment}) || ','
    || v.new_or_returning || ',' || coalesce(${escapeLiteral(dashboardUrl)}::text || v.url_path, ''))
    || (v.csv_tail || (array[${ends.join(', ')}]::text[])[v.csv_definitions_version])`;
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
