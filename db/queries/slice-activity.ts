import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { groupJoin, type Dimension } from './dimensions.ts';
import { none, sliceCondition, type Filters, type RowsAt } from './filters.ts';

export type ActivityInterval = 'month' | 'quarter' | 'year';

export interface ActivityQuestion {
  readonly filters: Filters;
  readonly dimension?: Dimension | undefined;
  /** Days, both included; UTC. Every month that has one of them counts whole. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly interval: ActivityInterval;
  /** Groups that are shown at most. */
  readonly groups: number;
  /** What status is of. */
  readonly computedAt: Date;
}

export interface ActivityRow {
  /** `2026-11`, `2026-Q4` or `2026`. */
  readonly period: string;
  readonly key: string | null;
  readonly edits: number | null;
  readonly bytesAdded: number | null;
  readonly referencesAdded: number | null;
}

export interface SliceActivity {
  /** Courses in the slice. */
  readonly courses: number;
  /** Of these, those with any time slice, whenever, on the wikis that are asked for. */
  readonly coursesWithActivity: number;
  readonly groupsLeftOut: number;
  /** By period, then by edits from the most down, then by key. */
  readonly rows: readonly ActivityRow[];
}

const formats: Readonly<Record<ActivityInterval, string>> = {
  month: 'YYYY-MM',
  quarter: 'YYYY-"Q"Q',
  year: 'YYYY',
};

/**
 * When the edits of the courses that are public now happened. A filter by wiki picks the
 * time slices of that wiki, and wiki as the dimension is the slice's own.
 */
export async function readSliceActivity(
  sql: Queryable,
  question: ActivityQuestion,
): Promise<SliceActivity> {
  const { filters, dimension, interval } = question;
  const at: RowsAt = { snapshotId: 0, computedAt: question.computedAt, isLatest: true };
  const courses = sql`course_versions v`;
  const slice = sliceCondition(sql, filters, at);
  const slicesOfCourses = sql`activity a on a.course_id = v.course_id ${wikiCondition(sql, filters)}`;

  const [coverage] = await sql<[{ courses: number; coursesWithActivity: number }]>`
    select count(*) as courses, count(*) filter (where exists (
      select from activity a where a.course_id = v.course_id ${wikiCondition(sql, filters)}
    )) as "coursesWithActivity"
    from ${courses} where ${slice}`;

  const groups =
    dimension === undefined
      ? sql`cross join (select null::text as key) g`
      : dimension === 'wiki'
        ? sql`cross join lateral (select a.wiki as key) g`
        : groupJoin(sql, dimension, question.computedAt);
  const rows = await sql<(ActivityRow & { groups: number })[]>`
    with sums as materialized (
      select g.key, date_trunc(${interval}::text, a.month::timestamp) as period,
        sum(a.edits) as edits, sum(a.bytes_added) as bytes_added,
        sum(a.references_added) as references_added
      from ${courses} join ${slicesOfCourses} ${groups}
      where ${slice} ${rangeCondition(sql, question)}
      group by 1, 2
    ), ranked as (
      select key, row_number() over (order by sum(edits) desc, key collate "C" nulls last) as rank,
        count(*) over () as groups
      from sums group by key
    )
    select to_char(period, ${formats[interval]}) as period, s.key,
      ${exact(sql, 'edits')} as edits, ${exact(sql, 'bytes_added')} as "bytesAdded",
      ${exact(sql, 'references_added')} as "referencesAdded", r.groups
    from sums s join ranked r on r.key is not distinct from s.key
    where r.rank <= ${question.groups}
    order by s.period, s.edits desc, s.key collate "C" nulls last`;
  return {
    ...coverage,
    groupsLeftOut: Math.max(0, (rows[0]?.groups ?? 0) - question.groups),
    rows: rows.map(({ groups: _, ...row }) => row),
  };
}

/** Of the named wikis; a course that tracks none has no time slices. */
function wikiCondition(sql: Queryable, { wiki }: Filters): Fragment {
  if (wiki === undefined) return sql``;
  return sql`and a.wiki = any(${wiki.filter((name) => name !== none)}::text[])`;
}

function rangeCondition(sql: Queryable, { from, to }: ActivityQuestion): Fragment {
  const first = from === undefined ? sql`` : sql`and a.month >= date_trunc('month', ${from}::date)`;
  const last = to === undefined ? sql`` : sql`and a.month <= ${to}::date`;
  return sql`${first} ${last}`;
}

/** Null beyond what JSON holds exactly. */
function exact(sql: Queryable, column: string): Fragment {
  const name = sql`s.${sql(column)}`;
  return sql`(case when abs(${name}) <= ${Number.MAX_SAFE_INTEGER} then ${name} end)::bigint`;
}
