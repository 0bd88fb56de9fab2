import type { Queryable } from '../../db/connect.ts';
import { insertSnapshot, type SnapshotRow } from '../../db/queries/snapshots.ts';

/** Totals that the Dashboard kept itself, as a snapshot that has no rows behind it. */
export async function carryOver(
  sql: Queryable,
  day: string,
  given: Pick<SnapshotRow, 'snapshotId' | 'totals' | 'coverage'>,
): Promise<void> {
  const moment = new Date(day);
  await insertSnapshot(sql, {
    ...given,
    computedAt: moment,
    sourceKind: 'dashboard_system_stats',
    sourceReadAt: moment,
    definitionsVersion: 1,
    previousSnapshotId: null,
    added: null,
    changed: null,
    withdrawn: null,
    hasCourseRows: false,
  });
}
