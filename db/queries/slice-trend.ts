import type { Queryable } from '../connect.ts';
import { splitTotals, sumNames } from './compute-totals.ts';
import {
  carriedSlice,
  readCarriedGroups,
  togetherOf,
  type CarriedGroups,
} from './carried-groups.ts';
import { countTrendRows } from './count-trend-rows.ts';
import type { Dimension } from './dimensions.ts';
import { hasFilters, type Filters, type RowsAt } from './filters.ts';
import { readPublishedPeople, type SliceValues } from './published-people.ts';
import { rankGroups } from './rank-groups.ts';
import {
  countsPeople,
  groupOfSlice,
  isWholeGroup,
  publishedPeople,
  readSlicePeople,
  type SlicePeople,
} from './slice-people.ts';
import { byEdits, withPeople } from './slice-totals.ts';
import { listMoments, type TrendSnapshot } from './trend-snapshots.ts';
import { listTrendSteps, stepValues, streamTrendSteps, type TrendStep } from './trend-steps.ts';

export interface SliceTrendQuestion {
  readonly filters: Filters;
  readonly dimension?: Dimension | undefined;
  /** Those with rows, and those carried over that have what is asked for. */
  readonly snapshots: readonly TrendSnapshot[];
  /** Groups that are shown at most. */
  readonly groups: number;
  /** The newest snapshot. */
  readonly at: RowsAt;
}

export interface SliceTrendItem {
  readonly snapshot: TrendSnapshot;
  readonly whole: SliceValues;
  readonly groups: readonly ({ readonly key: string | null } & SliceValues)[] | null;
}

export interface SliceTrend {
  /** The keys of the groups that are shown. */
  readonly keys: readonly (string | null)[];
  readonly groupsLeftOut: number;
  /** One after the other, in the order of time; once. */
  readonly items: Iterable<SliceTrendItem>;
}

/** Totals of a slice, and of its largest groups, at each of several snapshots. */
export async function readSliceTrend(
  sql: Queryable,
  question: SliceTrendQuestion,
): Promise<SliceTrend> {
  const { filters, dimension, snapshots, at } = question;
  const places = snapshots.filter((snapshot) => snapshot.hasCourseRows);
  const slice = { filters, places, moments: await listMoments(sql, at.computedAt) };
  const isPublished = (snapshot: TrendSnapshot) =>
    !hasFilters(filters) && (snapshot.withdrawnSince === 0 || !snapshot.hasCourseRows);

  const whole = places.every(isPublished) ? [] : await listTrendSteps(sql, slice);
  const carriedIds =
    carriedSlice(filters, dimension) === 'home wikis'
      ? snapshots.filter(({ hasCourseRows }) => !hasCourseRows).map(({ snapshotId }) => snapshotId)
      : [];
  const { keys, leftOut } =
    dimension === undefined
      ? { keys: [], leftOut: 0 }
      : await rankGroups(sql, { ...slice, dimension }, question.groups, carriedIds);
  const carried = await readCarried(sql, question, carriedIds, keys);
  const groups =
    keys.length === 0 || places.length === 0
      ? []
      : await listTrendSteps(sql, { ...slice, dimension, keys });
  const people = await readPeople(sql, question, keys);

  function* items(): Generator<SliceTrendItem> {
    const wholeSeries = new Series(whole);
    const steps = new Map(keys.map((key): [string | null, TrendStep[]] => [key, []]));
    for (const step of groups) steps.get(step.key)?.push(step);
    const series = keys.map((key) => ({ key, series: new Series(steps.get(key) ?? []) }));
    let place = 0;
    for (const snapshot of snapshots) {
      const carriedItem = carried(snapshot);
      if (carriedItem !== undefined) {
        yield carriedItem;
        continue;
      }
      if (snapshot.hasCourseRows) place += 1;
      const areKnown = peopleAreKnown(snapshot);
      const known = people(snapshot);
      const rows = wholeSeries.at(place);
      yield {
        snapshot,
        whole: isPublished(snapshot) ? snapshot : withPeople(rows, areKnown, known.whole),
        groups:
          dimension === undefined
            ? null
            : series
                .map(({ key, series }) => ({ key, values: series.at(place) }))
                .filter(({ values }) => values.totals['courses'] !== 0)
                .map(({ key, values }) => ({
                  key,
                  ...withPeople(values, areKnown, known.ofGroup(key)),
                }))
                .sort(byEdits),
      };
    }
  }
  return { keys, groupsLeftOut: leftOut, items: items() };
}

