/**
 * Lists of campaigns and of wikis with their totals: computed together, once for a snapshot
 * and revision, then sorted and given out in pages or whole from memory.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { Readable } from 'node:stream';
import type { TableDialect } from '../csv/dialects.ts';
import { csvPieces } from '../csv/pieces.ts';
import type { CsvField } from '../csv/records.ts';
import type { RowsAt } from '../db/queries/filters.ts';
import { readGroupTotals } from '../db/queries/read-group-totals.ts';
import { foldText } from '../db/queries/search-text.ts';
import type { SnapshotRow } from '../db/queries/snapshots.ts';
import { readStoreState } from '../db/queries/store-state.ts';
import { requireState } from '../db/queries/stream-file.ts';
import { readUntilLeft } from '../db/queries/read-until-left.ts';
import { metrics } from '../metrics/registry.ts';
import type { MetricValues } from '../metrics/totals.ts';
import { fileDescriptions } from '../openapi/data-package.ts';
import { csvFileName } from '../openapi/file-name.ts';
import { continues, pageAddresses, readOrder, wrongCursor } from '../openapi/page.ts';
import { completed } from '../openapi/totals.ts';
import { ProblemError } from './errors.ts';
import type { ExportQuestion } from './exports.ts';
import { expectedOf, type Queryable, type Question } from './questions.ts';

interface Sums {
  readonly totals: MetricValues;
  readonly coverage: MetricValues;
}

export interface Group<Body> {
  /** Stays through renames, so that a walk knows what it has given. */
  readonly id: number;
  readonly body: Body;
}

export interface GroupListOptions<Body extends Sums> {
  /** Where its pages are. */
  readonly path: string;
  readonly dimension: 'wiki' | 'campaign';
  /** Distinguishes answers that depend on the installation. */
  readonly salt: string;
  /** Every group; `keys` are those that have courses. */
  readonly read: (
    tx: Queryable,
    snapshot: SnapshotRow,
    keys: readonly string[],
    sumsOf: (key: string) => Sums,
  ) => Promise<Group<Body>[]>;
  /** What a group is called, which it is sorted by where nothing else tells it apart. */
  readonly nameOf: (body: Body) => string;
  /** What a group is sorted by if not by a metric: text. */
  readonly textOf: (body: Body, by: string) => string | null;
  /** The whole list as a file. */
  readonly file: GroupFile<Body>;
}

export interface GroupQuery {
  readonly snapshot: string;
  readonly sort: string;
}

export interface GroupFileQuery extends GroupQuery {
  readonly dialect: TableDialect;
}

export interface GroupFile<Body> {
  /** As the data package names it. */
  readonly name: string;
  /** Of the file that the data package describes. */
  readonly usualSort: string;
  readonly columns: (definitionsVersion: number) => string[];
  readonly fields: (body: Body) => CsvField[];
}

export interface GroupList<Body> {
  /** A page of the list. Return the reply. */
  answerPage(
    query: GroupQuery & { readonly limit: number; readonly cursor?: string },
    reply: FastifyReply,
  ): Promise<FastifyReply>;
  /** The list as a file, whole. Return the reply. */
  answerFile(query: GroupFileQuery, reply: FastifyReply): Promise<FastifyReply>;
  /** One group, in a transaction in which `at` is true. */
  find(
    tx: Queryable,
    question: Question,
    at: RowsAt,
    matches: (body: Body) => boolean,
  ): Promise<Body | undefined>;
}

declare module 'fastify' {
  interface FastifyInstance {
    groupList<Body extends Sums>(options: GroupListOptions<Body>): GroupList<Body>;
  }
}

/** Of each list; some 20 MB for 5,000 campaigns. */
const keptStates = 3;

/** All groups of one kind at a snapshot, as of a revision. */
interface State<Body> {
  readonly withdrawnSince: number;
  readonly groups: ReadonlyMap<number, Body>;
}

