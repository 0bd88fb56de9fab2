import type { Queryable } from '../connect.ts';
import { courseRow, courseRowColumns, type CourseRow } from './course-columns.ts';
import {
  afterPosition,
  orderBy,
  sortKey,
  type CourseOrder,
  type CoursePosition,
} from './course-order.ts';
import { selectionCondition, type CourseSelection } from './course-selection.ts';
import type { RowsAt } from './filters.ts';

export interface ListedCourse extends CourseRow {
  /** What it was sorted by. */
  readonly sortKey: number | string | null;
}

/**
 * The next courses of a walk, `limit` at most: those after a position in the order, so that
 * a page costs the same wherever it is. Only the rows of the page are read whole.
 */
export async function listCourses(
  sql: Queryable,
  question: {
    readonly selection: CourseSelection;
    readonly at: RowsAt;
    readonly order: CourseOrder;
    readonly after?: CoursePosition | undefined;
    readonly limit: number;
  },
): Promise<ListedCourse[]> {
  const { at, order } = question;
  const rows = await sql<(ListedCourse & Record<string, unknown>)[]>`
    select ${courseRowColumns(sql, sql`${at.computedAt}`)}, ${sortKey(sql, order)} as "sortKey"
    from (
      select v.course_id, v.valid_from from course_versions v
      where ${selectionCondition(sql, question.selection, at)}
        ${afterPosition(sql, order, question.after)}
      order by ${orderBy(sql, order)} limit ${question.limit}
    ) page
    join course_versions v on v.course_id = page.course_id and v.valid_from = page.valid_from
    order by ${orderBy(sql, order)}`;
  return rows.map((row) => ({ ...courseRow(row), sortKey: row.sortKey }));
}
