/**
 * Questions about courses: which snapshot, which filters, whether their values are known,
 * and the answer, which is computed once and then given from memory for as long as it is
 * the answer.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { hash } from 'node:crypto';
import type { Dimension } from '../db/queries/dimensions.ts';
import type { RowsAt } from '../db/queries/filters.ts';
import { isTiedToNewest } from '../db/queries/slice-people.ts';
import { findSnapshot, type SnapshotRow } from '../db/queries/snapshots.ts';
import { findNextMoment, readStoreState, type StoreState } from '../db/queries/store-state.ts';
import type { Expected } from '../db/queries/stream-file.ts';
import { filtersOf, isList, reversedRanges, type Filters } from '../openapi/filters.ts';
import { definitionsVersion } from '../metrics/registry.ts';
import type { ParameterProblem } from '../openapi/problem.ts';
import { ProblemError, type ParameterFault } from './errors.ts';
import { KnownNamesCheck } from './known-names-check.ts';
import type { AnswerHead, Representation } from './representation.ts';
import { SharedReading } from './shared-reading.ts';
import { keptLength, wholeBody, type Body } from './whole-body.ts';

/** What the files of `db/queries` take first. */
export type Queryable = Parameters<typeof readStoreState>[0];

export interface QuestionsOptions {
  /** Of the release: another one may answer otherwise. */
  readonly version: string;
}

/** What any question about courses comes to. */
export interface Question {
  readonly filters: Filters;
  readonly snapshot: SnapshotRow;
  /** Of the snapshot, for the queries over its rows. */
  readonly at: RowsAt;
  /** Whether `latest` was asked for, so that the answer stays at another address. */
  readonly asksLatest: boolean;
  /** Whether the answer may be another one once the snapshot is not the newest any more. */
  readonly isTied: boolean;
  readonly revision: number;
  readonly revisedAt: Date | null;
  /** Changes whenever a snapshot is written, of whatever moment. */
  readonly newestId: number;
  /** When an answer that is made of the snapshot's rows last changed. */
  readonly lastModified: Date;
  /** Whether what was asked is still the same question: asked of the store at every call. */
  readonly stands: () => Promise<boolean>;
}

/** The state of the store that its answer is of. */
export function expectedOf({ revision, snapshot, at, isTied }: Question): Expected {
  return { revision, ...(isTied && at.isLatest ? { latestId: snapshot.snapshotId } : {}) };
}

export interface ComputedBody {
  readonly body: Body;
  readonly contentType?: string;
  /** Of a page that is not the last: where the next one is. */
  readonly next?: string;
}

export interface ComputedAnswer {
  /** All that is asked besides snapshot and filters, the resource first. */
  readonly about: readonly unknown[];
  /** Where this very answer stays, if that is not where it was asked for. */
  readonly canonical?: string | undefined;
  /** In one consistent transaction; `at` is true in it. */
  readonly compute: (tx: Queryable, at: RowsAt) => Promise<ComputedBody>;
}

/** The days that a question is about, besides its filters. */
// A type: only of one is it known that it has no other members.
type Range = { readonly from?: string; readonly to?: string };

export interface Questions {
  /**
   * Reads the parameters. What is true of the store is read after this is called.
   *
   * @throws {ProblemError} 400 for a reversed range, an unknown value or snapshot; 503
   *   before anything is published
   */
  ask(query: Filters & Range, snapshot?: string): Promise<Question>;
  /** Whether the snapshot has rows; one that was carried over has only its totals. */
  requireRows(question: Question): void;
  /** The same question, where its answer does not change with the snapshot's being the newest. */
  untied(question: Question): Question;
  /** The question of totals, grouped or not, untied where its answer is. */
  untiedIfSettled(question: Question, dimension?: Dimension): Promise<Question>;
  /** A short name of a question and its answer: characters of an entity tag. */
  tag(question: Question, about: readonly unknown[]): string;
}

declare module 'fastify' {
  interface FastifyInstance {
    questions: Questions;
  }
  interface FastifyReply {
    /** From memory if it was computed before, or else when it is its turn. Return the reply. */
    answerQuestion(question: Question, answer: ComputedAnswer): FastifyReply;
  }
}

/** Bytes of answers that are ready to be sent, their codings not counted. */
const readyBytes = 64_000_000;
const keptMilliseconds = 24 * 60 * 60 * 1000;
/** Of questions about totals, whether they are tied to the newest snapshot. */
const keptTies = 10_000;
/** Snapshots kept in memory; some 5 kB each. */
const keptSnapshots = 1000;

type Extras = Pick<ComputedBody, 'next'>;

interface Ready extends Extras {
  readonly representation: Representation;
  /** By where the answer stays: made once, so that what is sent with it is, too. */
  readonly heads: Map<string | undefined, AnswerHead>;
}

