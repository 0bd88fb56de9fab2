/** Every course of a snapshot as a file. */
import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findSnapshot, type SnapshotRow } from '../../db/queries/snapshots.ts';
import { readStore } from '../../db/queries/store.ts';
import { streamCourseLines } from '../../db/queries/stream-course-lines.ts';
import { findWithdrawnSince } from '../../db/queries/withdrawn-since.ts';
import { csv, problems, readProblems } from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';

export interface CourseDownloadOptions {
  readonly dashboardUrl: string;
}

const Query = Type.Object(
  {
    snapshot: Type.String({
      default: 'latest',
      pattern: '^(latest|[1-9][0-9]{0,15})$',
      description: 'A snapshot_id, or latest.',
      examples: ['latest'],
    }),
  },
  { additionalProperties: false },
);

export default function courseDownload(
  app: FastifyInstance,
  { dashboardUrl }: CourseDownloadOptions,
): void {
  async function snapshotOf(asked: string): Promise<SnapshotRow> {
    const latest = app.published.requireLatest().row;
    if (asked === 'latest') return latest;
    const row = await findSnapshot(app.sql, Number(asked));
    if (row === undefined) {
      throw ProblemError.invalidQuery(
        'snapshot',
        `names no snapshot; the newest is ${String(latest.snapshotId)}`,
      );
    }
    if (!row.hasCourseRows) throw ProblemError.noCourseRows(row.snapshotId);
    return row;
  }

  app.get(
    '/v1/courses.csv',
    {
      schema: {
        operationId: 'downloadCourses',
        summary: 'Every course of a snapshot, as CSV',
        description:
          'One row a course, by course_id; columns are the fields of a course. Null is an empty ' +
          'field, an empty string is "". Courses that have been withdrawn since are in no file. ' +
          'The file is whole, or the connection breaks.',
        tags: ['Courses'],
        querystring: Query,
        response: { 200: csv('The file.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof Query> }>, reply) => {
      const row = await snapshotOf(request.query.snapshot);
      const store = await readStore(app.sql);
      const withdrawnSince = await findWithdrawnSince(app.sql, row.snapshotId);
      const rows = (row.totals['courses'] ?? 0) - withdrawnSince;
      const snapshotId = row.snapshotId;
      const name = `dashboard-courses-snapshot-${String(snapshotId)}.csv`;
      return reply.answerStream({
        tag: createHash('sha256')
          .update(JSON.stringify(['courses.csv', snapshotId, store.revision, dashboardUrl]))
          .digest('base64url')
          .slice(0, 22),
        head: {
          snapshotId,
          lastModified: later(row.computedAt, store.revisedAt),
          // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
          cacheControl: 'no-cache',
          links: app.published.links(
            request.query.snapshot === 'latest'
              ? `/v1/courses.csv?snapshot=${String(snapshotId)}`
              : undefined,
          ),
        },
        contentType: 'text/csv; charset=utf-8; header=present',
        extraHeaders: {
          'content-disposition': `attachment; filename="${name}"`,
          'row-count': String(rows),
        },
        open: () =>
          streamCourseLines(app.downloadSql, {
            snapshotId,
            computedAt: row.computedAt,
            definitionsVersion: row.definitionsVersion,
            dashboardUrl,
            expected: { revision: store.revision, rows },
          }),
      });
    },
  );
}

function later(a: Date, b: Date | null): Date {
  return b === null || a > b ? a : b;
}
