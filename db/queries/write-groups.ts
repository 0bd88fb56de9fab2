import type { Queryable } from '../connect.ts';
import type { Dimension } from './dimensions.ts';

/** What is kept of one group of a snapshot. */
export interface GroupRow {
  /** Null for the courses that have none. */
  readonly key: string | null;
  readonly totals: Readonly<Record<string, number | null>>;
  readonly coverage: Readonly<Record<string, number | null>>;
}

const rowsAtOnce = 1000;

/** Keeps the groups of one dimension of a snapshot. */
export async function writeGroups(
  sql: Queryable,
  snapshotId: number,
  dimension: Dimension,
  groups: readonly GroupRow[],
): Promise<void> {
  for (let first = 0; first < groups.length; first += rowsAtOnce) {
    const rows = groups
      .slice(first, first + rowsAtOnce)
      .map((group) => ({ snapshot_id: snapshotId, dimension, ...group }));
    await sql`
      insert into snapshot_groups
      select * from jsonb_populate_recordset(null::snapshot_groups,
        ${JSON.stringify(rows)}::text::jsonb)`;
  }
}
