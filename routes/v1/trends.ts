/** Any slice over snapshots. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { csvLines } from '../../csv/pieces.ts';
import { csvText } from '../../csv/records.ts';
import { trendsColumns, trendsFields, trendsGroupFields } from '../../csv/slice-columns.ts';
import { readCampaignTitles } from '../../db/queries/campaign-titles.ts';
import { carriedSlice } from '../../db/queries/carried-groups.ts';
import { dimensions, type Dimension } from '../../db/queries/dimensions.ts';
import { hasFilters, type RowsAt } from '../../db/queries/filters.ts';
import {
  countTrendGroups,
  readSliceTrend,
  streamTrendGroups,
  type SliceTrendItem,
} from '../../db/queries/slice-trend.ts';
import { listTrendSnapshots, type TrendSnapshot } from '../../db/queries/trend-snapshots.ts';
import { tableDialectProperty } from '../../openapi/dialect.ts';
import { dayRangeProperties, filterProperties, groupByProperty } from '../../openapi/filters.ts';
import { jsonPieces } from '../../openapi/json-pieces.ts';
import { fileResponses, json, RangeHeaders, readProblems } from '../../openapi/responses.ts';
import { timestampText, word } from '../../openapi/scalars.ts';
import { differences } from '../../openapi/snapshot.ts';
import { sliceFileRowLimit, wholeFileSentence } from '../../openapi/slice-file.ts';
import { completed, type SliceGroup } from '../../openapi/totals.ts';
import {
  groupsShown,
  trendIntervals,
  trendItemLimit,
  Trends,
  type TrendItem,
  type TrendsHead,
} from '../../openapi/trends.ts';
import { ProblemError } from '../../plugins/errors.ts';

const questionProperties = {
  ...filterProperties,
  group_by: groupByProperty(dimensions),
  ...dayRangeProperties,
  interval: word(trendIntervals, {
    default: 'day',
    description:
      'One item a period, its last snapshot; all for every snapshot. Weeks begin on Monday.',
  }),
};

const Query = Type.Object(questionProperties, { additionalProperties: false });
type Query = Static<typeof Query>;

const FileQuery = Type.Object(
  { ...questionProperties, dialect: tableDialectProperty },
  { additionalProperties: false },
);

const description =
  'Each item is what /v1/totals has at its snapshot, with its changes against the item before. ' +
  'Status is of each snapshot’s own moment. Of totals that were carried over from elsewhere ' +
  'there are items too, told by their coverage, which is null: of the whole, and of home wikis, ' +
  'if nothing but home_wiki is filtered and grouped by; they have no course rows for anything ' +
  'else, and changes from those to computed ones are null. Periods without a snapshot have no item. The groups that are shown are those ' +
  'with the most edits in the last item; groups_left_out says how many are not.';

type Queryable = Parameters<typeof readSliceTrend>[0];

export default function trends(app: FastifyInstance): void {
  async function ask({ group_by: dimension, interval, from, to, ...query }: Query) {
    const question = await app.questions.ask({ ...query, ...range(from, to) });
    const { filters } = question;

    async function list(tx: Queryable, at: RowsAt) {
      const isFiltered = hasFilters(filters);
      const snapshots = await listTrendSnapshots(tx, {
        ...range(from, to),
        interval,
        until: at.computedAt,
        carried: carriedSlice(filters, dimension),
        homeWikis: filters.home_wiki,
        withTotals: !isFiltered,
      });
      if (snapshots.length > trendItemLimit) throw tooMany(snapshots.length);
      return snapshots;
    }

    async function read(tx: Queryable, at: RowsAt) {
      const snapshots = await list(tx, at);
      const groups = groupsShown(snapshots.length);
      const trend = await readSliceTrend(tx, { filters, dimension, snapshots, groups, at });
      const keys = trend.keys.flatMap((key) => key ?? []);
      const titles =
        dimension === 'campaign' ? await readCampaignTitles(tx, keys) : new Map<string, string>();
      const head: TrendsHead = {
        filters,
        group_by: dimension ?? null,
        interval,
        groups_left_out: trend.groupsLeftOut,
      };
      return { head, items: itemBodies(trend.items, titles) };
    }

    /** A snapshot of an earlier moment may be carried over later. */
    const about = [dimension ?? null, interval, from ?? null, to ?? null, question.newestId];
    return { question, dimension, about, list, read };
  }

  app.get(
    '/v1/trends',
    {
      schema: {
        operationId: 'getTrends',
        summary: 'A slice over snapshots',
        description,
        tags: ['Slices'],
        querystring: Query,
        response: { 200: json(Trends, 'The series.'), ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Query }>, reply) => {
      const { question, about, read } = await ask(request.query);
      return reply.answerQuestion(question, {
        about: ['/v1/trends', ...about],
        compute: async (tx, at) => {
          const { head, items } = await read(tx, at);
          return { body: jsonPieces(head, 'items', items) };
        },
      });
    },
  );

  app.get(
    '/v1/trends.csv',
    {
      schema: {
        operationId: 'downloadTrends',
        summary: 'A slice over snapshots, as CSV',
        description:
          'The question of /v1/trends as a file: a row for each item, or with group_by for each ' +
          'group of each item, without changes. Totals by their bare names, then their changes ' +
          `(_delta) and coverage (_coverage). ${wholeFileSentence}`,
        tags: ['Slices'],
        querystring: FileQuery,
        headers: RangeHeaders,
        response: { ...fileResponses, ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) => {
      const { dialect, ...query } = request.query;
      const { question, dimension, about, list, read } = await ask(query);
      const { filters, at, snapshot } = question;
      const version = snapshot.definitionsVersion;
      const { from, to, interval } = query;

      async function* wholes(tx: Queryable) {
        const { items } = await read(tx, at);
        const rows = function* () {
          for (const item of items) yield trendsFields(version, item);
        };
        yield* csvLines(rows(), dialect);
      }

      async function* groups(tx: Queryable, by: Dimension) {
        const snapshots = await list(tx, at);
        const titles = new Map<string, string>();
        for await (const { snapshot, groups } of streamTrendGroups(tx, {
          ...{ filters, dimension: by, snapshots, at },
        })) {
          if (by === 'campaign') {
            const fresh = groups.flatMap(({ key }) => (key === null || titles.has(key) ? [] : key));
            if (fresh.length > 0) {
              for (const [key, title] of await readCampaignTitles(tx, fresh))
                titles.set(key, title);
            }
          }
          const moment = momentBody(snapshot);
          const rows = function* () {
            for (const group of groups) {
              const body = groupBody(snapshot.definitionsVersion, group, titles);
              yield trendsGroupFields(version, moment, body);
            }
          };
          yield* csvLines(rows(), dialect);
        }
      }

      return reply.answerSliceFile(question, {
        isOfHistory: true,
        rowsAtMost: sliceFileRowLimit,
        about: ['/v1/trends.csv', ...about, dialect],
        named: { resource: 'trends', interval, groupBy: dimension, asked: { from, to }, dialect },
        head: csvText(trendsColumns(version, dimension !== undefined), [], dialect),
        count: async (tx) => {
          const snapshots = await list(tx, at);
          if (dimension === undefined) return snapshots.length;
          return countTrendGroups(tx, { filters, dimension, snapshots });
        },
        pieces: (tx) => (dimension === undefined ? wholes(tx) : groups(tx, dimension)),
      });
    },
  );
}

function range(from: string | undefined, to: string | undefined) {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function tooMany(items: number): ProblemError {
  return ProblemError.invalidQuery(
    'interval',
    `makes ${items} items, of at most ${trendItemLimit}: ask for a longer one, or set from and to`,
  );
}

function* itemBodies(
  items: Iterable<SliceTrendItem>,
  titles: ReadonlyMap<string, string>,
): Generator<TrendItem> {
  let before: { readonly sourceKind: string; readonly totals: TrendItem['totals'] } | undefined;
  for (const { snapshot, whole, groups } of items) {
    const version = snapshot.definitionsVersion;
    const { sourceKind } = snapshot;
    const { totals, coverage } = completed(version, whole);
    yield {
      ...momentBody(snapshot),
      totals,
      deltas: before?.sourceKind === sourceKind ? differences(totals, before.totals) : null,
      coverage,
      groups: groups?.map((group) => groupBody(version, group, titles)) ?? null,
    };
    before = { sourceKind, totals };
  }
}

function momentBody(snapshot: TrendSnapshot) {
  return {
    snapshot_id: snapshot.snapshotId,
    computed_at: timestampText(snapshot.computedAt),
    partial: snapshot.partial,
    withdrawn_since: snapshot.withdrawnSince,
  };
}

function groupBody(
  version: number,
  { key, ...values }: NonNullable<SliceTrendItem['groups']>[number],
  titles: ReadonlyMap<string, string>,
): SliceGroup {
  const label = key === null ? null : (titles.get(key) ?? key);
  return { key, label, ...completed(version, values) };
}
