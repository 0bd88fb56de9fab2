import type { StoreAddress } from '../db/connect.ts';
import { purgeCourse, type PurgedStanding } from '../db/queries/purge-course.ts';
import { purgeWithdrawn } from '../db/queries/withdrawals.ts';
import { graceMilliseconds } from './publish-snapshot.ts';
import { asPublisher } from './publisher-session.ts';

export interface PurgeOptions {
  readonly address: StoreAddress;
  readonly signal: AbortSignal;
}

/** Erases the withdrawn courses that are past their grace; @returns how many. */
export function purgePastGrace(options: PurgeOptions, now: Date): Promise<number> {
  return asPublisher(options.address, options.signal, (sql) =>
    purgeWithdrawn(sql, new Date(now.getTime() - graceMilliseconds)),
  );
}

/**
 * Erases one withdrawn course at once.
 *
 * @returns what it was; of any but a withdrawn one nothing is erased
 */
export function purgeOne(options: PurgeOptions, courseId: number): Promise<PurgedStanding> {
  return asPublisher(options.address, options.signal, (sql) => purgeCourse(sql, courseId));
}
