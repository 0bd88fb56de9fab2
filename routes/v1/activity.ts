/** When the edits of any slice happened. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { activityColumns, activityFields } from '../../csv/activity-columns.ts';
import { csvLines } from '../../csv/pieces.ts';
import { csvText } from '../../csv/records.ts';
import { dimensions } from '../../db/queries/dimensions.ts';
import {
  countActivityRows,
  readActivityCoverage,
  readSliceActivity,
  streamActivityRows,
  type ActivityQuestion,
  type ActivityRow,
} from '../../db/queries/slice-activity.ts';
import { Overtaken } from '../../db/queries/stream-file.ts';
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
import { fileResponses, json, RangeHeaders, readProblems } from '../../openapi/responses.ts';
import { word } from '../../openapi/scalars.ts';
import { sliceFileRowLimit, wholeFileSentence } from '../../openapi/slice-file.ts';

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
  'there are any; what happened on wikis without a domain is in none. Edits here need not add up to the metric edits, which the Dashboard counts ' +
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
    const { computedAt } = snapshot;
    const asked: ActivityQuestion = { filters, dimension, ...range, interval, computedAt };

    async function read(tx: Queryable) {
      const { groupsLeftOut, rows } = await readSliceActivity(tx, asked, activityGroupLimit);
      const head: ActivityHead = {
        snapshot_id: snapshot.snapshotId,
        filters,
        group_by: dimension ?? null,
        interval,
        coverage: await readCoverage(tx),
        groups_left_out: groupsLeftOut,
      };
      return { head, items: rows.map(itemBody) };
    }

    async function readCoverage(tx: Queryable): Promise<ActivityHead['coverage']> {
      const { courses, edits, bytesAdded, referencesAdded } = await readActivityCoverage(tx, asked);
      return { courses, edits, bytes_added: bytesAdded, references_added: referencesAdded };
    }

    const about = [dimension ?? null, interval, from ?? null, to ?? null];
    return { question, asked, about, read, readCoverage };
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
        compute: async (tx, { isLatest }) => {
          // The rows are those of the newest snapshot, whichever that is by now.
          if (!isLatest) throw new Overtaken();
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
          'each group in each period; then the coverage (_coverage), which is of all of the ' +
          `slice. ${wholeFileSentence}`,
        tags: ['Slices'],
        querystring: FileQuery,
        headers: RangeHeaders,
        response: { ...fileResponses, ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) => {
      const { dialect, ...query } = request.query;
      const { question, asked, about, readCoverage } = await ask(query);
      const { from, to, interval, group_by: groupBy } = query;

      async function* pieces(tx: Queryable) {
        const coverage = await readCoverage(tx);
        for await (const rows of streamActivityRows(tx, asked, rowsAtOnce)) {
          const fields = rows.map((row) => activityFields(itemBody(row), coverage));
          yield* csvLines(fields, dialect);
        }
      }

      return reply.answerSliceFile(question, {
        rowsAtMost: sliceFileRowLimit,
        about: ['/v1/activity.csv', ...about, dialect],
        named: { resource: 'activity', interval, groupBy, asked: { from, to }, dialect },
        head: csvText(activityColumns(), [], dialect),
        count: (tx) => countActivityRows(tx, asked),
        pieces,
      });
    },
  );
}

/** Of a file, so many at once: some milliseconds of work. */
const rowsAtOnce = 500;

function itemBody({ period, key, edits, bytesAdded, referencesAdded }: ActivityRow): ActivityItem {
  return { period, key, edits, bytes_added: bytesAdded, references_added: referencesAdded };
}
