/** Tracked wikis with the totals of the courses that track them, at a snapshot. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { columnsOfWikis, wikiFields } from '../../csv/group-columns.ts';
import { listWikis } from '../../db/queries/list-wikis.ts';
import { metrics } from '../../metrics/registry.ts';
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
import { WikiPage, type WikiBody } from '../../openapi/wiki.ts';

const listProperties = {
  sort: sortProperty(['wiki', ...metrics.map((metric) => metric.name)], 'wiki'),
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

const description =
  'Every wiki that a course of the snapshot tracks, with the totals of those courses that are ' +
  'still public. A course counts whole in each of its wikis, so their totals do not add up.';

export default function wikis(app: FastifyInstance): void {
  const list = app.groupList<WikiBody>({
    path: '/v1/wikis',
    dimension: 'wiki',
    salt: '',
    read: async (tx, _snapshot, keys, sumsOf) => {
      const wikis = await listWikis(tx, keys);
      return wikis.map(({ wikiId, wiki }) => ({ id: wikiId, body: { wiki, ...sumsOf(wiki) } }));
    },
    nameOf: (body) => body.wiki,
    textOf: (body) => body.wiki,
    file: {
      name: 'wikis',
      usualSort: 'wiki',
      columns: columnsOfWikis,
      fields: wikiFields,
    },
  });

  app.get(
    '/v1/wikis',
    {
      schema: {
        operationId: 'listWikis',
        summary: 'Tracked wikis with their totals, a page at a time',
        description,
        tags: ['Campaigns and wikis'],
        querystring: PageQuery,
        response: { 200: json(WikiPage, 'A page.'), 404: problems[404], ...readProblems },
      },
    },
    (request: FastifyRequest<{ Querystring: Static<typeof PageQuery> }>, reply) =>
      list.answerPage(request.query, reply),
  );

  app.get(
    '/v1/wikis.csv',
    {
      schema: {
        operationId: 'downloadWikis',
        summary: 'Tracked wikis with their totals, as CSV',
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
}