/** The items of snapshots that home-wiki groups were carried over with; undefined of others. */
async function readCarried(
  sql: Queryable,
  { filters, dimension }: SliceTrendQuestion,
  ids: readonly number[],
  keys: readonly (string | null)[],
) {
  const asked = filters.home_wiki ?? [];
  const shown = keys.filter((key) => key !== null);
  const groups =
    ids.length === 0
      ? undefined
      : await readCarriedGroups(sql, ids, [...new Set([...asked, ...shown])]);
  return (snapshot: TrendSnapshot): SliceTrendItem | undefined => {
    if (groups === undefined || snapshot.hasCourseRows) return undefined;
    const ofSnapshot = groups.get(snapshot.snapshotId);
    const of = (wikis: readonly string[]) =>
      wikis.flatMap((key) => {
        const values = ofSnapshot?.get(key);
        return values === undefined ? [] : [{ key, ...values }];
      });
    return {
      snapshot,
      whole: asked.length === 0 ? snapshot : togetherOf(of(asked)),
      groups: dimension === undefined ? null : of(shown).sort(byEdits),
    };
  };
}

export interface TrendGroups {
  readonly snapshot: TrendSnapshot;
  /** Those with courses, by edits from the most down. */
  readonly groups: readonly Group[];
}

interface Group extends SliceValues {
  readonly key: string | null;
}

/** How many groups `streamTrendGroups` gives, over all snapshots. */
export async function countTrendGroups(sql: Queryable, question: GroupedTrend): Promise<number> {
  const { filters, dimension, snapshots } = question;
  const places = snapshots.filter((snapshot) => snapshot.hasCourseRows);
  const counted =
    places.length === 0 ? 0 : await countTrendRows(sql, { filters, dimension, places });
  const carried = await carriedGroups(sql, question);
  return [...carried.values()].reduce((sum, groups) => sum + groups.size, counted);
}

type GroupedTrend = Pick<SliceTrendQuestion, 'filters' | 'snapshots'> & {
  readonly dimension: Dimension;
};

/** Those that snapshots without rows were carried over with. */
async function carriedGroups(
  sql: Queryable,
  { filters, snapshots }: GroupedTrend,
): Promise<CarriedGroups> {
  const ids = snapshots.filter((one) => !one.hasCourseRows).map(({ snapshotId }) => snapshotId);
  return ids.length === 0 ? new Map() : readCarriedGroups(sql, ids, filters.home_wiki);
}

/**
 * Every group of a slice at each of several snapshots, in the order of time. In memory are the
 * groups of one moment, and those that were carried over. In a transaction.
 */
export async function* streamTrendGroups(
  tx: Queryable,
  question: GroupedTrend & Pick<SliceTrendQuestion, 'at'>,
): AsyncGenerator<TrendGroups> {
  const { filters, dimension, snapshots, at } = question;
  const last = snapshots.at(-1);
  const ofLast =
    last !== undefined && isCounted(last, at)
      ? await readSlicePeople(tx, { filters, dimension, snapshot: last, at })
      : undefined;
  const peopleAt = async (snapshot: TrendSnapshot): Promise<SlicePeople> => {
    if (!peopleAreKnown(snapshot)) return unknownPeople;
    if (ofLast !== undefined && snapshot === last) return ofLast;
    if (!hasWholeGroups(filters, dimension)) return unknownPeople;
    const published = await readPublishedPeople(tx, [snapshot.snapshotId], dimension);
    return {
      whole: undefined,
      ofGroup: (key) =>
        isWholeGroup(filters, dimension, key) ? published.of(snapshot.snapshotId, key) : undefined,
    };
  };
  const moments = await listMoments(tx, at.computedAt);
  const places = snapshots.filter((snapshot) => snapshot.hasCourseRows);
  const carried = await carriedGroups(tx, question);
  const steps = streamTrendSteps(tx, { filters, dimension, places, moments });
  const current = new Map<string | null, SliceValues>();
  let step = places.length === 0 ? undefined : await steps.next();
  let place = 0;
  for (const snapshot of snapshots) {
    if (!snapshot.hasCourseRows) {
      const groups = [...(carried.get(snapshot.snapshotId) ?? [])];
      yield { snapshot, groups: groups.map(([key, values]) => ({ key, ...values })).sort(byEdits) };
      continue;
    }
    place += 1;
    while (step !== undefined && step.done !== true && step.value.place <= place) {
      const values = valuesOf(stepValues(step.value));
      if (values.totals['courses'] === 0) current.delete(step.value.key);
      else current.set(step.value.key, values);
      step = await steps.next();
    }
    const areKnown = peopleAreKnown(snapshot);
    const people = await peopleAt(snapshot);
    yield {
      snapshot,
      groups: [...current]
        .map(([key, values]) => ({ key, ...withPeople(values, areKnown, people.ofGroup(key)) }))
        .sort(byEdits),
    };
  }
}

