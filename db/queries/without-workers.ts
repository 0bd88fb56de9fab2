import type { Queryable } from '../connect.ts';

/** Has the rest of the transaction planned, and run, without parallel workers. */
export async function withoutWorkers(tx: Queryable): Promise<void> {
  await tx`set local max_parallel_workers_per_gather = 0`;
}
