import { sumMetrics } from '../../metrics/registry.ts';
import type { Queryable, TransactionSql } from '../connect.ts';
import { commaSeparated, identifiers, type Fragment } from '../fragments.ts';
import { coverageSuffix } from './compute-totals.ts';
import {
  PlaceExpressions,
  recently,
  spansOf,
  timestamps,
  type Spans,
  type TrendQuestion,
} from './trend-spans.ts';

export interface StepsQuestion extends TrendQuestion {
  /** The groups that are asked for, where it is grouped. */
  readonly keys?: readonly (string | null)[] | undefined;
  /** Of every snapshot with rows, at the place of its number. */
  readonly moments: readonly (Date | null)[];
}

/**
 * The totals of a group from a place on, until its next row: the columns of `totalsColumns`,
 * only that over no value at all a sum may be 0 or null.
 */
export interface TrendStep {
  readonly key: string | null;
  readonly place: number;
  /** The whole row, as it was read: of the thousands of a wide trend each is a long one. */
  readonly values: Readonly<Record<string, number | null>>;
}

const statusColumns = ['active_courses', 'archived_courses'];
const sumColumns = sumMetrics.map((metric) => metric.name);
const columns = [
  'courses',
  ...statusColumns,
  ...sumColumns,
  ...sumColumns.map((name) => name + coverageSuffix),
];

/** The steps of every group that is asked for, a group after the other. */
export async function listTrendSteps(
  sql: Queryable,
  question: StepsQuestion,
): Promise<TrendStep[]> {
  try {
    return await attempt(sql, (tx) => readSteps(tx, question, 'exact_sum'));
  } catch (error) {
    if (!isOutOfRange(error)) throw error;
    // Absurd numbers at the source can come to more than 64 bits.
    return readSteps(sql, question, 'sum');
  }
}

/** So that the transaction it is in, if any, goes on where it fails. */
function attempt<Result>(
  sql: Queryable,
  work: (sql: Queryable) => Promise<Result>,
): Promise<Result> {
  if (!('savepoint' in sql)) return work(sql);
  return (sql as TransactionSql).savepoint(work) as Promise<Result>;
}

/** Whether a sum has left its type. */
function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '22003';
}

async function readSteps(
  sql: Queryable,
  question: StepsQuestion,
  aggregate: 'exact_sum' | 'sum',
): Promise<TrendStep[]> {
  const rows = await sql<StepRow[]>`${steps(sql, question, aggregate)} order by key, place`;
  return rows.map(stepOf);
}

/** Rows fetched at once. */
const stepsAtOnce = 500;

/**
 * The steps of every group, a place after the other, in a transaction in which others may ask
 * meanwhile, one at a time.
 */
export async function* streamTrendSteps(
  tx: Queryable,
  question: StepsQuestion,
): AsyncGenerator<TrendStep> {
  await tx`declare trend_steps no scroll cursor for ${steps(tx, question, 'sum')}
    order by place`;
  for (;;) {
    const rows = await tx.unsafe<StepRow[]>(`fetch ${stepsAtOnce} from trend_steps`);
    if (rows.length === 0) break;
    for (const row of rows) yield stepOf(row);
  }
  await tx`close trend_steps`;
}

type StepRow = { key: string | null; place: number } & TrendStep['values'];

function stepOf(row: StepRow): TrendStep {
  return { key: row.key, place: row.place, values: row };
}

/**
 * A slice over snapshots, at the same price however many there are. A version adds its values
 * at its first place and takes them away at the one past its last; the running sum of that is
 * the series. Versions of the same span are added up first, in one reading of the table, in
 * 64 bits, and in more only where these do not hold a sum.
 */
function steps(sql: Queryable, question: StepsQuestion, aggregate: 'exact_sum' | 'sum'): Fragment {
  const { dimension } = question;
  const spans = spansOf(sql, question);
  const at = new PlaceExpressions(sql, question.places);
  const { status } = spans;
  // Without status a span is known by its snapshots, of which there are places to be found
  // once they are few; with it, by its places.
  const bySnapshot = status === undefined;
  const span = bySnapshot ? sql`v.valid_from, v.valid_to` : sql`s.first, s.past`;
  const places = bySnapshot ? sql`${at.first()} as first, ${at.past()} as past` : sql`first, past`;
  const group = dimension === undefined ? sql`` : sql`${spans.key}, `;
  return sql`
    with spans as materialized (
      select ${spans.key} as key, ${span}, count(*) as courses,
        ${bySnapshot ? changingStatus(sql, question.moments, at) : fixedStatus(sql, status)},
        ${sums(sql, aggregate)}
      from ${spans.from}
      where ${spans.where} ${keyCondition(sql, spans, question.keys)}
      group by ${group} ${span}
    ), placed as materialized (
      select key, ${places}, changing, ${identifiers(sql, columns)} from spans
    ), steps as (
      select key, first as place, ${identifiers(sql, columns)} from placed where first < past
      union all
      select key, past, ${negative(sql)} from placed where first < past
      union all
      ${statusSteps(sql)}
    ), added as (
      select key, place, ${eachColumn(sql, (column) => sql`sum(${column})`)}
      from steps where place < ${at.end}::integer group by key, place
    )
    select key, place, ${eachColumn(
      sql,
      (column) => sql`(case when abs(sum(${column}) over w) <= ${Number.MAX_SAFE_INTEGER}
        then sum(${column}) over w end)::bigint`,
    )}
    from added window w as (partition by key order by place)`;
}

