import { courseMetricsAt, definitionsVersion, sumMetrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { copyRows, type RowBatch } from '../copy-rows.ts';
import { commaSeparated, identifiers, type Fragment } from '../fragments.ts';
import { stateColumns } from './course-state.ts';

/**
 * Makes this session's staging tables, empty. They live in the session, so a publisher
 * that loses its connection loses its lock and its rows at the same time.
 */
export async function createStaging(sql: Queryable): Promise<void> {
  await sql`drop table if exists staged_courses, staged_campaigns, staged_hidden,
    staged_enrollments, staged_activity, staged_wikis`;
  await sql`
    create temporary table staged_courses as
    select course_id, null::text as marker, null::text[] as keeps,
      ${identifiers(sql, [...stateColumns, 'csv_head', 'url_path', 'search_text'])}
    from course_versions where false`;
  // Made while the source is read, when the database has little to do; so is the index.
  await sql`
    alter table staged_courses add csv_tail text generated always as (${csvTail(sql)}) stored`;
  await sql`create unique index on staged_courses (course_id)`;
  // It is asked how many there are, not which: a tenth of the sample is enough.
  await sql`alter table staged_courses alter course_id set statistics 10`;
  await sql`
    create temporary table staged_campaigns as
    select campaign_id, slug, title, description, start_at, end_at, created_at
    from campaigns where false`;
  await sql`create temporary table staged_wikis as select wiki from wikis where false`;
  await sql`create temporary table staged_hidden (course_id bigint)`;
  await sql`create temporary table staged_enrollments as select * from enrollments where false`;
  await sql`create temporary table staged_activity as select * from activity where false`;
}

/** The metrics' CSV fields, `,1,,3`: whole numbers or nothing. */
function csvTail(sql: Queryable): Fragment {
  const fields = courseMetricsAt(definitionsVersion).map((metric) =>
    metric.kind === 'sum'
      ? sql`${sql(metric.name)}`
      : sql`${sql(metric.input)} * ${sql.unsafe(`${metric.numerator}::bigint / ${metric.denominator}`)}`,
  );
  return sql`',' || csv_fields(row(${commaSeparated(sql, fields)}))`;
}

export type StagingTable =
  | 'staged_courses'
  | 'staged_campaigns'
  | 'staged_wikis'
  | 'staged_hidden'
  | 'staged_enrollments'
  | 'staged_activity';

/** Adds rows; columns that are not given are null, times are RFC 3339 UTC. */
export function stageRows(
  sql: Queryable,
  table: StagingTable,
  batches: AsyncIterable<RowBatch>,
): Promise<void> {
  return copyRows(sql, table, batches);
}

/**
 * After the last row: gives the planner statistics of what joins, which temporary tables
 * never get by themselves, and fills in what the source kept from the current version: values
 * of the metrics in `kept`.
 */
export async function finishStaging(sql: Queryable, kept: ReadonlySet<string>): Promise<void> {
  const metrics = sumMetrics.filter(({ name }) => kept.has(name));
  const others = [...kept].filter((name) => !metrics.some((metric) => metric.name === name));
  if (others.length > 0) throw new Error(`no metrics to keep: ${others.join(', ')}`);
  for (const metric of metrics) {
    await sql`
      update staged_courses s set ${sql(metric.name)} = v.${sql(metric.name)}
      from course_versions v
      where v.course_id = s.course_id and v.valid_to is null
        and ${metric.name}::text = any(s.keeps)`;
  }
  await sql`analyze staged_courses (course_id)`;
  await sql`analyze staged_enrollments`;
  await sql`analyze staged_activity`;
}
