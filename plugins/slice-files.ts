/**
 * The time series of slices as files: whole, however many groups they have, so streamed and
 * kept as files like the rows of courses, up to a number of rows that nobody asks for in
 * earnest.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { streamFile, type Piece } from '../db/queries/stream-file.ts';
import { sliceFileRowLimit } from '../openapi/slice-file.ts';
import { ProblemError } from './errors.ts';
import type { Queryable, Question } from './questions.ts';

export interface SliceFile {
  /** All that is asked besides the filters, the resource first. */
  readonly about: readonly unknown[];
  readonly fileName: string;
  /** What stands above the rows. */
  readonly head: string;
  /** In one consistent transaction, as all that follows. */
  readonly count: (tx: Queryable) => Promise<number>;
  readonly pieces: (tx: Queryable) => AsyncIterable<Piece>;
}

declare module 'fastify' {
  interface FastifyReply {
    /** For a question about the newest snapshot. Return the reply. */
    answerSliceFile(question: Question, file: SliceFile): FastifyReply;
  }
}

function sliceFiles(app: FastifyInstance): void {
  app.decorateReply('answerSliceFile', function (this: FastifyReply, question, file) {
    const { ip: client } = (this as { request: FastifyRequest }).request;
    const { snapshotId } = question.snapshot;
    const { revision } = question;

    async function count(): Promise<number> {
      const rows = await app.heavy(client, () =>
        app.sql.begin('isolation level repeatable read read only', file.count),
      );
      if (rows <= sliceFileRowLimit) return rows;
      throw ProblemError.invalidQuery(
        'interval',
        `makes ${rows} rows, of at most ${sliceFileRowLimit}: ask for a longer one, set from ` +
          'and to, or ask for a smaller slice',
      );
    }

    const kept = app.exports.kept(
      {
        tag: app.questions.tag(question, file.about),
        snapshotId,
        revision,
        count,
        open: (rows) =>
          streamFile(app.downloadSql, {
            head: file.head,
            pieces: file.pieces,
            expected: { revision, rows, latestId: snapshotId },
          }),
      },
      client,
    );
    return this.answerStream({
      tag: app.questions.tag(question, file.about),
      head: {
        snapshotId,
        lastModified: question.lastModified,
        // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
        cacheControl: 'no-cache',
        links: app.published.links(),
      },
      contentType: 'text/csv; charset=utf-8; header=present',
      extraHeaders: { 'content-disposition': `attachment; filename="${file.fileName}"` },
      lateHeaders: async () => ({ 'row-count': String(await kept.rows()) }),
      kept,
    });
  });
}

export default fp(sliceFiles, {
  name: 'slice-files',
  dependencies: ['exports', 'heavy-questions', 'questions'],
});
