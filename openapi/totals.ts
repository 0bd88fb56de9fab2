import { Type, type Static } from '@sinclair/typebox';
import { completeCoverage, completeTotals, type MetricValues } from '../metrics/totals.ts';
import { Filters } from './filters.ts';
import { MetricCoverage, MetricTotals } from './metric-values.ts';
import { count, identifier, nullableString, reference, timestamp } from './scalars.ts';

export const withdrawnSince = count({
  description:
    'How many of the snapshot’s courses, of the whole snapshot, are not public any more; where ' +
    'it is not 0, counts of people are null.',
});

export const groupBy = nullableString({ description: 'What the groups are by; null for none.' });

export const SliceGroup = Type.Object(
  {
    key: nullableString({
      description: 'The value that a filter takes; null for the courses that have none.',
    }),
    label: nullableString({ description: 'For people: of a campaign, its title.' }),
    totals: reference(MetricTotals),
    coverage: reference(MetricCoverage),
  },
  { $id: 'SliceGroup', description: 'One group of a slice.' },
);
export type SliceGroup = Static<typeof SliceGroup>;

const totalsFields = {
  snapshot_id: identifier({ description: 'The snapshot that the answer is of.' }),
  computed_at: timestamp({ description: 'When it was computed, UTC.' }),
  withdrawn_since: withdrawnSince,
  filters: reference(Filters),
  group_by: groupBy,
  additive: Type.Boolean({
    description:
      'Whether the sums of the groups add up to the totals: not by wiki and campaign, where a ' +
      'course counts whole in each of its groups. Counts of people never do.',
  }),
  totals: reference(MetricTotals),
  coverage: reference(MetricCoverage),
};

export const Totals = Type.Object(
  {
    ...totalsFields,
    groups: Type.Unsafe<SliceGroup[] | null>({
      type: ['array', 'null'],
      items: reference(SliceGroup),
      description: 'By edits, from the most down, then by key; null without group_by.',
    }),
  },
  {
    $id: 'Totals',
    description: 'Totals of a slice at a snapshot, over the courses that are still public.',
  },
);
export type TotalsHead = Omit<Static<typeof Totals>, 'groups'>;

type Values = Readonly<Record<string, number | null>>;

/** Values as the store has them, completed for a definitions version. */
export function completed(
  version: number,
  stored: { readonly totals: Values; readonly coverage: Values },
): { totals: MetricValues; coverage: MetricValues } {
  return {
    totals: completeTotals(version, stored.totals),
    coverage: completeCoverage(version, stored.coverage),
  };
}
