import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { hasFilters, sliceCondition, type Filters, type RowsAt } from './filters.ts';
import { likePattern } from './search-text.ts';

/** Which course rows are asked for. */
export interface CourseSelection {
  readonly filters: Filters;
  /** Part of the title or the institution, folded (`foldText`). */
  readonly q?: string | undefined;
}

/** Whether every course of the snapshot is selected. */
export function isEveryCourse(selection: CourseSelection): boolean {
  return selection.q === undefined && !hasFilters(selection.filters);
}

/** The condition on `course_versions v` of being public at a snapshot, and selected. */
export function selectionCondition(
  sql: Queryable,
  selection: CourseSelection,
  at: RowsAt,
): Fragment {
  const slice = sliceCondition(sql, selection.filters, at);
  if (selection.q === undefined) return slice;
  return sql`${slice} and v.search_text like ${likePattern(selection.q)}`;
}

/** The condition of being public at a snapshot as SQL without parameters. */
export function everyCourseText({ snapshotId, isLatest }: RowsAt): string {
  if (isLatest) return 'v.valid_to is null';
  return `v.valid_from <= ${snapshotId} and (v.valid_to is null or v.valid_to > ${snapshotId})`;
}
