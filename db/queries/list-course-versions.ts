import type { Queryable } from '../connect.ts';
import { courseRow, courseRowColumns, type CourseRow } from './course-columns.ts';

/** A course's state over a range of snapshots; its status is that at the first of them. */
export interface CourseVersionRow extends CourseRow {
  readonly fromSnapshotId: number;
  readonly fromComputedAt: Date;
  /** The first snapshot that it does not hold at; null where it holds at the newest seen. */
  readonly toSnapshotId: number | null;
  readonly toComputedAt: Date | null;
}

/** The states of a public course, newest first: those that began before snapshot `before`. */
export async function listCourseVersions(
  sql: Queryable,
  courseId: number,
  page: {
    /** Snapshots published later are not seen, so that pages of one walk fit together. */
    readonly pinnedTo: number;
    readonly before?: number | undefined;
    readonly limit: number;
  },
): Promise<CourseVersionRow[]> {
  const rows = await sql<(CourseVersionRow & Record<string, unknown>)[]>`
    select ${courseRowColumns(sql, sql`began.computed_at`)},
      began.snapshot_id as "fromSnapshotId", began.computed_at as "fromComputedAt",
      ended.snapshot_id as "toSnapshotId", ended.computed_at as "toComputedAt"
    from course_versions v
    join snapshots began on began.snapshot_id = v.valid_from
    left join snapshots ended
      on ended.snapshot_id = v.valid_to and ended.snapshot_id <= ${page.pinnedTo}
    where v.course_id = ${courseId} and v.valid_from <= ${page.pinnedTo}
      and (${page.before ?? null}::bigint is null or v.valid_from < ${page.before ?? null}::bigint)
    order by v.valid_from desc limit ${page.limit}`;
  return rows.map((row) => ({
    ...courseRow(row),
    fromSnapshotId: row.fromSnapshotId,
    fromComputedAt: row.fromComputedAt,
    toSnapshotId: row.toSnapshotId,
    toComputedAt: row.toComputedAt,
  }));
}
