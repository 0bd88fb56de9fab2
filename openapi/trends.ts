import { Type, type Static } from '@sinclair/typebox';
import type { MetricValues } from '../metrics/totals.ts';
import { Filters } from './filters.ts';
import { MetricCoverage, MetricDeltas, MetricTotals } from './metric-values.ts';
import { count, identifier, reference, timestamp, word } from './scalars.ts';
import { groupBy, SliceGroup, withdrawnSince } from './totals.ts';

/** Groups are shown with every item; their totals are long. */
const trendGroupLimit = 50;
/** Groups that an answer shows, over all of its items. */
const trendGroupsInAll = 5000;
/** Items of an answer at most. */
export const trendItemLimit = 5000;

/** How many groups are shown with each of so many items. */
export function groupsShown(items: number): number {
  return Math.max(1, Math.min(trendGroupLimit, Math.floor(trendGroupsInAll / Math.max(items, 1))));
}

export const TrendItem = Type.Object(
  {
    snapshot_id: identifier({ description: 'The last snapshot of the period.' }),
    computed_at: timestamp({ description: 'When it was computed, UTC.' }),
    partial: Type.Boolean({
      description: 'Whether its period is that of the newest snapshot, so may not be over.',
    }),
    withdrawn_since: withdrawnSince,
    totals: reference(MetricTotals),
    deltas: Type.Unsafe<MetricValues | null>({
      anyOf: [reference(MetricDeltas), { type: 'null' }],
      description:
        'Changes against the item before; null where there is none or where its source is of ' +
        'another kind.',
    }),
    coverage: reference(MetricCoverage),
    groups: Type.Unsafe<SliceGroup[] | null>({
      type: ['array', 'null'],
      items: reference(SliceGroup),
      description:
        'Of the groups that are shown, those with courses, by edits from the most down; null ' +
        'without group_by.',
    }),
  },
  {
    $id: 'TrendItem',
    description: 'A slice at one snapshot, as /v1/totals has it there.',
  },
);
export type TrendItem = Static<typeof TrendItem>;

/** One item a period, its last snapshot. */
export const trendIntervals = ['all', 'day', 'week', 'month', 'year'] as const;

export const Trends = Type.Object(
  {
    filters: reference(Filters),
    group_by: groupBy,
    interval: word(trendIntervals, { description: 'What a period is.' }),
    groups_left_out: count({
      description:
        `Groups that are not shown. At most ${trendGroupLimit} are, fewer with more than ` +
        `${trendGroupsInAll / trendGroupLimit} items: those with the most edits in the last item.`,
    }),
    items: Type.Array(reference(TrendItem), { description: 'In the order of time.' }),
  },
  {
    $id: 'Trends',
    description: 'A slice over snapshots. Periods without a snapshot have no item.',
  },
);
export type TrendsHead = Omit<Static<typeof Trends>, 'items'>;
