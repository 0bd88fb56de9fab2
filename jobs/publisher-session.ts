import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Sql, type StoreAddress } from '../db/connect.ts';
import { lockPublishing } from '../db/queries/store.ts';

/** A connection of its own for what changes the store, without a limit on its statements. */
export function connectPublisher(address: StoreAddress): Sql {
  return connect(address, {
    max: 1,
    applicationName: 'dashboard-open-data publisher',
    statementTimeout: 0,
  });
}

/** Milliseconds between two looks at whether another publisher has ended. */
const lockPatience = 250;

/** Taking a lock that the session has already is no harm: it is let go with the session. */
export async function waitForLock(sql: Sql, signal: AbortSignal): Promise<void> {
  while (!(await lockPublishing(sql))) await delay(lockPatience, undefined, { signal });
}

/** Works on the store while no publisher does: waits for one to end, and keeps others out. */
export async function asPublisher<Result>(
  address: StoreAddress,
  signal: AbortSignal,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  const sql = connectPublisher(address);
  try {
    await waitForLock(sql, signal);
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
