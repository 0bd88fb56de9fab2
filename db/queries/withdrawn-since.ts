import type { Queryable } from '../connect.ts';

/** How many of a snapshot's courses are not public any more. */
export async function findWithdrawnSince(sql: Queryable, snapshotId: number): Promise<number> {
  const [row] = await sql<{ courses: number }[]>`
    select courses from snapshot_withdrawals where snapshot_id = ${snapshotId}`;
  return row?.courses ?? 0;
}
