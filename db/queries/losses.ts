import { wikidataMetrics } from '../../metrics/wikidata.ts';
import type { Queryable } from '../connect.ts';
import { commaSeparated, type Fragment } from '../fragments.ts';

/** Of something that was there at the publication before, how much is not staged any more. */
export interface Loss {
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
 * Compares what is staged with the store, before any of it is written. All but `courses` is
 * of courses that are public in the store and staged: what one course loses is not made up
 * for by what another gains.
 */
export async function findLosses(sql: Queryable): Promise<Losses> {
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
    with stays as (
      select s.keeps is null as "isReread",
        v.wikis, s.wikis as "wikisNow", v.campaign_ids as links, s.campaign_ids as "linksNow",
        v.home_wiki is not null as home, s.home_wiki is not null as "homeNow",
        v.new_or_returning <> 'unknown' as tag, s.new_or_returning <> 'unknown' as "tagNow",
        ${hasStatistics('v')} as statistics, ${hasStatistics('s')} as "statisticsNow",
        ${hasEdits('v')} as edits, ${hasEdits('s')} as "editsNow"
      from course_versions v join staged_courses s using (course_id)
      where v.valid_to is null
    ), totals as (
      select sum(cardinality(wikis)) as wikis,
        sum(greatest(cardinality(wikis) - cardinality("wikisNow"), 0)) as "lostWikis",
        sum(cardinality(links)) as links,
        sum(greatest(cardinality(links) - cardinality("linksNow"), 0)) as "lostLinks",
        count(*) filter (where home) as homes,
        count(*) filter (where home and not "homeNow") as "lostHomes",
        count(*) filter (where tag) as tags,
        count(*) filter (where tag and not "tagNow") as "lostTags",
        count(*) filter (where statistics) as statistics,
        count(*) filter (where statistics and not "statisticsNow") as "lostStatistics",
        count(*) filter (where "isReread" and edits) as edits,
        count(*) filter (where "isReread" and edits and not "editsNow") as "lostEdits"
      from stays
    )
    select of, coalesce(before, 0)::bigint as before, coalesce(lost, 0)::bigint as lost
    from totals, lateral (values
      ('trackedWikis', wikis, "lostWikis"), ('campaignLinks', links, "lostLinks"),
      ('homeWikis', homes, "lostHomes"), ('instructorTags', tags, "lostTags"),
      ('wikidataStatistics', statistics, "lostStatistics"),
      ('namespaceEdits', edits, "lostEdits")) each (of, before, lost)
    union all
    select 'courses', count(*), count(*) filter (where s.course_id is null)
    from course_versions v left join staged_courses s using (course_id)
    where v.valid_to is null and (s.course_id is not null
      or not exists (select from staged_hidden h where h.course_id = v.course_id))
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
