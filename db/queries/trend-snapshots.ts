import type { Queryable } from '../connect.ts';
import type { CarriedSlice } from './carried-groups.ts';
import type { Interval, SnapshotRow } from './snapshots.ts';

export interface TrendRange {
  /** Days, both included; UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The last snapshot of each period; `all` for every snapshot. Weeks begin on Monday. */
  readonly interval: Interval;
  /** Later snapshots are not seen. */
  readonly until: Date;
  /** What is asked of snapshots without course rows: those that have it are of use. */
  readonly carried: CarriedSlice;
  /** Home wikis that are asked for by name. */
  readonly homeWikis?: readonly string[] | undefined;
  /** Whether all of their totals are of use; without, only whether people are counted. */
  readonly withTotals: boolean;
}

export type TrendSnapshot = Pick<
  SnapshotRow,
  | 'snapshotId'
  | 'computedAt'
  | 'sourceKind'
  | 'definitionsVersion'
  | 'totals'
  | 'coverage'
  | 'hasCourseRows'
> & {
  readonly withdrawnSince: number;
  /** Whether its period is the one that the newest snapshot is in, so not over yet. */
  readonly partial: boolean;
};

/** The snapshots that a trend is of, in the order of time. */
export async function listTrendSnapshots(
  sql: Queryable,
  { from, to, interval, until, carried, homeWikis, withTotals }: TrendRange,
): Promise<TrendSnapshot[]> {
  const period =
    interval === 'all'
      ? sql`s.snapshot_id`
      : sql`date_trunc(${interval}::text, s.computed_at at time zone 'UTC')`;
  const wikis = homeWikis ?? null;
  const carriedCondition =
    carried === 'home wikis'
      ? sql`${homeWikis?.length ?? 1} <= (select count(*) from snapshot_groups g
          where g.snapshot_id = visible.snapshot_id and g.dimension = 'home_wiki'
            and (${wikis}::text[] is null or g.key = any(${wikis}::text[])))`
      : sql`${carried === 'whole'}`;
  return sql<TrendSnapshot[]>`
    with visible as (
      select s.*, ${period} as period from snapshots s where s.computed_at <= ${until}
    ), newest as (
      select period from visible order by computed_at desc, snapshot_id desc limit 1
    ), chosen as (
      select distinct on (period) * from visible
      where (${from ?? null}::date is null
          or computed_at >= ${from ?? null}::date::timestamp at time zone 'UTC')
        and (${to ?? null}::date is null
          or computed_at < (${to ?? null}::date + 1)::timestamp at time zone 'UTC')
        and (has_course_rows or ${carriedCondition})
      order by period, computed_at desc, snapshot_id desc
    )
    select c.snapshot_id as "snapshotId", c.computed_at as "computedAt",
      c.source_kind as "sourceKind", c.definitions_version as "definitionsVersion",
      case when ${withTotals} then c.totals
        else jsonb_build_object('editors', c.totals->'editors') end as totals,
      case when ${withTotals} then c.coverage else '{}'::jsonb end as coverage,
      c.has_course_rows as "hasCourseRows",
      coalesce(w.courses, 0) as "withdrawnSince",
      ${interval !== 'all'} and c.period = (select period from newest) as partial
    from chosen c left join snapshot_withdrawals w using (snapshot_id)
    order by c.computed_at, c.snapshot_id`;
}

/** The moment of every snapshot with rows up to the given one, at the place of its number. */
export async function listMoments(sql: Queryable, until: Date): Promise<(Date | null)[]> {
  const rows = await sql<{ snapshotId: number; computedAt: Date }[]>`
    select snapshot_id as "snapshotId", computed_at as "computedAt" from snapshots
    where has_course_rows and computed_at <= ${until} order by snapshot_id`;
  const moments: (Date | null)[] = [];
  for (const { snapshotId, computedAt } of rows) {
    while (moments.length < snapshotId - 1) moments.push(null);
    moments[snapshotId - 1] = computedAt;
  }
  return moments;
}
