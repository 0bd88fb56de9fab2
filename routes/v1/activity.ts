/** When the edits of any slice happened. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { activityColumns, activityFields } from '../../csv/activity-columns.ts';
import { csvPieces } from '../../csv/pieces.ts';
import { dimensions } from '../../db/queries/dimensions.ts';
import { readSliceActivity, type ActivityRow } from '../../db/queries/slice-activity.ts';
import {
  Activity,
  activityGroupLimit,
  activityIntervals,
  type ActivityHead,
  type ActivityItem,
} from '../../openapi/activity.ts';
import { tableDialectProperty } from '../../openapi/dialect.ts';
import { dayRangeProperties, filterProperties, groupByProperty } from '../../openapi/filters.ts';
import { jsonPieces } from '../../openapi/json-pieces.ts';
import { csv, json, readProblems } from '../../openapi/responses.ts';
import { word } from '../../openapi/scalars.ts';

const questionProperties = {
  ...filterProperties,
  group_by: groupByProperty(dimensions),
  ...dayRangeProperties,
  interval: word(activityIntervals, {
    default: 'month',
    description: 'What a period is. from and to choose months: each that they touch counts whole.',
  }),
};

const Query = Type.Object(questionProperties, { additionalProperties: false });
type Query = Static<typeof Query>;

const FileQuery = Type.Object(
  { ...questionProperties, dialect: tableDialectProperty },
  { additionalProperties: false },
);

const description =
  'From the Dashboard’s time slices, which go back to the first edit: of the courses that are ' +
  'public now, as known at the newest snapshot. The filter wiki picks the slices of that wiki, ' +
  'and by wiki the groups add up: a slice is of one wiki. coverage says of how many courses ' +
  'there are any. Edits here need not add up to the metric edits, which the Dashboard counts ' +
  'by itself.';

type Queryable = Parameters<typeof readSliceActivity>[0];

export default function activity(app: FastifyInstance): void {
  async function ask({ group_by: dimension, interval, from, to, ...query }: Query) {
    const range = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    const question = await app.questions.ask({ ...query, ...range });
    const { filters, snapshot } = question;

    async function read(tx: Queryable) {
      const { courses, coursesWithActivity, groupsLeftOut, rows } = await readSliceActivity(tx, {
        filters,
        dimension,
        ...range,
        interval,
        groups: activityGroupLimit,
        computedAt: snapshot.computedAt,
      });
      const head: ActivityHead = {
        snapshot_id: snapshot.snapshotId,
        filters,
        group_by: dimension ?? null,
        interval,
        coverage: {
          courses,
          edits: coursesWithActivity,
          bytes_added: coursesWithActivity,
          references_added: coursesWithActivity,
        },
        groups_left_out: groupsLeftOut,
      };
      return { head, items: rows.map(itemBody) };
    }

    const about = [dimension ?? null, interval, from ?? null, to ?? null];
    return { question, dimension, about, read };
  }

  app.get(
    '/v1/activity',
    {
      schema: {
        operationId: 'getActivity',
        summary: 'When the edits of a slice happened',
        description,
        tags: ['Slices'],
        querystring: Query,
        response: { 200: json(Activity, 'The timeline.'), ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Query }>, reply) => {
      const { question, about, read } = await ask(request.query);
      return reply.answerQuestion(question, {
        about: ['/v1/activity', ...about],
        compute: async (tx) => {
          const { head, items } = await read(tx);
          return { body: jsonPieces(head, 'items', items) };
        },
      });
    },
  );

  app.get(
    '/v1/activity.csv',
    {
      schema: {
        operationId: 'downloadActivity',
        summary: 'When the edits of a slice happened, as CSV',
        description:
          'The question of /v1/activity as a file: a row for each period, or with group_by for ' +
          'each group in each period.',
        tags: ['Slices'],
        querystring: FileQuery,
        response: { 200: csv('The file.'), ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) => {
      const { dialect, ...query } = request.query;
      const { question, dimension, about, read } = await ask(query);
      const isGrouped = dimension !== undefined;
      const manner = dialect === 'plain' ? '' : `-${dialect}`;
      const { snapshotId } = question.snapshot;
      return reply.answerQuestion(question, {
        about: ['/v1/activity.csv', ...about, dialect],
        fileName: `dashboard-activity-${query.interval}-snapshot-${snapshotId}${manner}.csv`,
        compute: async (tx) => {
          const { items } = await read(tx);
          const rows = items.map((item) => activityFields(isGrouped, item));
          return {
            body: csvPieces(activityColumns(isGrouped), rows, dialect),
            contentType: 'text/csv; charset=utf-8; header=present',
            rows: rows.length,
          };
        },
      });
    },
  );
}

function itemBody({ period, key, edits, bytesAdded, referencesAdded }: ActivityRow): ActivityItem {
  return { period, key, edits, bytes_added: bytesAdded, references_added: referencesAdded };
}
