import { courseMetricsAt, definitionsVersion } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { commaSeparated, identifiers } from '../fragments.ts';
import { stateColumns, stateOf } from './course-state.ts';

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
      ${csvTail(sql)}, ${definitionsVersion}, ${snapshotId}
    from staged_courses s
    join course_changes c using (course_id)
    where c.change in ('added', 'changed')
    order by s.course_id`;
  return written.count;
}

/** The metrics' CSV fields, `,1,,3`: whole numbers or nothing, so never quoted. */
function csvTail(sql: Queryable) {
  const fields = courseMetricsAt(definitionsVersion).map((metric) =>
    metric.kind === 'sum'
      ? sql`s.${sql(metric.name)}`
      : sql`s.${sql(metric.input)} * ${metric.numerator}::bigint / ${metric.denominator}::bigint`,
  );
  return sql`',' || array_to_string(array[${commaSeparated(sql, fields)}], ',', '')`;
}

/** Remembers what the source asked to be told at its next reading. */
export async function writeMarkers(sql: Queryable): Promise<void> {
  await sql`
    insert into course_markers (course_id, marker)
    select course_id, marker from staged_courses where marker is not null
    on conflict (course_id) do update set marker = excluded.marker
    where course_markers.marker <> excluded.marker`;
}

/** The markers of the courses that are public, by course id. */
export async function readMarkers(sql: Queryable): Promise<Map<number, string>> {
  const rows = await sql<{ courseId: number; marker: string }[]>`
    select course_id as "courseId", marker from course_markers`;
  return new Map(rows.map((row) => [row.courseId, row.marker]));
}
