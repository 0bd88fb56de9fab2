import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';

/** A published snapshot as it is stored. Totals lack the derived metrics. */
export interface SnapshotRow {
  readonly snapshotId: number;
  readonly computedAt: Date;
  readonly sourceKind: string;
  readonly sourceReadAt: Date;
  readonly definitionsVersion: number;
  readonly previousSnapshotId: number | null;
  /** Null where nobody knows, as of totals that were carried over. */
  readonly added: number | null;
  readonly changed: number | null;
  readonly withdrawn: number | null;
  readonly totals: Readonly<Record<string, number | null>>;
  readonly coverage: Readonly<Record<string, number | null>>;
  readonly hasCourseRows: boolean;
}

function snapshotColumns(sql: Queryable) {
  return sql`snapshot_id as "snapshotId", computed_at as "computedAt",
    source_kind as "sourceKind", source_read_at as "sourceReadAt",
    definitions_version as "definitionsVersion", previous_snapshot_id as "previousSnapshotId",
    added, changed, withdrawn, totals, coverage, has_course_rows as "hasCourseRows"`;
}

export async function findSnapshot(
  sql: Queryable,
  snapshotId: number,
): Promise<SnapshotRow | undefined> {
  const [row] = await sql<SnapshotRow[]>`
    select ${snapshotColumns(sql)} from snapshots where snapshot_id = ${snapshotId}`;
  return row;
}

/** The newest snapshot: the one with the greatest `computed_at`. */
export async function findLatestSnapshot(sql: Queryable): Promise<SnapshotRow | undefined> {
  const [row] = await sql<SnapshotRow[]>`
    select ${snapshotColumns(sql)} from snapshots
    order by computed_at desc, snapshot_id desc limit 1`;
  return row;
}

/** The newest snapshot that was computed here, not carried over: the one to compare with. */
export async function findLatestComputed(sql: Queryable): Promise<SnapshotRow | undefined> {
  const [row] = await sql<SnapshotRow[]>`
    select ${snapshotColumns(sql)} from snapshots where has_course_rows
    order by computed_at desc, snapshot_id desc limit 1`;
  return row;
}

export async function nextSnapshotId(sql: Queryable): Promise<number> {
  const [row] = await sql<[{ next: number }]>`
    select coalesce(max(snapshot_id), 0) + 1 as next from snapshots`;
  return row.next;
}

export async function insertSnapshot(sql: Queryable, row: SnapshotRow): Promise<void> {
  await sql`
    insert into snapshots (snapshot_id, computed_at, source_kind, source_read_at,
      definitions_version, previous_snapshot_id, added, changed, withdrawn,
      totals, coverage, has_course_rows)
    values (${row.snapshotId}, ${row.computedAt}, ${row.sourceKind}, ${row.sourceReadAt},
      ${row.definitionsVersion}, ${row.previousSnapshotId}, ${row.added}, ${row.changed},
      ${row.withdrawn}, ${JSON.stringify(row.totals)}::text::jsonb,
      ${JSON.stringify(row.coverage)}::text::jsonb, ${row.hasCourseRows})`;
}

/** A moment of the history: what was published up to one publication. */
export interface HistoryMoment {
  /** The newest publication; totals that were carried over can be newer than they are dated. */
  readonly pinnedTo: number;
  /** The newest snapshot by `computed_at` at that moment. */
  readonly newestId: number;
  /** When an answer made of many snapshots last changed: the newest one, or a revision. */
  readonly changedAt: Date;
}

/** The moment of a publication, or now; undefined before anything is published. */
export async function findHistoryMoment(
  sql: Queryable,
  pinnedTo?: number,
): Promise<HistoryMoment | undefined> {
  const [row] = await sql<HistoryMoment[]>`
    select max(snapshot_id) over () as "pinnedTo", snapshot_id as "newestId",
      greatest((select max(computed_at) from snapshots),
        (select revised_at from store)) as "changedAt"
    from snapshots
    where ${pinnedTo ?? null}::bigint is null or snapshot_id <= ${pinnedTo ?? null}::bigint
    order by computed_at desc, snapshot_id desc limit 1`;
  return row;
}

