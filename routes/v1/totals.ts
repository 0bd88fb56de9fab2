/** Totals of any slice, at any snapshot. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { csvLines } from '../../csv/pieces.ts';
import { csvText, type CsvField } from '../../csv/records.ts';
import { totalsColumns, totalsFields } from '../../csv/slice-columns.ts';
import { readCampaignTitles } from '../../db/queries/campaign-titles.ts';
import { dimensions, isPartition } from '../../db/queries/dimensions.ts';
import type { RowsAt } from '../../db/queries/filters.ts';
import {
  hasCarried,
  readSliceTotals,
  type SliceGroup as StoredGroup,
  type SliceTotals,
} from '../../db/queries/slice-totals.ts';
import { countSliceGroups, streamSliceGroups } from '../../db/queries/stream-slice-groups.ts';
import { findWithdrawnSince } from '../../db/queries/withdrawn-since.ts';
import { tableDialectProperty } from '../../openapi/dialect.ts';
import {
  filterParameters,
  filterProperties,
  groupByProperty,
  snapshotProperty,
} from '../../openapi/filters.ts';
import { jsonPieces } from '../../openapi/json-pieces.ts';
import {
  fileResponses,
  json,
  problems,
  RangeHeaders,
  readProblems,
} from '../../openapi/responses.ts';
import { timestampText } from '../../openapi/scalars.ts';
import { completed, Totals, type SliceGroup, type TotalsHead } from '../../openapi/totals.ts';

const questionProperties = {
  ...filterProperties,
  group_by: groupByProperty(dimensions),
  snapshot: snapshotProperty,
};

const Query = Type.Object(questionProperties, { additionalProperties: false });
type Query = Static<typeof Query>;

const FileQuery = Type.Object(
  { ...questionProperties, dialect: tableDialectProperty },
  { additionalProperties: false },
);

const description =
  'A filter that is repeated asks for any of its values, different filters for courses that ' +
  'match all; a course counts once, in however many of the campaigns or wikis that are asked ' +
  'for. Different people are counted of the whole, of one wiki, campaign, type or status, of ' +
  'the groups of the whole, and of any slice of the newest snapshot; of other slices of past ' +
  'snapshots nobody knows them, and they are null. Of totals that were carried over from ' +
  'elsewhere, whose coverage is null, there is the whole and, where they have them, home wikis, ' +
  'by home_wiki and group_by=home_wiki, which need not add up to the whole: anything else of ' +
  'such a snapshot is a 404.';

export default function totals(app: FastifyInstance): void {
  async function ask(query: Query) {
    const dimension = query.group_by;
    const asked = await app.questions.ask(query, query.snapshot);
    const question = await app.questions.untiedIfSettled(asked, dimension);
    const { filters, snapshot } = question;
    if (!snapshot.hasCourseRows && !(await hasCarried(app.sql, { filters, dimension, snapshot }))) {
      app.questions.requireRows(question);
    }
    const version = snapshot.definitionsVersion;

    const address = (path: string) => {
      const parameters = filterParameters(filters);
      if (dimension !== undefined) parameters.set('group_by', dimension);
      parameters.set('snapshot', String(snapshot.snapshotId));
      return question.asksLatest ? { path, parameters } : undefined;
    };

    const headOf = ({ withdrawnSince, whole }: SliceTotals): TotalsHead => ({
      ...momentOf(withdrawnSince),
      filters,
      group_by: dimension ?? null,
      // What was carried over by home wiki leaves out courses that have none.
      additive: dimension === undefined || (isPartition(dimension) && snapshot.hasCourseRows),
      ...completed(version, whole),
    });

    const momentOf = (withdrawnSince: number) => ({
      snapshot_id: snapshot.snapshotId,
      computed_at: timestampText(snapshot.computedAt),
      withdrawn_since: withdrawnSince,
    });

    async function bodiesOf(tx: Queryable, groups: readonly StoredGroup[]) {
      const keys = groups.flatMap(({ key }) => key ?? []);
      const titles =
        dimension === 'campaign' ? await readCampaignTitles(tx, keys) : new Map<string, string>();
      return bodies(version, groups, titles);
    }

    async function read(tx: Queryable, at: RowsAt) {
      const slice = await readSliceTotals(tx, { filters, dimension, snapshot, at });
      const groups = slice.groups === null ? null : await bodiesOf(tx, slice.groups);
      return { head: headOf(slice), groups };
    }

    async function* rows(tx: Queryable, at: RowsAt): AsyncGenerator<Iterable<CsvField[]>> {
      if (dimension === undefined) {
        const { head } = await read(tx, at);
        yield [totalsFields(version, head, head)];
        return;
      }
      const moment = momentOf(await findWithdrawnSince(tx, snapshot.snapshotId));
      for await (const groups of streamSliceGroups(tx, { filters, dimension, snapshot, at })) {
        yield fieldsOf(version, moment, await bodiesOf(tx, groups));
      }
    }

    async function countRows(tx: Queryable, at: RowsAt): Promise<number> {
      if (dimension === undefined) return 1;
      return countSliceGroups(tx, { filters, dimension, snapshot, at });
    }

    return { question, dimension, version, address, read, rows, countRows };
  }

  app.get(
    '/v1/totals',
    {
      schema: {
        operationId: 'getTotals',
        summary: 'Totals of a slice at a snapshot',
        description,
        tags: ['Slices'],
        querystring: Query,
        response: { 200: json(Totals, 'The totals.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Query }>, reply) => {
      const { question, dimension, address, read } = await ask(request.query);
      return reply.answerQuestion(question, {
        about: ['/v1/totals', dimension ?? null],
        canonical: addressText(address('/v1/totals')),
        compute: async (tx, at) => {
          const { head, groups } = await read(tx, at);
          return {
            body:
              groups === null
                ? JSON.stringify({ ...head, groups })
                : jsonPieces(head, 'groups', groups),
          };
        },
      });
    },
  );

  app.get(
    '/v1/totals.csv',
    {
      schema: {
        operationId: 'downloadTotals',
        summary: 'Totals of a slice, as CSV',
        description:
          'The question of /v1/totals as a file: a row for each group, or one of the whole ' +
          'without group_by. Totals by their bare names, then their coverage.',
        tags: ['Slices'],
        querystring: FileQuery,
        headers: RangeHeaders,
        response: { ...fileResponses, 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) => {
      const { dialect, ...query } = request.query;
      const { question, dimension, version, address, rows, countRows } = await ask(query);
      const pinned = address('/v1/totals.csv');
      if (dialect !== 'plain') pinned?.parameters.set('dialect', dialect);
      return reply.answerSliceFile(question, {
        about: ['/v1/totals.csv', dimension ?? null, dialect],
        canonical: addressText(pinned),
        named: { resource: 'totals', groupBy: dimension, dialect },
        head: csvText(totalsColumns(version, dimension !== undefined), [], dialect),
        count: countRows,
        async *pieces(tx, at) {
          for await (const batch of rows(tx, at)) yield* csvLines(batch, dialect);
        },
      });
    },
  );
}

type Queryable = Parameters<typeof readSliceTotals>[0];

function* bodies(
  version: number,
  groups: readonly StoredGroup[],
  titles: ReadonlyMap<string, string>,
): Generator<SliceGroup> {
  for (const { key, ...values } of groups) {
    const label = key === null ? null : (titles.get(key) ?? key);
    yield { key, label, ...completed(version, values) };
  }
}

function* fieldsOf(
  version: number,
  moment: Parameters<typeof totalsFields>[1],
  groups: Iterable<SliceGroup>,
): Generator<CsvField[]> {
  for (const group of groups) yield totalsFields(version, moment, group);
}

function addressText(
  address: { readonly path: string; readonly parameters: URLSearchParams } | undefined,
): string | undefined {
  return address === undefined ? undefined : `${address.path}?${address.parameters.toString()}`;
}
