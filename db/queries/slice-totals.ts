import type { Queryable } from '../connect.ts';
import { carriedSlice, readCarriedGroups, togetherOf } from './carried-groups.ts';
import { computeGroupTotals } from './compute-group-totals.ts';
import { splitTotals, totalsColumns, type StoredTotals } from './compute-totals.ts';
import type { Dimension } from './dimensions.ts';
import { hasFilters, sliceCondition, type Filters, type RowsAt } from './filters.ts';
import { nobody, type SliceValues } from './published-people.ts';
import { countsPeople, readSlicePeople, type People } from './slice-people.ts';
import type { SnapshotRow } from './snapshots.ts';
import { findWithdrawnSince } from './withdrawn-since.ts';

export interface SliceQuestion {
  readonly filters: Filters;
  readonly dimension?: Dimension | undefined;
  readonly snapshot: SnapshotRow;
  readonly at: RowsAt;
}

export interface SliceTotals {
  readonly withdrawnSince: number;
  readonly whole: SliceValues;
  /** By edits, from the most down, then by key; null where nothing is grouped by. */
  readonly groups: readonly SliceGroup[] | null;
}

export interface SliceGroup extends SliceValues {
  /** Null for the courses that have none. */
  readonly key: string | null;
}

/** Whether it is the whole that is asked for, as it was published. */
function isWhole({ filters, dimension }: Pick<SliceQuestion, 'filters' | 'dimension'>) {
  return !hasFilters(filters) && dimension === undefined;
}

/** Whether a snapshot without course rows has what is asked for. */
export async function hasCarried(
  sql: Queryable,
  question: Pick<SliceQuestion, 'filters' | 'dimension' | 'snapshot'>,
): Promise<boolean> {
  const { filters, dimension, snapshot } = question;
  const carried = carriedSlice(filters, dimension);
  if (carried !== 'home wikis') return carried === 'whole';
  const { snapshotId } = snapshot;
  const groups = await readCarriedGroups(sql, [snapshotId], filters.home_wiki);
  // Every wiki that is asked for: a sum without one of them would be too small.
  return (groups.get(snapshotId)?.size ?? 0) >= (filters.home_wiki?.length ?? 1);
}

/**
 * Totals of a slice and of its groups, over the rows of the courses that are still public; of a
 * snapshot without rows, as they were carried over: the whole, and its home wikis.
 */
export async function readSliceTotals(
  sql: Queryable,
  question: SliceQuestion,
): Promise<SliceTotals> {
  const { filters, dimension, snapshot, at } = question;
  if (!snapshot.hasCourseRows) return readCarriedTotals(sql, question);
  const withdrawnSince = await findWithdrawnSince(sql, at.snapshotId);
  const asPublished = !hasFilters(filters) && withdrawnSince === 0;
  const rows = asPublished ? snapshot : await computeSliceTotals(sql, filters, at);
  const peopleAreKnown = countsPeople(snapshot.totals) && withdrawnSince === 0;
  if (isWhole(question)) return { withdrawnSince, whole: rows, groups: null };

  const groups =
    dimension === undefined ? undefined : await computeGroupTotals(sql, dimension, at, filters);
  const people = peopleAreKnown ? await readSlicePeople(sql, question) : undefined;
  const whole = asPublished ? rows : withPeople(rows, peopleAreKnown, people?.whole);
  if (groups === undefined) return { withdrawnSince, whole, groups: null };
  return {
    withdrawnSince,
    whole,
    groups: [...groups]
      .map(([key, totals]) => ({
        key,
        ...withPeople(totals, peopleAreKnown, people?.ofGroup(key)),
      }))
      .sort(byEdits),
  };
}

async function readCarriedTotals(
  sql: Queryable,
  { filters, dimension, snapshot }: SliceQuestion,
): Promise<SliceTotals> {
  const { snapshotId } = snapshot;
  const carried =
    carriedSlice(filters, dimension) === 'home wikis'
      ? await readCarriedGroups(sql, [snapshotId], filters.home_wiki)
      : undefined;
  const ofWikis = [...(carried?.get(snapshotId) ?? [])];
  const groups = ofWikis.map(([key, values]) => ({ key, ...values })).sort(byEdits);
  return {
    withdrawnSince: 0,
    whole: hasFilters(filters) ? togetherOf(ofWikis.map(([, values]) => values)) : snapshot,
    groups: dimension === undefined ? null : groups,
  };
}

async function computeSliceTotals(
  sql: Queryable,
  filters: Filters,
  at: RowsAt,
): Promise<StoredTotals> {
  const [row] = await sql<[Record<string, number | null>]>`
    select ${totalsColumns(sql, at.computedAt)} from course_versions v
    where ${sliceCondition(sql, filters, at)}`;
  return splitTotals(row);
}

/** In no course at all there is nobody, whoever was in the others. */
export function withPeople(
  rows: SliceValues,
  areKnown: boolean,
  people: People | undefined,
): SliceValues {
  const courses = rows.totals['courses'] ?? 0;
  const known = areKnown && courses === 0 ? nobody : people;
  if (known === undefined) return rows;
  const coverage =
    known.coverage ?? Object.fromEntries(Object.keys(known.totals).map((name) => [name, courses]));
  return {
    totals: { ...rows.totals, ...known.totals },
    coverage: { ...rows.coverage, ...coverage },
  };
}

/**
 * The most edits first, what has none known last; then by key, as PostgreSQL has it in the
 * collation C, that of having none last.
 */
export function byEdits(a: SliceGroup, b: SliceGroup): number {
  const difference = (b.totals['edits'] ?? -1) - (a.totals['edits'] ?? -1);
  if (difference !== 0) return difference;
  if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}