interface Kept extends Extras {
  readonly body: string;
  readonly contentType: string;
}

/** The latest snapshot and revision as one: what `Question` is made of. */
interface Moment extends StoreState {
  readonly latest: SnapshotRow;
}

function questions(app: FastifyInstance, options: QuestionsOptions): void {
  const state = new SharedReading<Moment>(async () => {
    const read = await readStoreState(app.sql);
    if (read.latestId !== (app.published.latest?.row.snapshotId ?? null)) {
      await app.published.refresh();
    }
    return { ...read, latest: app.published.requireLatest().row };
  });
  const names = new KnownNamesCheck(app.sql);
  /** Past snapshots never change, nor does the moment at which the next one came. */
  const past = new LRUCache<number, { row: SnapshotRow; until: Date }>({ max: keptSnapshots });
  const ready = new LRUCache<string, Ready>({
    maxSize: readyBytes,
    sizeCalculation: ({ representation }) => representation.body.length + 1,
  });
  const making = new Map<string, Promise<Ready>>();
  const ties = new LRUCache<string, boolean>({ max: keptTies });

  /** What is wrong with parameters that are of the right form, and the snapshot that is asked for. */
  async function check(query: Filters & Range, asked: string, now: Moment) {
    const problems: ParameterFault[] = reversedRanges(query).map(inQuery);
    const filters = filtersOf(query);
    problems.push(...(await names.problems(filters, now)));
    const found = await snapshotOf(asked, now.latest);
    if (found === undefined) {
      const newest = String(now.latest.snapshotId);
      const detail = `names no snapshot; the newest is ${newest}`;
      problems.push(inQuery({ name: 'snapshot', detail }));
    }
    return { filters, found, problems };
  }

  // Where some parameters are not even of the right form, whoever asks hears of the others, too.
  app.alsoCheck(async (request, found) => {
    const { properties = {} } = (request.routeOptions.schema?.querystring ?? {}) as {
      readonly properties?: object;
    };
    if (!('campaign' in properties) && !('snapshot' in properties)) return [];
    const bad = new Set(found.map(({ name }) => name));
    const { snapshot, ...query } = rightOnes(request.query as RawQuery, bad);
    const { problems } = await check(query, snapshot ?? 'latest', await state.read());
    return problems;
  });

  async function ask(query: Filters & Range, asked = 'latest'): Promise<Question> {
    const now = await state.read();
    const { filters, found, problems } = await check(query, asked, now);
    if (found === undefined || problems.length > 0) throw ProblemError.invalidParameters(problems);
    const { row, until } = found;
    return {
      filters,
      snapshot: row,
      at: {
        snapshotId: row.snapshotId,
        computedAt: row.computedAt,
        isLatest: row.snapshotId === now.latest.snapshotId,
      },
      asksLatest: asked === 'latest',
      isTied: true,
      revision: now.revision,
      revisedAt: now.revisedAt,
      newestId: now.newestId ?? row.snapshotId,
      lastModified: later(until ?? row.computedAt, now.revisedAt),
      stands: async () => isSameState(await state.read(), now),
    };
  }

  /** With the moment from which it was not the latest any more: people are not known since. */
  async function snapshotOf(
    asked: string,
    latest: SnapshotRow,
  ): Promise<{ row: SnapshotRow; until?: Date } | undefined> {
    const id = asked === 'latest' ? latest.snapshotId : Number(asked);
    if (id === latest.snapshotId) return { row: latest };
    const known = past.get(id);
    if (known !== undefined) return known;
    const row = await findSnapshot(app.sql, id);
    if (row === undefined) return undefined;
    const until = await findNextMoment(app.sql, row.computedAt);
    if (until === undefined) return { row };
    past.set(id, { row, until });
    return { row, until };
  }

  function tag(question: Question, about: readonly unknown[]): string {
    const { snapshot, at, isTied, revision, revisedAt, filters } = question;
    const facts = [
      options.version,
      definitionsVersion,
      ...[snapshot.snapshotId, snapshot.computedAt.getTime(), snapshot.sourceReadAt.getTime()],
      // Two histories of a store that was restored from a copy may count the same revisions.
      ...[isTied && at.isLatest, revision, revisedAt?.getTime() ?? null, filters, about],
    ];
    return hash('sha256', JSON.stringify(facts), 'base64url').slice(0, 22);
  }

  async function find(key: string): Promise<Ready | undefined> {
    const kept = await app.cache.get<Kept>(key);
    if (kept === null) return undefined;
    const { body, contentType } = kept.item;
    const representation = app.representation(body, contentType);
    const found = { representation, heads: new Map(), ...extrasOf(kept.item) };
    ready.set(key, found);
    return found;
  }

  async function compute(
    key: string,
    client: string,
    question: Question,
    answer: ComputedAnswer,
  ): Promise<Ready> {
    const { made, stands } = await app.heavy(client, () =>
      app.sql.begin('isolation level repeatable read read only', async (tx) => {
        const now = await readStoreState(tx);
        const isLatest = now.latestId === question.at.snapshotId;
        const made = await answer.compute(tx, { ...question.at, isLatest });
        return {
          made: { ...made, body: await wholeBody(made.body) },
          stands:
            (!question.isTied || isLatest === question.at.isLatest) &&
            now.newestId === question.newestId &&
            now.revision === question.revision,
        };
      }),
    );
    const representation = app.representation(made.body, made.contentType);
    const { contentType } = representation;
    const result = { representation, heads: new Map(), ...extrasOf(made) };
    if (!stands) return result;
    ready.set(key, result);
    if (typeof made.body === 'string' && made.body.length <= keptLength) {
      const kept: Kept = { body: made.body, contentType, ...extrasOf(made) };
      app.cache.set(key, kept, keptMilliseconds);
    }
    return result;
  }

  /** The same question, asked by many at once, is computed once. */
  function share(key: string, make: () => Promise<Ready>): Promise<Ready> {
    const under = making.get(key);
    if (under !== undefined) return under;
    const made = make().finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  function untied(question: Question): Question {
    const lastModified = later(question.snapshot.computedAt, question.revisedAt);
    return { ...question, isTied: false, lastModified };
  }

  async function untiedIfSettled(question: Question, dimension?: Dimension): Promise<Question> {
    const { filters, snapshot, newestId, revision } = question;
    const key = JSON.stringify([snapshot.snapshotId, newestId, revision, dimension, filters]);
    let isTied = ties.get(key);
    if (isTied === undefined) {
      isTied = await isTiedToNewest(app.sql, { filters, dimension, snapshot });
      ties.set(key, isTied);
    }
    return isTied ? question : untied(question);
  }

  app.decorate('questions', {
    ask,
    untied,
    untiedIfSettled,
    tag,
    requireRows: ({ snapshot }: Question) => {
      if (!snapshot.hasCourseRows) throw ProblemError.noCourseRows(snapshot.snapshotId);
    },
  });

  /** Of an answer as it is sent, the same object for as long as it is ready. */
  function headOf(
    { snapshot, lastModified }: Question,
    { canonical }: ComputedAnswer,
    { heads, next }: Ready,
  ): AnswerHead {
    let head = heads.get(canonical);
    if (head === undefined) {
      const links = app.published.links(canonical);
      if (next !== undefined) links.push(`<${next}>; rel="next"`);
      // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
      head = { snapshotId: snapshot.snapshotId, lastModified, cacheControl: 'no-cache', links };
      heads.set(canonical, head);
    }
    return head;
  }

  app.decorateReply('answerQuestion', function (this: FastifyReply, question, answer) {
    const { request } = this as { request: FastifyRequest };
    const key = tag(question, answer.about);
    const known = ready.get(key);
    if (known !== undefined) {
      const { stands } = question;
      return this.answer(known.representation, headOf(question, answer, known), {
        tag: key,
        stands,
      });
    }
    return this.answerLazily({
      tag: key,
      head: {
        snapshotId: question.snapshot.snapshotId,
        lastModified: question.lastModified,
        cacheControl: 'no-cache',
        // Where the next page is, is known only with the page.
        links: [],
      },
      make: async () => {
        const made = await share(
          key,
          async () => (await find(key)) ?? compute(key, request.client, question, answer),
        );
        this.header('link', headOf(question, answer, made).links.join(', '));
        return made.representation;
      },
    });
  });
}

function isSameState(one: StoreState, other: StoreState): boolean {
  return (
    one.latestId === other.latestId &&
    one.newestId === other.newestId &&
    one.revision === other.revision &&
    one.revisedAt?.getTime() === other.revisedAt?.getTime()
  );
}

type RawQuery = Readonly<Record<string, string | readonly string[]>>;

/** Of the parameters as they were sent, those that their schema has nothing against. */
function rightOnes(
  query: RawQuery,
  bad: ReadonlySet<string>,
): Filters & Range & { readonly snapshot?: string } {
  const right = Object.entries(query).filter(([name]) => !bad.has(name));
  return Object.fromEntries(
    right.map(([name, value]) => [name, isList(name) ? [value].flat() : value]),
  );
}

function inQuery({ name, detail }: { name: string; detail: string }): ParameterProblem {
  return { in: 'query', name, detail };
}

function extrasOf({ next }: Extras): Extras {
  return next === undefined ? {} : { next };
}

function later(a: Date, b: Date | null): Date {
  return b === null || a > b ? a : b;
}

export default fp(questions, {
  name: 'questions',
  dependencies: ['answers', 'cache', 'database', 'heavy-questions', 'published'],
});
