/**
 * A store as large as the service must bear, made by SQL: 100,000 courses of five years,
 * 1,000,000 versions of them, 1,000 daily snapshots, 800,000 enrolments.
 */
import { metricsAt, sumMetrics } from '../metrics/registry.ts';
import type { Sql } from '../db/connect.ts';
import { commaSeparated, identifiers } from '../db/fragments.ts';

export const size = { courses: 100_000, versionsEach: 10, snapshots: 1000 };

/** Fills a migrated, empty store. Takes some two minutes. */
export async function fillLargeStore(sql: Sql): Promise<void> {
  await sql`select setseed(0.5)`;
  await sql`
    insert into campaigns (campaign_id, slug, title, description, start_at, end_at, created_at)
    select id, 'campaign_' || id, 'Campaign ' || id, null, null, null, null
    from generate_series(1, 500) id`;
  await fillVersions(sql);
  await fillSnapshots(sql);
  await sql`
    insert into enrollments (course_id, person_key, role, new_editor, new_editor_60d)
    select course_id, md5(person::text)::uuid, role, new_editor, new_editor or random() < 0.1
    from (
      select c as course_id, (random() * 400000)::integer as person,
        (n = 1)::integer as role, random() < 0.3 as new_editor
      from generate_series(1, ${size.courses}::integer) c, generate_series(1, 8) n
    ) e
    on conflict do nothing`;
  await sql`
    insert into activity (course_id, wiki, month, edits, bytes_added, references_added)
    select v.course_id, w.wiki, (date_trunc('month', v.start_at) + n * interval '1 month')::date,
      (random() * 100)::integer, (random() * 50000)::integer, (random() * 20)::integer
    from course_versions v, unnest(v.wikis) w (wiki), generate_series(0, 4) n
    where v.valid_to is null and v.course_id % 5 <> 0`;
  await sql`
    insert into wikis (wiki) select distinct unnest(wikis) from course_versions`;
  await sql`update store set source_kind = 'dashboard_database'`;
  await sql`vacuum analyze`;
}

/**
 * A course changes while it runs, so its versions begin within the year after its own first
 * snapshot; the last is current. Numbers only grow.
 */
async function fillVersions(sql: Sql): Promise<void> {
  const metricColumns = sumMetrics.map((metric) => metric.name);
  const values = sumMetrics.map((_, index) =>
    index % 7 === 6
      ? sql`case when course_id % 3 = 0 then null else n * (course_id % 97) end`
      : sql`n * (course_id % 97 + ${index}::integer)`,
  );
  await sql`
    insert into course_versions (course_id, valid_from, valid_to, slug, title, institution, term,
      type, home_wiki, wikis, campaign_ids, start_at, end_at, created_at, new_or_returning,
      csv_head, csv_tail, csv_definitions_version, url_path, ${identifiers(sql, metricColumns)})
    with begins as (
      select c as course_id, 1 + floor(power(random(), 1.5) * 890)::integer as first
      from generate_series(1, ${size.courses}::integer) c
    ), dated as (
      select *, timestamptz '2024-01-01' + (first - 30 + random() * 20) * interval '1 day' as start_at,
        (20 + random() * 200) * interval '1 day' as length
      from begins
    ), versions as (
      select d.*, n, first + (n - 1) * (1 + course_id % 12) as valid_from,
        case when n < ${size.versionsEach}::integer then first + n * (1 + course_id % 12) end as valid_to
      from dated d, generate_series(1, ${size.versionsEach}::integer) n
    )
    select course_id, valid_from, valid_to, 'School/Course_' || course_id, 'Course ' || course_id,
      'School ' || course_id % 900, null,
      (array['Editathon', 'ClassroomProgramCourse', 'ArticleScopedProgram', 'BasicCourse'])[1 + course_id % 4],
      home, case when course_id % 3 = 0 then array[home, 'www.wikidata.org'] else array[home] end,
      case when course_id % 10 = 0 then '{}'
        when course_id % 4 = 0 then array[1 + course_id % 500, 1 + (course_id / 7) % 500]
        else array[1 + course_id % 500] end::bigint[],
      date_trunc('second', start_at), date_trunc('second', start_at + length), start_at - interval '9 days', 'unknown',
      course_id || repeat('x', 230), repeat(',12345', 40), 1, '/courses/School/Course_' || course_id,
      ${commaSeparated(sql, values)}
    from (select *, (array['en', 'en', 'en', 'fr', 'de', 'es', 'ar', 'hi', 'id', 'uk'])[1 + course_id % 10]
      || '.wikipedia.org' as home from versions) v
    where valid_from <= ${size.snapshots}::integer
    order by valid_from, course_id`;
  await sql`update course_versions set valid_to = null where valid_to > ${size.snapshots}::integer`;
}

/** One a day, their totals as the rows have them. */
async function fillSnapshots(sql: Sql): Promise<void> {
  const names = metricsAt(1)
    .filter(({ kind }) => kind === 'sum')
    .map(({ name }) => name);
  const sums = commaSeparated(
    sql,
    names.map((name) => sql`sum(${sql(name)}) as ${sql(name)}`),
  );
  await sql`
    insert into snapshots (snapshot_id, computed_at, source_kind, source_read_at,
      definitions_version, previous_snapshot_id, added, changed, withdrawn, totals, coverage,
      has_course_rows)
    with courses as (
      select id, (select count(*) from course_versions
        where valid_from = id and course_id % 100 = 0) * 100 as courses
      from generate_series(1, ${size.snapshots}::integer) id
    ), newest as (
      select to_jsonb(s) as totals from (
        select ${sums} from course_versions where valid_to is null) s
    )
    select id, timestamptz '2024-01-01T04:00:00Z' + id * interval '1 day', 'dashboard_database',
      timestamptz '2024-01-01T04:00:00Z' + id * interval '1 day', 1, nullif(id - 1, 0),
      0, courses, 0, totals || jsonb_build_object('courses', courses, 'editors', 0), '{}', true
    from courses, newest`;
}