/** Whether its people are counted from the enrolments, which are those of the newest. */
function isCounted(snapshot: TrendSnapshot, at: RowsAt): boolean {
  return at.isLatest && snapshot.snapshotId === at.snapshotId && peopleAreKnown(snapshot);
}

/** Whether any of its groups can be a group of the whole. */
function hasWholeGroups(filters: Filters, dimension: Dimension): boolean {
  const names = Object.keys(filters);
  return names.length === 0 || (names.length === 1 && names[0] === dimension);
}

function peopleAreKnown({ totals, withdrawnSince }: TrendSnapshot): boolean {
  return withdrawnSince === 0 && countsPeople(totals);
}

const unknownPeople: SlicePeople = { whole: undefined, ofGroup: () => undefined };

/** As `readSlicePeople` has them, of every snapshot. */
async function readPeople(
  sql: Queryable,
  { filters, dimension, snapshots, at }: SliceTrendQuestion,
  keys: readonly (string | null)[],
) {
  const known = snapshots.filter(peopleAreKnown);
  const ids = known.map(({ snapshotId }) => snapshotId);
  const last = known.find(({ snapshotId }) => at.isLatest && snapshotId === at.snapshotId);
  const ofLast =
    last === undefined || (!hasFilters(filters) && dimension === undefined)
      ? undefined
      : await readSlicePeople(sql, { filters, dimension, snapshot: last, at });
  const group = groupOfSlice(filters);
  const ofSlice =
    group === undefined
      ? undefined
      : await readPublishedPeople(sql, ids, group.dimension, [group.key]);
  const ofGroups =
    dimension === undefined ? undefined : await readPublishedPeople(sql, ids, dimension, keys);
  return (snapshot: TrendSnapshot): SlicePeople => {
    if (!peopleAreKnown(snapshot)) return unknownPeople;
    const { snapshotId } = snapshot;
    if (ofLast !== undefined && snapshotId === at.snapshotId) return ofLast;
    return {
      whole: hasFilters(filters)
        ? ofSlice?.of(snapshotId, group?.key ?? null)
        : publishedPeople(snapshot),
      ofGroup: (key: string | null) =>
        dimension !== undefined && isWholeGroup(filters, dimension, key)
          ? ofGroups?.of(snapshotId, key)
          : undefined,
    };
  };
}

/** The steps of one group, read from place to place. */
class Series {
  readonly #steps: readonly TrendStep[];
  #next = 0;
  #values: SliceValues = valuesOf({});

  constructor(steps: readonly TrendStep[]) {
    this.#steps = steps;
  }

  /** At a place that is not before the one asked for last. */
  at(place: number): SliceValues {
    let step = this.#steps[this.#next];
    while (step !== undefined && step.place <= place) {
      this.#values = valuesOf(stepValues(step));
      this.#next += 1;
      step = this.#steps[this.#next];
    }
    return this.#values;
  }
}

/** Over no courses a sum is 0; over courses none of which has a value it is null. */
function valuesOf(row: Record<string, number | null>): SliceValues {
  row['courses'] ??= 0;
  for (const [name, column] of sumNames) {
    if (row['courses'] === 0) row[name] = 0;
    else if ((row[column] ?? 0) === 0) row[name] = null;
  }
  row['active_courses'] ??= 0;
  row['archived_courses'] ??= 0;
  return splitTotals(row);
}
