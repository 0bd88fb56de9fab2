/** Campaigns with the totals of their courses at a snapshot. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { campaignFields, columnsOfCampaigns } from '../../csv/group-columns.ts';
import { findCampaignStanding } from '../../db/queries/campaign-standing.ts';
import { listCampaigns } from '../../db/queries/list-campaigns.ts';
import { metrics } from '../../metrics/registry.ts';
import { Campaign, campaignBody, CampaignPage, type CampaignBody } from '../../openapi/campaign.ts';
import { tableDialectProperty } from '../../openapi/dialect.ts';
import { snapshotProperty } from '../../openapi/filters.ts';
import { givenCursorProperty, limitProperty, sortProperty } from '../../openapi/page.ts';
import {
  fileResponses,
  json,
  problems,
  RangeHeaders,
  readProblems,
} from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';

export interface CampaignsOptions {
  readonly dashboardUrl: string;
}

const textSorts = ['campaign_slug', 'title', 'start', 'end', 'created_at'] as const;

const listProperties = {
  sort: sortProperty([...textSorts, ...metrics.map((metric) => metric.name)], 'campaign_slug'),
  snapshot: snapshotProperty,
};

const FileQuery = Type.Object(
  { ...listProperties, dialect: tableDialectProperty },
  { additionalProperties: false },
);

const PageQuery = Type.Object(
  {
    ...listProperties,
    limit: limitProperty,
    cursor: Type.Optional(givenCursorProperty),
  },
  { additionalProperties: false },
);

const OneQuery = Type.Object({ snapshot: snapshotProperty }, { additionalProperties: false });

const Path = Type.Object({
  campaign_slug: Type.String({ minLength: 1, description: 'A slug, percent-encoded.' }),
});

type OneRequest = FastifyRequest<{
  Params: Static<typeof Path>;
  Querystring: Static<typeof OneQuery>;
}>;

const description =
  'Every campaign known at the snapshot, named as it is today, with the totals of its courses ' +
  'that are still public; one that has been deleted at its source, only where the snapshot has ' +
  'such courses. A course counts whole in each of its campaigns, so their totals do not add up. ' +
  'Campaigns that share a slug are one, described by the first of them that is still there. ' +
  'People are null where a slug has changed hands since.';

export default function campaigns(app: FastifyInstance, { dashboardUrl }: CampaignsOptions): void {
  const list = app.groupList<CampaignBody>({
    path: '/v1/campaigns',
    dimension: 'campaign',
    salt: dashboardUrl,
    read: async (tx, snapshot, _keys, sumsOf) => {
      const rows = await listCampaigns(tx, snapshot.snapshotId);
      return rows.map((row) => ({
        id: row.campaignId,
        body: campaignBody(row, sumsOf(row.slug), dashboardUrl),
      }));
    },
    nameOf: (body) => body.campaign_slug,
    textOf: (body, by) => {
      const name = textSorts.find((known) => known === by);
      return name === undefined ? null : body[name];
    },
    file: {
      name: 'campaigns',
      usualSort: 'campaign_slug',
      columns: columnsOfCampaigns,
      fields: campaignFields,
    },
  });

  app.get(
    '/v1/campaigns',
    {
      schema: {
        operationId: 'listCampaigns',
        summary: 'Campaigns with their totals, a page at a time',
        description,
        tags: ['Campaigns and wikis'],
        querystring: PageQuery,
        response: { 200: json(CampaignPage, 'A page.'), 404: problems[404], ...readProblems },
      },
    },
    (request: FastifyRequest<{ Querystring: Static<typeof PageQuery> }>, reply) =>
      list.answerPage(request.query, reply),
  );

  app.get(
    '/v1/campaigns.csv',
    {
      schema: {
        operationId: 'downloadCampaigns',
        summary: 'Campaigns with their totals, as CSV',
        description: `${description} Totals by their bare names, then their coverage.`,
        tags: ['Campaigns and wikis'],
        querystring: FileQuery,
        headers: RangeHeaders,
        response: { ...fileResponses, 404: problems[404], ...readProblems },
      },
    },
    (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) =>
      list.answerFile(request.query, reply),
  );

  app.get(
    '/v1/campaigns/:campaign_slug',
    {
      schema: {
        operationId: 'getCampaign',
        summary: 'One campaign with its totals',
        description:
          'A campaign, named as it is today, with the totals of its courses at the snapshot that ' +
          'are still public.',
        tags: ['Campaigns and wikis'],
        params: Path,
        querystring: OneQuery,
        response: { 200: json(Campaign, 'The campaign.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: OneRequest, reply) => {
      const slug = request.params.campaign_slug;
      const question = await app.questions.ask({}, request.query.snapshot);
      app.questions.requireRows(question);
      const { snapshotId } = question.snapshot;
      // Before any precondition: what there is not is never unmodified.
      await requireKnown(slug, snapshotId);
      const pinned = `/v1/campaigns/${encodeURIComponent(slug)}?snapshot=${String(snapshotId)}`;
      return reply.answerQuestion(question, {
        about: ['campaign', slug, dashboardUrl],
        canonical: question.asksLatest ? pinned : undefined,
        compute: async (tx, at) => {
          const isAsked = (body: CampaignBody) => body.campaign_slug === slug;
          const body = await list.find(tx, question, at, isAsked);
          if (body === undefined) throw unknownCampaign(slug);
          return { body: JSON.stringify(body) };
        },
      });
    },
  );

  async function requireKnown(slug: string, snapshotId: number): Promise<void> {
    const standing = await findCampaignStanding(app.sql, slug, snapshotId);
    if (standing === 'unknown') throw unknownCampaign(slug);
    if (standing === 'later') {
      throw ProblemError.notFound(
        `Campaign ${JSON.stringify(slug)} was not known yet at snapshot ${String(snapshotId)}.`,
      );
    }
    if (standing === 'gone') {
      throw ProblemError.notFound(
        `Campaign ${JSON.stringify(slug)} has been deleted at its source, and no public course ` +
          `of snapshot ${String(snapshotId)} is in it.`,
      );
    }
  }
}

function unknownCampaign(slug: string): ProblemError {
  return ProblemError.notFound(`There is no campaign ${JSON.stringify(slug)} here.`);
}
