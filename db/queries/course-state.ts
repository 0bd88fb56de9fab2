import { sumMetrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import { identifiers } from '../fragments.ts';

/** The columns that make up a course's state: what change detection compares. */
export const stateColumns: readonly string[] = [
  'slug',
  'title',
  'institution',
  'term',
  'type',
  'home_wiki',
  'wikis',
  'campaign_ids',
  'start_at',
  'end_at',
  'created_at',
  'new_or_returning',
  ...sumMetrics.map((metric) => metric.name),
];

/** The state's columns under a table's alias, as a list for a select or a row comparison. */
export function stateOf(sql: Queryable, alias: string) {
  return identifiers(
    sql,
    stateColumns.map((column) => `${alias}.${column}`),
  );
}
