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
  /** What status is of. */
  readonly computedAt: Date;
}

export interface ActivityRow {
  /** `2026-11`, `2026-Q4` or `2026`. */
  readonly period: string;
  readonly key: string | null;
  /** Null where nothing had a value, and for a sum that JSON cannot hold. */
  readonly edits: number | null;
  readonly bytesAdded: number | null;
  readonly referencesAdded: number | null;
}

/** How many courses have a value, whenever, on the wikis that are asked for. */
export interface ActivityCoverage {
  /** In the slice. */
  readonly courses: number;
  readonly edits: number;
  readonly bytesAdded: number;
  readonly referencesAdded: number;
}

const formats: Readonly<Record<ActivityInterval, string>> = {
  month: 'YYYY-MM',
  quarter: 'YYYY-"Q"Q',
  year: 'YYYY',
};

export async function readActivityCoverage(
  sql: Queryable,
  { filters, computedAt }: ActivityQuestion,
): Promise<ActivityCoverage> {
  const [coverage] = await sql<[ActivityCoverage]>`
    select count(*) as courses, count(*) filter (where known.edits) as edits,
      count(*) filter (where known.bytes_added) as "bytesAdded",
      count(*) filter (where known.references_added) as "referencesAdded"
    from course_versions v
    cross join lateral (
      select bool_or(a.edits is not null) as edits,
        bool_or(a.bytes_added is not null) as bytes_added,
        bool_or(a.references_added is not null) as references_added
      from activity a where a.course_id = v.course_id ${wikiCondition(sql, filters)}
    ) known
    where ${sliceCondition(sql, filters, newest(computedAt))}`;
  return coverage;
}

/**
 * When the edits of the courses that are public now happened, of at most so many groups: by
 * period, then by edits from the most down, then by key.
 */
export async function readSliceActivity(
  sql: Queryable,
  question: ActivityQuestion,
  groupLimit: number,
): Promise<{ readonly groupsLeftOut: number; readonly rows: readonly ActivityRow[] }> {
  const rows = await sql<(ActivityRow & { groups: number })[]>`
    with sums as materialized (${sums(sql, question)}), ranked as (
      select key,
        row_number() over (order by sum(edits) desc nulls last, key collate "C" nulls last) as rank,
        count(*) over () as groups
      from sums group by key
    )
    select ${columns(sql, question)}, r.groups
    from sums s join ranked r on r.key is not distinct from s.key
    where r.rank <= ${groupLimit}
    order by ${order(sql)}`;
  return {
    groupsLeftOut: Math.max(0, (rows[0]?.groups ?? 0) - groupLimit),
    rows: rows.map(({ groups: _, ...row }) => row),
  };
}

/** How many rows there are of all groups. */
export async function countActivityRows(
  sql: Queryable,
  question: ActivityQuestion,
): Promise<number> {
  const [row] = await sql<[{ rows: number }]>`
    select count(*) as rows from (${sums(sql, question)}) s`;
  return row.rows;
}

/** The rows of all groups, in the same order, so many at once. */
export function streamActivityRows(
  sql: Queryable,
  question: ActivityQuestion,
  rowsAtOnce: number,
): AsyncIterable<readonly ActivityRow[]> {
  return sql<ActivityRow[]>`
    select ${columns(sql, question)} from (${sums(sql, question)}) s order by ${order(sql)}
  `.cursor(rowsAtOnce);
}

function newest(computedAt: Date): RowsAt {
  return { snapshotId: 0, computedAt, isLatest: true };
}

/**
 * By group and period. A filter by wiki picks the time slices of that wiki, and wiki as the
 * dimension is the slice's own.
 */
function sums(sql: Queryable, question: ActivityQuestion): Fragment {
  const { filters, dimension, interval, computedAt } = question;
  const groups =
    dimension === undefined
      ? sql`cross join (select null::text as key) g`
      : dimension === 'wiki'
        ? sql`cross join lateral (select a.wiki as key) g`
        : groupJoin(sql, dimension, computedAt);
  return sql`
    select g.key, date_trunc(${interval}::text, a.month::timestamp) as period,
      sum(a.edits) as edits, sum(a.bytes_added) as bytes_added,
      sum(a.references_added) as references_added
    from course_versions v
    join activity a on a.course_id = v.course_id ${wikiCondition(sql, filters)} ${groups}
    where ${sliceCondition(sql, filters, newest(computedAt))} ${rangeCondition(sql, question)}
    group by 1, 2`;
}

function columns(sql: Queryable, { interval }: ActivityQuestion): Fragment {
  return sql`to_char(s.period, ${formats[interval]}) as period, s.key,
    ${exact(sql, 'edits')} as edits, ${exact(sql, 'bytes_added')} as "bytesAdded",
    ${exact(sql, 'references_added')} as "referencesAdded"`;
}

function order(sql: Queryable): Fragment {
  return sql`s.period, s.edits desc nulls last, s.key collate "C" nulls last`;
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
