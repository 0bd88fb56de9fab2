import type { Queryable } from '../connect.ts';
import { countSlicePeople, peopleMetrics, type PeopleCounts } from './count-people.ts';
import type { Dimension } from './dimensions.ts';
import { hasFilters, none, sliceCondition, type Filters, type RowsAt } from './filters.ts';
import { readPublishedPeople, type SliceValues } from './published-people.ts';
import type { SnapshotRow } from './snapshots.ts';

/** Of people that were counted, every course is known: their coverage is how many there are. */
export type People = Pick<SliceValues, 'totals'> & Partial<SliceValues>;

/** People of a slice and of its groups; undefined where nobody knows. */
export interface SlicePeople {
  readonly whole: People | undefined;
  ofGroup(key: string | null): People | undefined;
}

export interface PeopleQuestion {
  readonly filters: Filters;
  readonly dimension?: Dimension | undefined;
  readonly snapshot: Pick<SnapshotRow, 'snapshotId' | 'totals' | 'coverage'>;
  readonly at: RowsAt;
}

/** Whether the source of a snapshot could tell people apart. */
export function countsPeople(totals: SnapshotRow['totals']): boolean {
  return (totals['editors'] ?? null) !== null;
}

/** Of the whole, from what was published. */
export function publishedPeople(snapshot: Pick<SnapshotRow, 'totals' | 'coverage'>): SliceValues {
  return {
    totals: Object.fromEntries(peopleMetrics.map((name) => [name, snapshot.totals[name] ?? null])),
    coverage: Object.fromEntries(
      peopleMetrics.map((name) => [name, snapshot.coverage[name] ?? null]),
    ),
  };
}

/** The group that a slice is, where it is exactly one. */
export function groupOfSlice(
  filters: Filters,
): { dimension: Dimension; key: string | null } | undefined {
  const names = Object.keys(filters) as (keyof Filters)[];
  const [name] = names;
  if (names.length !== 1 || name === undefined || !isDimension(name)) return undefined;
  const [value, ...others] = filters[name] ?? [];
  if (value === undefined || others.length > 0) return undefined;
  return { dimension: name, key: value === none && name !== 'status' ? null : value };
}

/** Whether a group of the slice is a group of the whole: its people were then published. */
export function isWholeGroup(filters: Filters, dimension: Dimension, key: string | null): boolean {
  if (!hasFilters(filters)) return true;
  if (Object.keys(filters).length !== 1 || !isDimension(dimension)) return false;
  return filters[dimension]?.includes(key ?? none) ?? false;
}

type NamedDimension = Exclude<Dimension, 'start_year'>;

function isDimension(name: string): name is NamedDimension {
  return ['campaign', 'wiki', 'home_wiki', 'type', 'status'].includes(name);
}

/**
 * Whether people of a slice are counted while its snapshot is the newest, so that they are
 * other ones, or not known, afterwards.
 */
export async function isTiedToNewest(
  sql: Queryable,
  { filters, dimension, snapshot }: Omit<PeopleQuestion, 'at'>,
): Promise<boolean> {
  if (!countsPeople(snapshot.totals)) return false;
  const group = groupOfSlice(filters);
  if (hasFilters(filters) && (dimension !== undefined || group === undefined)) return true;
  if ((group?.dimension ?? dimension) !== 'campaign') return false;
  const key = group === undefined ? [] : [group.key];
  const published = await readPublishedPeople(sql, [], 'campaign', key);
  return published.changedSince(snapshot.snapshotId);
}

/**
 * People of a snapshot whose courses are all still public and whose source told people
 * apart: as published of the whole and of its groups; counted now for any slice of the newest
 * snapshot. Who was in which course before is not kept, so of other slices nobody knows.
 */
export async function readSlicePeople(
  sql: Queryable,
  { filters, dimension, snapshot, at }: PeopleQuestion,
): Promise<SlicePeople> {
  const slice = sliceCondition(sql, filters, at);
  const count = (by: Dimension | '') => countSlicePeople(sql, by, at.computedAt, slice);

  async function readWhole(): Promise<People | undefined> {
    if (!hasFilters(filters)) return publishedPeople(snapshot);
    const group = groupOfSlice(filters);
    if (group !== undefined) {
      const ids = [at.snapshotId];
      const published = await readPublishedPeople(sql, ids, group.dimension, [group.key]);
      const people = published.of(at.snapshotId, group.key);
      if (people !== undefined) return people;
    }
    if (!at.isLatest) return undefined;
    return peopleOf((await count(''))[0]);
  }

  const whole = await readWhole();
  if (dimension === undefined) return { whole, ofGroup: () => undefined };
  const published = await readPublishedPeople(sql, [at.snapshotId], dimension);
  if (at.isLatest && (hasFilters(filters) || published.changedSince(at.snapshotId))) {
    const counted = new Map((await count(dimension)).map((row) => [row.key, row]));
    return { whole, ofGroup: (key) => peopleOf(counted.get(key)) };
  }
  return {
    whole,
    ofGroup: (key) =>
      isWholeGroup(filters, dimension, key) ? published.of(at.snapshotId, key) : undefined,
  };
}

function peopleOf(row: PeopleCounts | undefined): People {
  return { totals: Object.fromEntries(peopleMetrics.map((name) => [name, row?.[name] ?? 0])) };
}
