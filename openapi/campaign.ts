import { Type } from '@sinclair/typebox';
import type { MetricValues } from '../metrics/totals.ts';
import { MetricCoverage, MetricTotals } from './metric-values.ts';
import { nextCursorProperty } from './page.ts';
import { count, identifier, nullableString, reference, timestampText } from './scalars.ts';

export const Campaign = Type.Object(
  {
    campaign_slug: Type.String({ description: 'What the filter campaign takes.' }),
    title: Type.String({
      description: 'Of campaigns that share a slug, the first one’s, as all that follows.',
    }),
    description: nullableString({ description: 'As its organisers gave it.' }),
    start: nullableString({ format: 'date-time', description: 'When it begins, UTC.' }),
    end: nullableString({ format: 'date-time', description: 'When it ends, UTC.' }),
    created_at: nullableString({
      format: 'date-time',
      description: 'When it was created on the Dashboard, UTC.',
    }),
    url: Type.String({ format: 'uri', description: 'Its page on the Dashboard.' }),
    totals: reference(MetricTotals),
    coverage: reference(MetricCoverage),
  },
  {
    $id: 'Campaign',
    description:
      'A campaign, named as it is today, with the totals of its courses at a snapshot. ' +
      'Campaigns that share a slug are one.',
  },
);

export interface CampaignBody {
  readonly campaign_slug: string;
  readonly title: string;
  readonly description: string | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly created_at: string | null;
  readonly url: string;
  readonly totals: MetricValues;
  readonly coverage: MetricValues;
}

export const CampaignPage = Type.Object(
  {
    snapshot_id: identifier({ description: 'Of every page of the walk.' }),
    withdrawn_since: count({
      description:
        'How many of the snapshot’s courses are not public any more; where it is not 0, counts ' +
        'of people are null.',
    }),
    items: Type.Array(reference(Campaign), { description: 'In the order that was asked for.' }),
    next_cursor: nextCursorProperty,
  },
  { $id: 'CampaignPage', description: 'Campaigns, a page at a time.' },
);

interface StoredCampaign {
  readonly slug: string;
  readonly title: string;
  readonly description: string | null;
  readonly start: Date | null;
  readonly end: Date | null;
  readonly createdAt: Date | null;
}

/** With its page below the Dashboard's address. */
export function campaignBody(
  stored: StoredCampaign,
  sums: Pick<CampaignBody, 'totals' | 'coverage'>,
  dashboardUrl: string,
): CampaignBody {
  return {
    campaign_slug: stored.slug,
    title: stored.title,
    description: stored.description,
    start: momentText(stored.start),
    end: momentText(stored.end),
    created_at: momentText(stored.createdAt),
    url: `${dashboardUrl}/campaigns/${encodeURIComponent(stored.slug)}`,
    totals: sums.totals,
    coverage: sums.coverage,
  };
}

function momentText(moment: Date | null): string | null {
  return moment === null ? null : timestampText(moment);
}
