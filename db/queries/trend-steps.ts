import { setImmediate } from 'node:timers/promises';
import { sumMetrics } from '../../metrics/registry.ts';
import type { Queryable, Sql, TransactionSql } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { coverageSuffix } from './compute-totals.ts';
import { rowBatches } from './row-batches.ts';
import {
  PlaceExpressions,
  recently,
  spansOf,
  timestamps,
  type Spans,
  type TrendQuestion,
} from './trend-spans.ts';
import { withoutWorkers } from './without-workers.ts';

export interface StepsQuestion extends TrendQuestion {
  /** The groups that are asked for, where it is grouped. */
  readonly keys?: readonly (string | null)[] | undefined;
  /** Of every snapshot with rows, at the place of its number. */
  readonly moments: readonly (Date | null)[];
}

/** The totals of a group from a place on, until its next row. */
export interface TrendStep {
  readonly key: string | null;
  readonly place: number;
  /**
   * One text, for `stepValues`: of the thousands of rows of a wide trend the driver would take
   * every value out of its row before anybody else had a turn.
   */
  readonly values: string;
}

const statusColumns = ['active_courses', 'archived_courses'];
const sumColumns = sumMetrics.map((metric) => metric.name);
const columns = [
  'courses',
  ...statusColumns,
  ...sumColumns,
  ...sumColumns.map((name) => name + coverageSuffix),
];

/** The columns of `totalsColumns`, only that over no value at all a sum may be 0 or null. */
export function stepValues({ values }: TrendStep): Record<string, number | null> {
  const texts = values.slice(1, -1).split(',');
  const row: Record<string, number | null> = {};
  for (const [index, name] of columns.entries()) {
    const text = texts[index];
    row[name] = text === undefined || text === 'NULL' ? null : Number(text);
  }
  return row;
}

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
    return attempt(sql, (tx) => readSteps(tx, question, 'sum'));
  }
}

/** In a transaction, so that the one it is in, if any, goes on where it fails. */
function attempt<Result>(
  sql: Queryable,
  work: (tx: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const began =
    'savepoint' in sql ? (sql as TransactionSql).savepoint(work) : (sql as Sql).begin(work);
  return began as Promise<Result>;
}

/** Whether a sum has left its type. */
function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '22003';
}

async function readSteps(
  tx: TransactionSql,
  question: StepsQuestion,
  aggregate: 'exact_sum' | 'sum',
): Promise<TrendStep[]> {
  // Of what is collected with a span, 8 kB are expected; it takes a hundredth of that. With
  // less to expect them in, every version is sorted by its span, which takes twice as long.
  await tx`set local hash_mem_multiplier = 16`;
  const ask = () => tx<TrendStep[]>`${steps(tx, question, aggregate)} order by key, place`;
  if (question.keys === undefined) return ask();
  // Of many groups there are some ten thousand rows: at one go they would keep others waiting.
  await withoutWorkers(tx);
  const found: TrendStep[] = [];
  for await (const rows of rowBatches(ask(), stepsAtOnce)) {
    found.push(...rows);
    await setImmediate();
  }
  return found;
}

/** Rows fetched at once: some milliseconds of work. */
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
    const rows = await tx.unsafe<TrendStep[]>(`fetch ${stepsAtOnce} from trend_steps`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await tx`close trend_steps`;
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
  const all = sql.unsafe(columns.map(quoted).join(', '));
  const added = sql.unsafe(eachColumn((column) => `${aggregate}(${column})`));
  return sql`
    with placed as materialized (
      select key, ${places}, changing, ${all} from (
        select ${spans.key} as key, ${span}, count(*) as courses,
          ${bySnapshot ? changingStatus(sql, question.moments, at) : fixedStatus(sql, status)},
          ${sql.unsafe(sums(aggregate))}
        from ${spans.from}
        where ${spans.where} ${keyCondition(sql, spans, question.keys)}
        group by ${group} ${span}
      ) spans
    ), changes as materialized (
      ${statusChanges(sql)}
    ), begun as (
      select key, first as place, ${added} from placed where first < past group by key, first
    ), over as (
      select key, past as place, ${added} from placed where first < past group by key, past
    ), steps as (
      select key, place, ${all} from begun
      union all
      select key, place, ${sql.unsafe(eachColumn((column) => `-${column}`))} from over
      union all
      ${statusSteps(sql)}
    ), added as (
      select key, place, ${added} from steps where place < ${at.end}::integer group by key, place
    )
    select key, place, (array[${sql.unsafe(runningSums(aggregate))}])::text as values
    from added window w as (partition by key order by place)`;
}

