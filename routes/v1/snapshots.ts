/** The newest snapshot, any one by its number, and the history of them all. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { snapshotColumns, snapshotFields } from '../../csv/snapshot-columns.ts';
import { csvLines } from '../../csv/pieces.ts';
import { csvText } from '../../csv/records.ts';
import {
  countHistory,
  findHistoryMoment,
  findSnapshot,
  intervals,
  listSnapshots,
  orders,
  streamHistory,
  type HistoryMoment,
  type HistoryQuestion,
} from '../../db/queries/snapshots.ts';
import { tableDialectProperty } from '../../openapi/dialect.ts';
import { dayRangeProperties, reversedRanges } from '../../openapi/filters.ts';
import { cursorProperty, limitProperty, wrongCursor } from '../../openapi/page.ts';
import {
  fileResponses,
  json,
  problems,
  RangeHeaders,
  readProblems,
} from '../../openapi/responses.ts';
import { identifier, word } from '../../openapi/scalars.ts';
import {
  historyItemBody,
  Snapshot,
  snapshotBody,
  SnapshotHistory,
} from '../../openapi/snapshot.ts';
import { ProblemError } from '../../plugins/errors.ts';
import type { AnswerHead, Representation } from '../../plugins/representation.ts';

const range = {
  ...dayRangeProperties,
  interval: word(intervals, {
    default: 'day',
    description:
      'One item a period, its last snapshot; all for every snapshot, none of which is partial. ' +
      'Weeks begin on Monday.',
  }),
  order: word(orders, { default: 'desc', description: 'By computed_at.' }),
};

const FileQuery = Type.Object(
  { ...range, dialect: tableDialectProperty },
  { additionalProperties: false },
);

const PageQuery = Type.Object(
  {
    ...range,
    limit: limitProperty,
    cursor: Type.Optional(cursorProperty),
  },
  { additionalProperties: false },
);

const Path = Type.Object({
  snapshot_id: identifier({ description: 'A snapshot_id.' }),
});

type RangeQuery = Omit<Static<typeof PageQuery>, 'limit' | 'cursor'>;

/** Never changes, so a cache need never ask again. */
const foreverCacheControl = 'public, max-age=31536000, immutable';
/** As the newest snapshot: a new one makes a new history. */
const historyCacheControl = 'public, max-age=300, stale-while-revalidate=3600';
const forever = { stands: () => true };
/** Snapshots kept in memory; one takes some 10 kB with its codings. */
const keptSnapshots = 500;

