import { isAdditive, metrics } from '../../metrics/registry.ts';
import type { Queryable } from '../connect.ts';
import type { Dimension } from './dimensions.ts';
import { hasFilters, none, type Filters } from './filters.ts';
import type { SliceValues } from './published-people.ts';

/**
 * What snapshots that were carried over have of a slice, which is not made of course rows:
 * `whole` totals, those of `home wikis`, or `nothing`.
 */
export type CarriedSlice = 'whole' | 'home wikis' | 'nothing';

export function carriedSlice(filters: Filters, dimension: Dimension | undefined): CarriedSlice {
  if (!hasFilters(filters) && dimension === undefined) return 'whole';
  const asksElse = Object.keys(filters).some((name) => name !== 'home_wiki');
  const groupsElse = dimension !== undefined && dimension !== 'home_wiki';
  // Of the courses without a home wiki they have nothing.
  return asksElse || groupsElse || filters.home_wiki?.includes(none) === true
    ? 'nothing'
    : 'home wikis';
}

/** The totals of home wikis by snapshot, then by wiki, as they were carried over. */
export type CarriedGroups = ReadonlyMap<number, ReadonlyMap<string, SliceValues>>;

export async function readCarriedGroups(
  sql: Queryable,
  snapshotIds: readonly number[],
  wikis?: readonly string[],
): Promise<CarriedGroups> {
  const rows = await sql<{ snapshotId: number; key: string; totals: SliceValues['totals'] }[]>`
    select snapshot_id as "snapshotId", key, totals from snapshot_groups
    where snapshot_id = any(${snapshotIds}::bigint[]) and dimension = 'home_wiki'
      and (${wikis ?? null}::text[] is null or key = any(${wikis ?? null}::text[]))`;
  const groups = new Map<number, Map<string, SliceValues>>();
  for (const { snapshotId, key, totals } of rows) {
    const ofSnapshot = groups.get(snapshotId) ?? new Map<string, SliceValues>();
    groups.set(snapshotId, ofSnapshot.set(key, { totals, coverage: unknownCoverage }));
  }
  return groups;
}

/** Nobody knows how many courses had a value. */
const unknownCoverage: SliceValues['coverage'] = Object.fromEntries(
  metrics.map(({ name }) => [name, null]),
);

/** Of several wikis together: what adds up, where each of them has it. */
export function togetherOf(groups: readonly SliceValues[]): SliceValues {
  const [first, ...others] = groups;
  if (first !== undefined && others.length === 0) return first;
  const totals = metrics.filter(isAdditive).map(({ name }) => {
    const values = groups.map((group) => group.totals[name] ?? null);
    const sum = values.reduce<number>((all, value) => all + (value ?? NaN), 0);
    return [name, Number.isSafeInteger(sum) ? sum : null] as const;
  });
  return { totals: Object.fromEntries(totals), coverage: unknownCoverage };
}