function eachColumn(
  sql: Queryable,
  expression: (column: Fragment) => Fragment,
  names: readonly string[] = columns,
): Fragment {
  return commaSeparated(
    sql,
    names.map((name) => sql`${expression(sql`${sql(name)}`)} as ${sql(name)}`),
  );
}

function sums(sql: Queryable, aggregate: 'exact_sum' | 'sum'): Fragment {
  return commaSeparated(
    sql,
    sumColumns.flatMap((name) => [
      sql`${sql(aggregate)}(v.${sql(name)}) as ${sql(name)}`,
      sql`count(v.${sql(name)}) as ${sql(name + coverageSuffix)}`,
    ]),
  );
}

function negative(sql: Queryable): Fragment {
  return eachColumn(sql, (column) => sql`-${column}`);
}

function keyCondition(
  sql: Queryable,
  { key }: Spans,
  keys: readonly (string | null)[] | undefined,
): Fragment {
  if (keys === undefined) return sql``;
  const named = sql`${key} = any(${keys.filter((one) => one !== null)}::text[])`;
  return keys.includes(null) ? sql`and (${named} or ${key} is null)` : sql`and ${named}`;
}

function fixedStatus(sql: Queryable, status: Fragment): Fragment {
  return sql`count(*) filter (where ${status} = 'current') as active_courses,
    count(*) filter (where ${status} = 'archived') as archived_courses,
    null::bigint[] as changing`;
}

/** Three places in one number. */
const bits = 20;

/**
 * How many courses are current or archived changes within spans. A version that is so all the
 * time is counted with its span; of those whose status may change, the places at which it
 * does are collected.
 */
function changingStatus(
  sql: Queryable,
  moments: readonly (Date | null)[],
  at: PlaceExpressions,
): Fragment {
  const last = moments.length;
  const begins = sql`(${timestamps(sql, moments)})[v.valid_from]`;
  const begins30 = sql`(${timestamps(
    sql,
    moments.map((moment) => (moment === null ? null : new Date(moment.getTime() - recently))),
  )})[v.valid_from]`;
  const ends = sql`(${timestamps(sql, moments)})[
    case when v.valid_to < ${last} then v.valid_to else ${last} end]`;
  const current = sql`v.start_at <= ${begins} and v.end_at >= ${ends}`;
  const archived = sql`v.end_at <= ${begins30} and v.start_at <= ${begins}`;
  return sql`count(*) filter (where ${current}) as active_courses,
    count(*) filter (where ${archived}) as archived_courses,
    collect(((${at.begun()})::bigint << ${2 * bits}::integer)
      | ((${at.ended()})::bigint << ${bits}::integer) | (${at.archived()})::bigint)
      filter (where v.start_at <= ${ends} and not (${current}) and not (${archived})) as changing`;
}

/** What the collected places add to and take from the counts by status. */
function statusSteps(sql: Queryable): Fragment {
  const mask = 2 ** bits - 1;
  const others = columns.filter((name) => name !== 'courses' && !statusColumns.includes(name));
  return sql`
    select key, place, 0, sum(is_current), sum(is_archived),
      ${commaSeparated(
        sql,
        others.map(() => sql`null`),
      )}
    from placed
    cross join unnest(changing) as packed
    cross join lateral (select
      greatest(first, (packed >> ${2 * bits}::integer)::integer) as begun,
      least(past, ((packed >> ${bits}::integer) & ${mask}::bigint)::integer) as ended,
      greatest(first, (packed >> ${2 * bits}::integer)::integer,
        (packed & ${mask}::bigint)::integer) as archived) p
    cross join lateral (values
      (begun, 1, 0, begun < ended), (ended, -1, 0, begun < ended),
      (archived, 0, 1, archived < past), (past, 0, -1, archived < past)
    ) s (place, is_current, is_archived, happens)
    where happens and first < past
    group by key, place`;
}
