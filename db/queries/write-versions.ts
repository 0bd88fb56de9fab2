import { definitionsVersion } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { identifiers, type Fragment } from '../fragments.ts';
import { stateColumns, stateOf } from './course-state.ts';
import { withoutIndexes } from './without-indexes.ts';

/**
 * Writes the courses that `course_changes` marks `added` or `changed` as versions valid
 * from `snapshotId`, ending those that they replace.
 *
 * @returns how many versions were written
 */
export async function writeVersions(sql: Queryable, snapshotId: number): Promise<number> {
  await sql`
    update course_versions v set valid_to = ${snapshotId}
    from course_changes c
    where c.change = 'changed' and v.course_id = c.course_id and v.valid_to is null`;
  return insertVersions(
    sql,
    snapshotId,
    sql`join course_changes c using (course_id) where c.change in ('added', 'changed')`,
  );
}

/**
 * Writes every staged course as a version valid from `snapshotId`, in a store that has none and
 * that nobody reads yet.
 *
 * @returns how many
 */
export async function writeFirstVersions(sql: Queryable, snapshotId: number): Promise<number> {
  return withoutIndexes(sql, 'course_versions', () => insertVersions(sql, snapshotId, sql``));
}

/** @param ofThem joins and conditions on the staged courses `s`; @returns how many there were. */
async function insertVersions(
  sql: Queryable,
  snapshotId: number,
  ofThem: Fragment,
): Promise<number> {
  const written = await sql`
    insert into course_versions (${identifiers(sql, [
      'course_id',
      ...stateColumns,
      'csv_head',
      'url_path',
      'search_text',
      'csv_tail',
      'csv_definitions_version',
      'valid_from',
    ])})
    select s.course_id, ${stateOf(sql, 's')}, s.csv_head, s.url_path, s.search_text,
      s.csv_tail, ${definitionsVersion}, ${snapshotId}
    from staged_courses s
    ${ofThem}
    order by s.course_id`;
  if (written.count > analyzedVersions) {
    await sql`analyze course_versions (course_id, valid_from, valid_to, home_wiki)`;
  }
  return written.count;
}

/**
 * After more new versions than this, the planner's statistics are taken anew at once: until
 * they are, the next publication would be planned for the table as it was.
 */
const analyzedVersions = 10_000;

/**
 * Remembers what the source asked to be told at its next reading, and forgets the marker of a
 * course that was given none: it is of an earlier state, to which the course may come back.
 */
export async function writeMarkers(sql: Queryable, readAt: Date): Promise<void> {
  await sql`
    delete from course_markers m using staged_courses s
    where s.course_id = m.course_id and s.marker is null`;
  const today = sql`(${readAt} at time zone 'UTC')::date`;
  await sql`
    insert into course_markers (course_id, marker, read_on)
    select s.course_id, s.marker,
      case when s.keeps is null then ${today} else coalesce(m.read_on, ${today}) end
    from staged_courses s left join course_markers m using (course_id)
    where s.marker is not null
    on conflict (course_id) do update set marker = excluded.marker, read_on = excluded.read_on
    where (course_markers.marker, course_markers.read_on) <> (excluded.marker, excluded.read_on)`;
}

/** The markers of the courses that are public, by course id. */
export async function readMarkers(sql: Queryable): Promise<Map<number, Marker>> {
  const rows = await sql<(Marker & { courseId: number })[]>`
    select course_id as "courseId", marker, to_char(read_on, 'YYYY-MM-DD') as "readOn" from course_markers`;
  return new Map(rows.map(({ courseId, ...marker }) => [courseId, marker]));
}

interface Marker {
  readonly marker: string;
  /** `2026-08-27`. */
  readonly readOn: string;
}
