/** Downloads that are kept as files, as answers: of courses, of groups and of slices alike. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { KeptExport } from './exports.ts';

export interface KeptCsv {
  /** Names the content, as an entity tag does. */
  readonly tag: string;
  /** What it is saved as. */
  readonly name: string;
  readonly snapshotId: number;
  readonly lastModified: Date;
  readonly cacheControl?: string | undefined;
  readonly links: readonly string[];
  readonly kept: KeptExport;
}

declare module 'fastify' {
  interface FastifyReply {
    /** Return the reply. */
    answerCsv(csv: KeptCsv): FastifyReply;
  }
}

function keptCsv(app: FastifyInstance): void {
  app.decorateReply('answerCsv', function (this: FastifyReply, csv) {
    const { tag, name, kept, cacheControl, ...head } = csv;
    return this.answerStream({
      tag,
      // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
      head: { ...head, cacheControl: cacheControl ?? 'no-cache' },
      contentType: 'text/csv; charset=utf-8; header=present',
      extraHeaders: { 'content-disposition': `attachment; filename="${name}"` },
      lateHeaders: async (left) => ({ 'row-count': String(await kept.rows(left)) }),
      kept,
    });
  });
}

export default fp(keptCsv, { name: 'kept-csv', dependencies: ['answers', 'exports'] });
