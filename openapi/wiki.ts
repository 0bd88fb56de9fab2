import { Type } from '@sinclair/typebox';
import type { MetricValues } from '../metrics/totals.ts';
import { MetricCoverage, MetricTotals } from './metric-values.ts';
import { nextCursorProperty } from './page.ts';
import { count, identifier, reference } from './scalars.ts';

export const Wiki = Type.Object(
  {
    wiki: Type.String({ description: 'Its domain: what the filter wiki takes.' }),
    totals: reference(MetricTotals),
    coverage: reference(MetricCoverage),
  },
  {
    $id: 'Wiki',
    description:
      'A wiki that courses track, with the totals of those courses at a snapshot. A course ' +
      'counts whole in each of its wikis.',
  },
);

export interface WikiBody {
  readonly wiki: string;
  readonly totals: MetricValues;
  readonly coverage: MetricValues;
}

export const WikiPage = Type.Object(
  {
    snapshot_id: identifier({ description: 'Of every page of the walk.' }),
    withdrawn_since: count({
      description:
        'How many of the snapshot’s courses are not public any more; where it is not 0, counts ' +
        'of people are null.',
    }),
    items: Type.Array(reference(Wiki), { description: 'In the order that was asked for.' }),
    next_cursor: nextCursorProperty,
  },
  { $id: 'WikiPage', description: 'Wikis, a page at a time.' },
);
