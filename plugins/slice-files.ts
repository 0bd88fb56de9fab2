/**
 * Answers about slices, and the history, as files: whole, however many rows they have, so
 * streamed and kept as files like the rows of courses.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { RowsAt } from '../db/queries/filters.ts';
import { requireState, streamFile, type Piece } from '../db/queries/stream-file.ts';
import { readUntilLeft } from '../db/queries/read-until-left.ts';
import { fileDescriptions } from '../openapi/data-package.ts';
import { csvFileName, type NamedFile } from '../openapi/file-name.ts';
import { ProblemError } from './errors.ts';
import { expectedOf, type Queryable, type Question } from './questions.ts';

export interface SliceFile {
  /** All that is asked besides the filters, the resource first. */
  readonly about: readonly unknown[];
  /** What it is saved as tells, besides the filters. */
  readonly named: Omit<NamedFile, 'snapshotId' | 'isOfHistory'>;
  /** Where this very file stays, if that is not where it was asked for. */
  readonly canonical?: string | undefined;
  readonly cacheControl?: string;
  /** Whether it is made of all snapshots, so that any new one, of whatever moment, changes it. */
  readonly isOfHistory?: boolean;
  /** More than anybody asks for in earnest, of what `interval` makes. */
  readonly rowsAtMost?: number;
  /** What stands above the rows. */
  readonly head: string;
  /** In one consistent transaction, as all that follows; `at` is true in it. */
  readonly count: (tx: Queryable, at: RowsAt) => Promise<number>;
  readonly pieces: (tx: Queryable, at: RowsAt) => AsyncIterable<Piece>;
}

declare module 'fastify' {
  interface FastifyReply {
    /** Return the reply. */
    answerSliceFile(question: Question, file: SliceFile): FastifyReply;
  }
}

function sliceFiles(app: FastifyInstance): void {
  app.decorateReply('answerSliceFile', function (this: FastifyReply, question, file) {
    const { client } = (this as { request: FastifyRequest }).request;
    const { snapshotId } = question.snapshot;
    const { revision, newestId } = question;
    const tag = app.questions.tag(question, file.about);
    const expected = {
      ...expectedOf(question),
      ...(file.isOfHistory === true ? { newestId } : {}),
    };

    /** @throws {Overtaken} where the answer is another one by now */
    async function atOf(tx: Queryable): Promise<RowsAt> {
      const { latestId } = await requireState(tx, expected);
      return { ...question.at, isLatest: latestId === snapshotId };
    }

    async function count(left: AbortSignal): Promise<number> {
      const counting = () =>
        readUntilLeft(app.sql, app.sql, left, async (tx) => file.count(tx, await atOf(tx)));
      const rows = await app.heavy(client, counting, left);
      const { rowsAtMost = Infinity } = file;
      if (rows <= rowsAtMost) return rows;
      throw ProblemError.invalidQuery(
        'interval',
        `makes ${rows} rows, of at most ${rowsAtMost}: ask for a longer one, set from ` +
          'and to, or ask for a smaller slice',
      );
    }

    async function* pieces(tx: Queryable): AsyncGenerator<Piece> {
      yield* file.pieces(tx, await atOf(tx));
    }

    const kept = app.exports.kept(
      {
        tag,
        snapshotId,
        revision,
        count,
        open: (rows) =>
          streamFile(app.downloadSql, app.sql, {
            head: file.head,
            pieces,
            expected: { ...expected, rows },
          }),
      },
      client,
    );
    const name = csvFileName({
      ...file.named,
      asked: { ...question.filters, ...file.named.asked },
      snapshotId,
      isOfHistory: file.isOfHistory ?? false,
    });
    const { lastModified } = question;
    const links = app.published.links(file.canonical, fileDescriptions(question.snapshot));
    const { cacheControl } = file;
    return this.answerCsv({ tag, name, snapshotId, lastModified, cacheControl, links, kept });
  });
}

export default fp(sliceFiles, {
  name: 'slice-files',
  dependencies: ['exports', 'heavy-questions', 'kept-csv', 'questions'],
});
