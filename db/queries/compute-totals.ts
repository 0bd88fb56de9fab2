import { isAdditive, metrics, sumMetrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { commaSeparated, type Fragment } from '../fragments.ts';

/** Totals and coverage as they are stored: by metric name, without the derived ones. */
export interface StoredTotals {
  readonly totals: Record<string, number | null>;
  readonly coverage: Record<string, number>;
}

export const coverageSuffix = '__coverage';

/**
 * The aggregates of kinds `sum` and `count` over course versions: a sum skips nulls; over
 * no rows it is 0, over rows none of which has a value it is null. A sum beyond what JSON
 * holds exactly, which one absurd number at the source can make, is null too.
 */
export function totalsColumns(sql: Queryable, computedAt: Date): Fragment {
  const columns = metrics.flatMap((metric) => {
    if (metric.kind === 'count') {
      return metric.status === undefined
        ? [sql`count(*) as ${sql(metric.name)}`]
        : [
            sql`count(*) filter (where course_status(start_at, end_at, ${computedAt})
              = ${metric.status}) as ${sql(metric.name)}`,
          ];
    }
    if (metric.kind !== 'sum') return [];
    const column = sql(metric.name);
    return [
      sql`(case when count(*) = 0 then 0
        when abs(sum(${column})) <= ${Number.MAX_SAFE_INTEGER} then sum(${column})
        end)::bigint as ${column}`,
      sql`count(${column}) as ${sql(metric.name + coverageSuffix)}`,
    ];
  });
  return commaSeparated(sql, columns);
}

const countNames = metrics.flatMap(({ kind, name }) => (kind === 'count' ? name : []));
const additiveNames = metrics.filter(isAdditive).map(({ name }) => name);
/**
 * Each with the column that says how many courses have a value. To put its name together anew for
 * every row was a quarter of what a wide trend takes of the one thread.
 */
export const sumNames = sumMetrics.map(({ name }) => [name, name + coverageSuffix] as const);

/** Takes the columns of `totalsColumns` apart; of a count, every course has a value. */
export function splitTotals(row: Readonly<Record<string, number | null>>): StoredTotals {
  const totals: Record<string, number | null> = {};
  const coverage: Record<string, number> = {};
  const courses = row['courses'] ?? 0;
  for (const name of countNames) coverage[name] = courses;
  for (const [name, column] of sumNames) coverage[name] = row[column] ?? 0;
  for (const name of additiveNames) totals[name] = row[name] ?? null;
  return { totals, coverage };
}

/** Over no courses, sums are 0. */
export const noCourses: StoredTotals = splitTotals(
  Object.fromEntries(metrics.filter(isAdditive).map(({ name }) => [name, 0])),
);

/** Totals over the current versions: those of the snapshot that is being published. */
export async function computeCurrentTotals(
  sql: Queryable,
  computedAt: Date,
): Promise<StoredTotals> {
  const [row] = await sql<[Record<string, number | null>]>`
    select ${totalsColumns(sql, computedAt)} from course_versions where valid_to is null`;
  return splitTotals(row);
}
