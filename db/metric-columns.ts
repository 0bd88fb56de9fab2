import { sumMetrics } from '../metrics/registry.ts';
import type { Queryable } from './connect.ts';

const tables = ['course_versions', 'withdrawn_course_versions'] as const;

/**
 * Gives every metric of kind `sum` its column. A metric that is new to the registry starts
 * as null in the versions already written: it was not collected then.
 */
export async function addMetricColumns(sql: Queryable): Promise<void> {
  for (const table of tables) {
    const present = await sql<{ columnName: string }[]>`
      select attname as "columnName" from pg_attribute
      where attrelid = ${table}::regclass and attnum > 0 and not attisdropped`;
    const names = new Set(present.map((row) => row.columnName));
    for (const metric of sumMetrics) {
      if (names.has(metric.name)) continue;
      await sql`alter table ${sql(table)} add column ${sql(metric.name)} bigint`;
    }
  }
}
