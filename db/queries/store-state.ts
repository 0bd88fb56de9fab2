import type { Queryable } from '../connect.ts';

/** What decides whether an answer made of rows is still the answer. */
export interface StoreState {
  readonly revision: number;
  readonly revisedAt: Date | null;
  /** The snapshot with the greatest `computed_at`; null before the first. */
  readonly latestId: number | null;
  /** The snapshot that was written last, which may be of an earlier moment. */
  readonly newestId: number | null;
}

/** As SQL without parameters. */
const storeState = `
  select revision, revised_at as "revisedAt",
    (select snapshot_id from snapshots
      order by computed_at desc, snapshot_id desc limit 1) as "latestId",
    (select max(snapshot_id) from snapshots) as "newestId"
  from store`;

export async function readStoreState(sql: Queryable): Promise<StoreState> {
  const [row] = await sql<[StoreState]>`${sql.unsafe(storeState)}`;
  return row;
}

/** The same as one JSON value, whose moment is a text. */
export const storeStateAsJson = `select row_to_json(state) from (${storeState}) state`;

/** When the snapshot after the one of the given moment was computed; undefined of the last. */
export async function findNextMoment(sql: Queryable, computedAt: Date): Promise<Date | undefined> {
  const [row] = await sql<{ next: Date }[]>`
    select computed_at as next from snapshots where computed_at > ${computedAt}
    order by computed_at limit 1`;
  return row?.next;
}
