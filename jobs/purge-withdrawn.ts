import type { StoreAddress } from '../db/connect.ts';
import { purgeCourse, type PurgedStanding } from '../db/queries/purge-course.ts';
import { failAbandonedRuns } from '../db/queries/job-runs.ts';
import { lockPublishing } from '../db/queries/store.ts';
import { erasePastGrace } from '../db/queries/withdrawals.ts';
import {
  alone,
  asPublisher,
  connectPublisher,
  type PublisherOptions,
} from './publisher-session.ts';

/** Erases the withdrawn courses that are past their grace; @returns how many. */
export function purgePastGrace(options: PublisherOptions): Promise<number> {
  return asPublisher(options, (sql) => alone(sql, (tx) => erasePastGrace(tx, options.clock())));
}

/**
 * The same without waiting for a publisher that is at work, which does it itself.
 *
 * @returns how many; undefined where one is
 */
export async function purgeUnlessPublishing(
  address: StoreAddress,
  now: Date,
): Promise<number | undefined> {
  const sql = connectPublisher(address);
  try {
    if (!(await lockPublishing(sql))) return undefined;
    return await alone(sql, async (tx) => {
      await failAbandonedRuns(tx, now);
      return erasePastGrace(tx, now);
    });
  } finally {
    await sql.end();
  }
}

/**
 * Erases one withdrawn course at once.
 *
 * @returns what it was; of any but a withdrawn one nothing is erased
 */
export function purgeOne(options: PublisherOptions, courseId: number): Promise<PurgedStanding> {
  return asPublisher(options, (sql) => alone(sql, (tx) => purgeCourse(tx, courseId)));
}
