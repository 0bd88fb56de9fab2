import type { Queryable } from '../connect.ts';
import { splitTotals, totalsColumns, type StoredTotals } from './compute-totals.ts';
import { groupJoin, type Dimension } from './dimensions.ts';
import { sliceCondition, type Filters, type RowsAt } from './filters.ts';

/**
 * Totals of every group of a dimension over the rows of a slice of a snapshot, in one reading; null is
 * the key of the courses that have none. Counts of people are not among them.
 */
export async function computeGroupTotals(
  sql: Queryable,
  dimension: Dimension,
  at: RowsAt,
  filters: Filters = {},
): Promise<Map<string | null, StoredTotals>> {
  const rows = await sql<({ key: string | null } & Record<string, number | null>)[]>`
    select g.key, ${totalsColumns(sql, at.computedAt)}
    from course_versions v ${groupJoin(sql, dimension, at.computedAt)}
    where ${sliceCondition(sql, filters, at)}
    group by g.key`;
  return new Map(rows.map(({ key, ...totals }) => [key, splitTotals(totals)]));
}
