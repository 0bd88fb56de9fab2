import { sumMetrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { identifiers, type Fragment } from '../fragments.ts';
import { forgetNames } from './job-runs.ts';
import { eraseGoneCampaigns } from './write-campaigns.ts';

/** Every column of a version, in one order for both tables. */
const versionColumns: readonly string[] = [
  'course_id',
  'valid_from',
  'valid_to',
  'slug',
  'title',
  'institution',
  'term',
  'type',
  'home_wiki',
  'wikis',
  'campaign_ids',
  'start_at',
  'end_at',
  'created_at',
  'new_or_returning',
  'csv_head',
  'csv_tail',
  'csv_definitions_version',
  'url_path',
  'search_text',
  ...sumMetrics.map((metric) => metric.name),
];

/**
 * Takes the courses that `course_changes` marks `hidden`, or also `disappeared`, out of
 * reach: all their versions, the last of which ends at `snapshotId`, their enrolments,
 * activity and markers, and what reports of runs may name of them.
 *
 * @returns how many courses were withdrawn
 */
export async function withdrawCourses(
  sql: Queryable,
  options: {
    readonly snapshotId: number;
    readonly at: Date;
    readonly changes: readonly ('hidden' | 'disappeared')[];
  },
): Promise<number> {
  const columns = identifiers(sql, versionColumns);
  const gone = sql`select course_id from course_changes where change = any(${options.changes}::text[])`;
  const withdrawn = await sql`
    insert into withdrawn_courses (course_id, withdrawn_at, snapshot_id)
    select course_id, ${options.at}, ${options.snapshotId} from (${gone}) gone`;
  if (withdrawn.count === 0) return 0;
  await sql`
    update course_versions set valid_to = ${options.snapshotId}
    where valid_to is null and course_id in (${gone})`;
  await sql`
    with moved as (delete from course_versions where course_id in (${gone}) returning *)
    insert into withdrawn_course_versions (${columns}) select ${columns} from moved`;
  await sql`delete from enrollments where course_id in (${gone})`;
  await sql`delete from activity where course_id in (${gone})`;
  await sql`delete from course_markers where course_id in (${gone})`;
  await forgetNames(sql);
  return withdrawn.count;
}

export interface Returns {
  readonly returned: number;
  /** Of these, those whose last version is open again. */
  readonly reopened: number;
}

/**
 * Gives staged courses that were withdrawn and not yet purged their history back. Where no
 * snapshot was published without the course, its last version is open again; the number that it
 * ended at may be of no snapshot, or have been taken by one that was carried over since, so it
 * ends at the next one with rows of courses.
 */
export async function returnCourses(sql: Queryable): Promise<Returns> {
  const history = identifiers(
    sql,
    versionColumns.filter((name) => name !== 'valid_to'),
  );
  const [counts] = await sql<[Returns]>`
    with back as (
      delete from withdrawn_courses w using staged_courses s
      where s.course_id = w.course_id returning w.course_id
    ), moved as (
      delete from withdrawn_course_versions v using back
      where v.course_id = back.course_id returning v.*
    ), history as (
      insert into course_versions (valid_to, ${history})
      select (
        select min(s.snapshot_id) from snapshots s
        where s.has_course_rows and s.snapshot_id >= moved.valid_to
      ), ${history}
      from moved returning valid_to
    )
    select (select count(*) from back) as returned,
      (select count(*) from history where valid_to is null) as reopened`;
  return counts;
}

/** Milliseconds that the rows of a withdrawn course are kept, should it return: 30 days. */
const grace = 30 * 24 * 60 * 60 * 1000;

/** What was withdrawn before this moment is past its grace. */
export function graceBegan(now: Date): Date {
  return new Date(now.getTime() - grace);
}

/** Erases for good the withdrawn courses that are past their grace; @returns how many. */
export function erasePastGrace(sql: Queryable, now: Date): Promise<number> {
  return eraseWithdrawn(sql, sql`withdrawn_at < ${graceBegan(now)}`);
}

/**
 * Erases withdrawn courses for good, and what only they gave reason to keep: campaigns that
 * are gone, and the counts of people of the snapshots that they were in, which name groups
 * that may be of such a course alone and are published no more. In a transaction.
 *
 * @returns how many courses were erased
 */
export async function eraseWithdrawn(sql: Queryable, condition: Fragment): Promise<number> {
  const erased = await sql`
    with erased as (
      delete from withdrawn_courses where ${condition} returning course_id
    ), versions as (
      delete from withdrawn_course_versions v using erased
      where v.course_id = erased.course_id returning v.valid_from, v.valid_to
    ), incomplete as (
      select snapshot_id from snapshots s
      where has_course_rows and exists (
        select from versions v where v.valid_from <= s.snapshot_id and v.valid_to > s.snapshot_id)
    ), counts as (
      delete from snapshot_groups where snapshot_id in (select snapshot_id from incomplete)
    )
    select from erased`;
  if (erased.count > 0) await eraseGoneCampaigns(sql);
  return erased.count;
}

/** Counts anew, for every snapshot, how many of its courses have no public rows any more. */
export async function countWithdrawnSince(sql: Queryable): Promise<void> {
  await sql`delete from snapshot_withdrawals`;
  await sql`
    insert into snapshot_withdrawals (snapshot_id, courses)
    select snapshot_id, courses from (
      select s.snapshot_id, s.has_course_rows,
        (s.totals->>'courses')::bigint
          - coalesce(sum(net.courses) over (order by s.snapshot_id), 0)::bigint as courses
      from snapshots s
      left join (
        select at, sum(courses) as courses from (
          select valid_from as at, count(*) as courses from course_versions group by valid_from
          union all
          select valid_to, -count(*) from course_versions where valid_to is not null group by valid_to
        ) steps group by at
      ) net on net.at = s.snapshot_id
    ) counted
    where has_course_rows and courses <> 0`;
}
