import { wikidataMetrics } from '../../metrics/wikidata.ts';
import type { Queryable } from '../connect.ts';
import { commaSeparated, type Fragment } from '../fragments.ts';

/** Of something that was there at the publication before, how much is not staged any more. */
export interface Loss {
  /** Of what courses have, counted where anything of it is lost. */
  readonly before: number;
  readonly lost: number;
}

export interface Losses {
  /** Courses, less those that are still at the source and not public any more. */
  readonly courses: Loss;
  readonly enrollments: Loss;
  readonly trackedWikis: Loss;
  readonly campaignLinks: Loss;
  readonly homeWikis: Loss;
  readonly instructorTags: Loss;
  /** Courses that had any. */
  readonly wikidataStatistics: Loss;
  /** Courses that had any, of those whose time slices were read. */
  readonly namespaceEdits: Loss;
  /** Courses that had any, of those whose time slices were read. */
  readonly activity: Loss;
}

const namespaceMetrics = ['mainspace_edits', 'article_talk_edits', 'userspace_edits'];

/**
 * What the store has and the staged rows lack, once `course_changes` says which courses differ
 * and before any of it is written. All but `courses` is of courses that are public in the
 * store and staged: what one course loses is not made up for by what another gains.
 *
 * @param options.reopened courses with a current version that have just come back: they had not
 *   been public
 */
export async function findLosses(
  sql: Queryable,
  { reopened }: { readonly reopened: number },
): Promise<Losses> {
  const hasStatistics = (table: string) =>
    hasAny(
      sql,
      wikidataMetrics.map(({ name }) => sql`${sql(`${table}.${name}`)}`),
    );
  const hasEdits = (table: string) =>
    hasAny(
      sql,
      namespaceMetrics.map((name) => sql`nullif(${sql(`${table}.${name}`)}, 0)`),
    );
  const rows = await sql<(Loss & { of: keyof Losses })[]>`
    with lost as (
      select sum(greatest(cardinality(v.wikis) - cardinality(s.wikis), 0)) as wikis,
        sum(greatest(cardinality(v.campaign_ids) - cardinality(s.campaign_ids), 0)) as links,
        count(*) filter (where v.home_wiki is not null and s.home_wiki is null) as homes,
        count(*) filter (
          where v.new_or_returning <> 'unknown' and s.new_or_returning = 'unknown') as tags,
        count(*) filter (where ${hasStatistics('v')} and not ${hasStatistics('s')}) as statistics,
        count(*) filter (
          where s.keeps is null and ${hasEdits('v')} and not ${hasEdits('s')}) as edits
      from course_changes c
      join course_versions v on v.course_id = c.course_id and v.valid_to is null
      join staged_courses s on s.course_id = c.course_id
      where c.change = 'changed'
    ), before as (
      select sum(cardinality(v.wikis)) as wikis,
        sum(cardinality(v.campaign_ids)) as links,
        count(v.home_wiki) as homes,
        count(*) filter (where v.new_or_returning <> 'unknown') as tags,
        count(*) filter (where ${hasStatistics('v')}) as statistics,
        count(*) filter (where s.keeps is null and ${hasEdits('v')}) as edits
      from course_versions v join staged_courses s using (course_id)
      where v.valid_to is null
        and (select greatest(wikis, links, homes, tags, statistics, edits) > 0 from lost)
    )
    select of, coalesce(was, 0)::bigint as before, coalesce(missing, 0)::bigint as lost
    from before, lost, lateral (values
      ('trackedWikis', before.wikis, lost.wikis),
      ('campaignLinks', before.links, lost.links),
      ('homeWikis', before.homes, lost.homes),
      ('instructorTags', before.tags, lost.tags),
      ('wikidataStatistics', before.statistics, lost.statistics),
      ('namespaceEdits', before.edits, lost.edits)) each (of, was, missing)
    union all
    select 'courses', store.count - hidden - ${reopened}::bigint, disappeared
    from (select count(*) from course_versions where valid_to is null) store, (
      select count(*) filter (where change = 'hidden') as hidden,
        count(*) filter (where change = 'disappeared') as disappeared
      from course_changes
    ) gone
    union all
    select 'enrollments', coalesce(sum(before.rows), 0)::bigint,
      coalesce(sum(greatest(before.rows - coalesce(now.rows, 0), 0)), 0)::bigint
    from (select course_id, count(*) as rows from enrollments group by course_id) before
    join staged_courses using (course_id)
    left join (select course_id, count(*) as rows from staged_enrollments group by course_id) now
      using (course_id)
    union all
    select 'activity', count(*), count(*) filter (where now.course_id is null)
    from (select distinct course_id from activity) before
    join staged_courses s using (course_id)
    left join (select distinct course_id from staged_activity) now using (course_id)
    where s.keeps is null`;
  return Object.fromEntries(rows.map(({ of, ...loss }) => [of, loss])) as unknown as Losses;
}

function hasAny(sql: Queryable, values: readonly Fragment[]): Fragment {
  return sql`num_nonnulls(${commaSeparated(sql, values)}) > 0`;
}