export const intervals = ['all', 'day', 'week', 'month', 'year'] as const;
export type Interval = (typeof intervals)[number];
export const orders = ['desc', 'asc'] as const;
export type Order = (typeof orders)[number];

export interface HistoryQuestion {
  /** Days, both included; UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The last snapshot of each period; `all` for every snapshot. Weeks begin on Monday. */
  readonly interval: Interval;
  readonly order: Order;
  /** Snapshots published later are not seen, so that pages of one walk fit together. */
  readonly pinnedTo: number;
}

export interface HistoryRow extends SnapshotRow {
  /** The chosen snapshot before this one in time, whichever the order of the answer. */
  readonly earlier: Pick<SnapshotRow, 'sourceKind' | 'definitionsVersion' | 'totals'> | null;
  /** Whether its period is the one that the newest snapshot is in, so not over yet. */
  readonly partial: boolean;
}

/**
 * The history, at most `limit` items after the snapshot `after` of the same walk.
 * One row a snapshot, so it grows with time only: each page reads the whole range once.
 */
export async function listSnapshots(
  sql: Queryable,
  question: HistoryQuestion,
  page: { readonly after?: number | undefined; readonly limit: number },
): Promise<HistoryRow[]> {
  return sql<HistoryRow[]>`
    ${ordered(sql, question)}
    select ${snapshotColumns(sql)}, earlier, partial from ordered
    where ${page.after ?? null}::bigint is null or ${
      question.order === 'desc'
        ? sql`place < (select place from ordered where snapshot_id = ${page.after ?? null}::bigint)`
        : sql`place > (select place from ordered where snapshot_id = ${page.after ?? null}::bigint)`
    }
    order by ${place(sql, question)}
    limit ${page.limit}`;
}

/** How many items the whole history has. */
export async function countHistory(sql: Queryable, question: HistoryQuestion): Promise<number> {
  const [row] = await sql<[{ items: number }]>`
    ${ordered(sql, question)} select count(*) as items from ordered`;
  return row.items;
}

/** The whole history, so many items at once. */
export function streamHistory(
  sql: Queryable,
  question: HistoryQuestion,
  itemsAtOnce: number,
): AsyncIterable<readonly HistoryRow[]> {
  return sql<HistoryRow[]>`
    ${ordered(sql, question)}
    select ${snapshotColumns(sql)}, earlier, partial from ordered
    order by ${place(sql, question)}`.cursor(itemsAtOnce);
}

/** The chosen snapshots, each with its `place` in time. */
function ordered(sql: Queryable, question: HistoryQuestion): Fragment {
  const period =
    question.interval === 'all'
      ? sql`snapshot_id`
      : sql`date_trunc(${question.interval}::text, computed_at at time zone 'UTC')`;
  return sql`
    with visible as (
      select *, ${period} as period from snapshots where snapshot_id <= ${question.pinnedTo}
    ), newest as (
      select period from visible order by computed_at desc, snapshot_id desc limit 1
    ), chosen as (
      select distinct on (period) * from visible
      where (${question.from ?? null}::date is null
          or computed_at >= ${question.from ?? null}::date::timestamp at time zone 'UTC')
        and (${question.to ?? null}::date is null
          or computed_at < (${question.to ?? null}::date + 1)::timestamp at time zone 'UTC')
      order by period, computed_at desc, snapshot_id desc
    ), ordered as (
      select *, row_number() over w as place,
        lag(jsonb_build_object('sourceKind', source_kind,
          'definitionsVersion', definitions_version, 'totals', totals)) over w as earlier,
        ${question.interval !== 'all'} and period = (select period from newest) as partial
      from chosen
      window w as (order by computed_at, snapshot_id)
    )`;
}

function place(sql: Queryable, { order }: HistoryQuestion): Fragment {
  return order === 'desc' ? sql`place desc` : sql`place`;
}