function groupLists(app: FastifyInstance): void {
  app.decorate('groupList', <Body extends Sums>(options: GroupListOptions<Body>) => {
    const { path, dimension, salt, file } = options;
    const kept = new LRUCache<string, State<Body>>({ max: keptStates });

    async function stateAt(tx: Queryable, snapshot: SnapshotRow, at: RowsAt): Promise<State<Body>> {
      const { revision } = await readStoreState(tx);
      const key = [at.snapshotId, at.isLatest, revision].join(' ');
      const known = kept.get(key);
      if (known !== undefined) return known;
      const totals = await readGroupTotals(tx, dimension, snapshot, at);
      const version = snapshot.definitionsVersion;
      const groups = await options.read(tx, snapshot, totals.keys, (key) =>
        completed(version, totals.of(key)),
      );
      const state = {
        withdrawnSince: totals.withdrawnSince,
        groups: new Map(groups.map(({ id, body }) => [id, body])),
      };
      kept.set(key, state);
      return state;
    }

    function sorted({ groups }: State<Body>, sort: string): number[] {
      const { by, descending } = readOrder(sort);
      const isMetric = metrics.some((metric) => metric.name === by);
      const keyOf = (body: Body) => {
        if (isMetric) return body.totals[by] ?? null;
        const text = options.textOf(body, by);
        return text === null ? null : foldText(text);
      };
      return [...groups]
        .map(([id, body]) => ({ id, key: keyOf(body), name: options.nameOf(body) }))
        .sort((a, b) => compareKeys(a.key, b.key, descending) || compare(a.name, b.name))
        .map(({ id }) => id);
    }

    /** @throws {Overtaken} where the answer is another one by now */
    function stateOf(question: Question, client: string, left: AbortSignal): Promise<State<Body>> {
      const reading = () =>
        readUntilLeft(app.sql, app.sql, left, async (tx) => {
          const { latestId } = await requireState(tx, expectedOf(question));
          const isLatest = latestId === question.at.snapshotId;
          return stateAt(tx, question.snapshot, { ...question.at, isLatest });
        });
      return app.heavy(client, reading, left);
    }

    /** A question about a file, which is the same after the next publication if nothing is revised. */
    async function ask(asked: string): Promise<Question> {
      return app.questions.untiedIfSettled(await app.questions.ask({}, asked), dimension);
    }

    function exportOf(
      question: Question,
      { sort, dialect }: Pick<GroupFileQuery, 'sort' | 'dialect'>,
      client: string,
    ): ExportQuestion {
      const { snapshot, revision } = question;
      return {
        tag: app.questions.tag(question, [`${path}.csv`, sort, dialect, salt]),
        snapshotId: snapshot.snapshotId,
        revision,
        count: async (left) => (await stateOf(question, client, left)).groups.size,
        open: async (_rows, left) => {
          const state = await stateOf(question, client, left);
          const groups = sorted(state, sort).flatMap((id) => state.groups.get(id) ?? []);
          const columns = file.columns(snapshot.definitionsVersion);
          return Readable.from(csvPieces(columns, groups.map(file.fields), dialect));
        },
      };
    }

    app.exports.offer({
      name: file.name,
      columns: file.columns,
      question: async (snapshotId) => {
        const question = await ask(String(snapshotId));
        return exportOf(question, { sort: file.usualSort, dialect: 'plain' }, '');
      },
    });

    return {
      async answerPage(query, reply) {
        const { sort, limit, cursor } = query;
        const asked = { path, sort };
        const walk = cursor === undefined ? undefined : app.cursors.readGiven(cursor, asked);
        if (cursor !== undefined && !continues(walk, query.snapshot)) {
          throw ProblemError.invalidQuery('cursor', wrongCursor);
        }
        const question = await app.questions.ask(
          {},
          walk === undefined ? query.snapshot : String(walk.pinnedTo),
        );
        app.questions.requireRows(question);
        const { snapshotId } = question.snapshot;
        const addresses = pageAddresses(path, new URLSearchParams({ sort }), query);
        return reply.answerQuestion(question, {
          about: [path, sort, limit, cursor ?? null, salt],
          canonical: addresses.canonical(snapshotId),
          compute: async (tx, at) => {
            const state = await stateAt(tx, question.snapshot, at);
            // Withdrawals change totals and renames change names, and so the order: what a walk
            // has given, and not where it stands, tells what it has yet to give.
            const given = new Set(walk?.given);
            const rest = sorted(state, sort).filter((id) => !given.has(id));
            const ids = rest.slice(0, limit);
            for (const id of ids) given.add(id);
            const items = ids.flatMap((id) => state.groups.get(id) ?? []);
            const nextCursor =
              rest.length === ids.length
                ? null
                : app.cursors.writeGiven({ pinnedTo: snapshotId, given: [...given] }, asked);
            const body = {
              snapshot_id: snapshotId,
              withdrawn_since: state.withdrawnSince,
              items,
              next_cursor: nextCursor,
            };
            return {
              body: JSON.stringify(body),
              ...(nextCursor === null ? {} : { next: addresses.next(nextCursor) }),
            };
          },
        });
      },
      async answerFile(query, reply) {
        const { sort, dialect } = query;
        const question = await ask(query.snapshot);
        app.questions.requireRows(question);
        const { snapshotId } = question.snapshot;
        const { client } = reply.request;
        const asked = exportOf(question, query, client);
        const kept = app.exports.kept(asked, client);
        const pinned = new URLSearchParams({ sort, snapshot: String(snapshotId) });
        if (dialect !== 'plain') pinned.set('dialect', dialect);
        const name = csvFileName({ resource: file.name, snapshotId, dialect });
        const { lastModified } = question;
        const links = app.published.links(
          question.asksLatest ? `${path}.csv?${pinned.toString()}` : undefined,
          fileDescriptions(question.snapshot),
        );
        return reply.answerCsv({ tag: asked.tag, name, snapshotId, lastModified, links, kept });
      },
      async find(tx, question, at, matches) {
        const state = await stateAt(tx, question.snapshot, at);
        return [...state.groups.values()].find(matches);
      },
    };
  });
}

type Key = number | string | null;

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nulls come last either way. */
function compareKeys(a: Key, b: Key, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return descending ? compare(b, a) : compare(a, b);
}

export default fp(groupLists, {
  name: 'group-lists',
  dependencies: ['cursors', 'exports', 'kept-csv', 'questions'],
});
