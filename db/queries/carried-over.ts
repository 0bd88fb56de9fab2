import type { Queryable } from '../connect.ts';

/** A snapshot that was carried over from totals kept elsewhere. */
export interface CarriedOver {
  readonly snapshotId: number;
  readonly computedAt: Date;
}

/** Those of a kind, in the order of time. */
export async function listCarriedOver(sql: Queryable, sourceKind: string): Promise<CarriedOver[]> {
  return sql<CarriedOver[]>`
    select snapshot_id as "snapshotId", computed_at as "computedAt" from snapshots
    where source_kind = ${sourceKind} and not has_course_rows order by computed_at`;
}

/** When the first snapshot that was computed here was; undefined where there is none. */
export async function findFirstComputed(sql: Queryable): Promise<Date | undefined> {
  const [row] = await sql<{ first: Date | null }[]>`
    select min(computed_at) as first from snapshots where has_course_rows`;
  return row?.first ?? undefined;
}