export default function snapshots(app: FastifyInstance): void {
  const kept = new LRUCache<number, { representation: Representation; head: AnswerHead }>({
    max: keptSnapshots,
  });

  app.get(
    '/v1/snapshots/latest',
    {
      schema: {
        operationId: 'getLatestSnapshot',
        summary: 'The newest snapshot',
        description:
          'System-wide totals as last published. Its canonical link is where these very numbers stay.',
        tags: ['Snapshots'],
        response: { 200: json(Snapshot, 'The newest snapshot.'), ...readProblems },
      },
    },
    (_request, reply) => {
      const { representation, head } = app.published.requireLatest();
      reply.answer(representation, head, { stands: () => app.published.latest?.head === head });
    },
  );

  app.get(
    '/v1/snapshots/:snapshot_id',
    {
      schema: {
        operationId: 'getSnapshot',
        summary: 'One snapshot',
        description: 'What was published then: it never changes, so it can be cited.',
        tags: ['Snapshots'],
        params: Path,
        response: { 200: json(Snapshot, 'The snapshot.'), 404: problems[404], ...readProblems },
      },
    },
    (request: FastifyRequest<{ Params: Static<typeof Path> }>, reply) => {
      const known = kept.get(request.params.snapshot_id);
      if (known !== undefined) return reply.answer(known.representation, known.head, forever);
      return readSnapshot(request.params.snapshot_id).then(({ representation, head }) =>
        reply.answer(representation, head, forever),
      );
    },
  );

  async function readSnapshot(snapshotId: number) {
    const row = await findSnapshot(app.sql, snapshotId);
    if (row === undefined) throw app.published.noSnapshot(snapshotId);
    const address = `/v1/snapshots/${String(snapshotId)}`;
    const found = {
      representation: app.representation(JSON.stringify(snapshotBody(row)), undefined, address),
      head: {
        snapshotId,
        lastModified: row.computedAt,
        dates: 'immutable' as const,
        cacheControl: foreverCacheControl,
        links: app.published.links(undefined, undefined, address),
      },
    };
    kept.set(snapshotId, found);
    return found;
  }

  async function momentOf(pinnedTo?: number): Promise<HistoryMoment> {
    const moment = await findHistoryMoment(app.sql, pinnedTo);
    if (moment === undefined) throw ProblemError.unavailable('Nothing has been published yet.', 30);
    // The first publication may be found here before its notice is.
    if (app.published.latest === undefined) await app.published.refresh();
    return moment;
  }

  app.get(
    '/v1/snapshots',
    {
      schema: {
        operationId: 'listSnapshots',
        summary: 'The history, a page at a time',
        description:
          'The last snapshot of each period with its changes against the item before in time. ' +
          'All pages of a walk are of the moment of the first one.',
        tags: ['Snapshots'],
        querystring: PageQuery,
        response: { 200: json(SnapshotHistory, 'A page.'), ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof PageQuery> }>, reply) => {
      const { limit, cursor, ...asked } = request.query;
      const at = cursor === undefined ? undefined : app.cursors.read(cursor, walked(asked));
      if (cursor !== undefined && at === undefined) {
        throw ProblemError.invalidQuery('cursor', wrongCursor);
      }
      const { pinnedTo, newestId, changedAt } = await momentOf(at?.pinnedTo);
      const rows = await listSnapshots(app.sql, questionOf(asked, pinnedTo), {
        after: at?.after,
        limit: limit + 1,
      });
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      const nextCursor =
        rows.length > limit && last !== undefined
          ? app.cursors.write({ pinnedTo, after: last.snapshotId }, walked(asked))
          : null;
      const body = { items: items.map(historyItemBody), next_cursor: nextCursor };
      const links = app.published.links();
      if (nextCursor !== null) {
        const next = new URLSearchParams({ ...asked, limit: String(limit), cursor: nextCursor });
        links.push(`</v1/snapshots?${next.toString()}>; rel="next"`);
      }
      const address = JSON.stringify({ ...walked(asked), limit, cursor });
      return reply.answer(app.representation(JSON.stringify(body), undefined, address), {
        snapshotId: newestId,
        lastModified: changedAt,
        cacheControl: historyCacheControl,
        links,
      });
    },
  );

  app.get(
    '/v1/snapshots.csv',
    {
      schema: {
        operationId: 'downloadSnapshots',
        summary: 'The history as CSV',
        description:
          'The question of /v1/snapshots as a file, whole. Totals by their bare names, then ' +
          'their changes (_delta) and coverage (_coverage).',
        tags: ['Snapshots'],
        querystring: FileQuery,
        headers: RangeHeaders,
        response: { ...fileResponses, ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof FileQuery> }>, reply) => {
      const { dialect, ...asked } = request.query;
      const { from, to, interval, order } = asked;
      const question = await app.questions.ask(rangeOf(asked));
      const { newestId } = question;
      const history = { from, to, interval, order, pinnedTo: newestId };
      return reply.answerSliceFile(question, {
        isOfHistory: true,
        about: ['/v1/snapshots.csv', newestId, interval, from ?? null, to ?? null, order, dialect],
        named: { resource: 'snapshots', interval, asked: { from, to }, dialect },
        cacheControl: historyCacheControl,
        head: csvText(snapshotColumns(), [], dialect),
        count: (tx) => countHistory(tx, history),
        async *pieces(tx) {
          for await (const rows of streamHistory(tx, history, rowsAtOnce)) {
            yield* csvLines(rows.map(historyItemBody).map(snapshotFields), dialect);
          }
        },
      });
    },
  );
}

/** Of a file, so many at once: some milliseconds of work. */
const rowsAtOnce = 100;

/** The question of a walk, however it is written. */
function walked({ from, to, interval, order }: RangeQuery) {
  return { path: '/v1/snapshots', from, to, interval, order };
}

function rangeOf({ from, to }: RangeQuery) {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** @throws {ProblemError} 400 where the range is the wrong way round */
function questionOf(asked: RangeQuery, pinnedTo: number): HistoryQuestion {
  const [reversed] = reversedRanges(asked);
  if (reversed !== undefined) throw ProblemError.invalidQuery(reversed.name, reversed.detail);
  return { ...asked, pinnedTo };
}