/** A name of the registry, as SQL text: of every fragment the driver makes a query object. */
function quoted(name: string): string {
  return `"${name}"`;
}

function eachColumn(expression: (column: string) => string): string {
  return columns
    .map(quoted)
    .map((name) => `${expression(name)} as ${name}`)
    .join(', ');
}

function sums(aggregate: string): string {
  const both = sumColumns.flatMap((name) => [
    `${aggregate}(v.${quoted(name)}) as ${quoted(name)}`,
    `count(v.${quoted(name)}) as ${quoted(name + coverageSuffix)}`,
  ]);
  return both.join(', ');
}

function runningSums(aggregate: string): string {
  const running = columns.map((name) => {
    const total = `${aggregate}(${quoted(name)}) over w`;
    return `(case when abs(${total}) <= ${Number.MAX_SAFE_INTEGER} then ${total} end)::bigint`;
  });
  return running.join(', ');
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
  const times = timestamps(sql, moments);
  const begins = sql`(${times})[v.valid_from]`;
  const begins30 = sql`(${timestamps(
    sql,
    moments.map((moment) => (moment === null ? null : new Date(moment.getTime() - recently))),
  )})[v.valid_from]`;
  const ends = sql`(${times})[
    case when v.valid_to < ${last} then v.valid_to else ${last} end]`;
  const current = sql`v.start_at <= ${begins} and v.end_at >= ${ends}`;
  const archived = sql`v.end_at <= ${begins30} and v.start_at <= ${begins}`;
  return sql`count(*) filter (where ${current}) as active_courses,
    count(*) filter (where ${archived}) as archived_courses,
    array_agg(((${at.begun()})::bigint << ${2 * bits}::integer)
      | ((${at.ended()})::bigint << ${bits}::integer) | (${at.archived()})::bigint)
      filter (where v.start_at <= ${ends} and not (${current}) and not (${archived})) as changing`;
}

/** The collected places, each within its span. */
function statusChanges(sql: Queryable): Fragment {
  const mask = 2 ** bits - 1;
  return sql`
    select key, past, greatest(first, begun) as begun, least(past, ended) as ended,
      greatest(first, begun, archived) as archived
    from placed
    cross join unnest(changing) as packed
    cross join lateral (select
      (packed >> ${2 * bits}::integer)::integer as begun,
      ((packed >> ${bits}::integer) & ${mask}::bigint)::integer as ended,
      (packed & ${mask}::bigint)::integer as archived) p
    where first < past`;
}

/** What they add to and take from the counts by status. */
function statusSteps(sql: Queryable): Fragment {
  const others = columns.filter((name) => name !== 'courses' && !statusColumns.includes(name));
  return sql`
    select key, place, 0, sum(is_current), sum(is_archived),
      ${sql.unsafe(others.map(() => 'null').join(', '))}
    from (
      select key, begun as place, 1 as is_current, 0 as is_archived
      from changes where begun < ended
      union all
      select key, ended, -1, 0 from changes where begun < ended
      union all
      select key, archived, 0, 1 from changes where archived < past
      union all
      select key, past, 0, -1 from changes where archived < past
    ) s group by key, place`;
}
