/** The rows of courses at a snapshot as a file. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { countCourses } from '../../db/queries/count-courses.ts';
import { courseSorts } from '../../db/queries/course-order.ts';
import { isEveryCourse } from '../../db/queries/course-selection.ts';
import { foldText } from '../../db/queries/search-text.ts';
import { streamCourseLines } from '../../db/queries/stream-course-lines.ts';
import { findWithdrawnSince } from '../../db/queries/withdrawn-since.ts';
import {
  courseQuestionParameters,
  courseQuestionProperties,
  emptySearch,
} from '../../openapi/course-question.ts';
import { filtersOf } from '../../openapi/filters.ts';
import { readOrder } from '../../openapi/page.ts';
import { csv, problems, readProblems } from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';
import { downloadCost } from '../../openapi/quota.ts';

export interface CourseDownloadOptions {
  readonly dashboardUrl: string;
}

const Query = Type.Object(courseQuestionProperties(courseSorts), { additionalProperties: false });

export default function courseDownload(
  app: FastifyInstance,
  { dashboardUrl }: CourseDownloadOptions,
): void {
  app.get(
    '/v1/courses.csv',
    {
      schema: {
        operationId: 'downloadCourses',
        summary: 'Courses at a snapshot, as CSV',
        description:
          'The question of /v1/courses as a file, whole: one row a course, all of them unless ' +
          'filtered; columns are the fields of a course. Null is an empty field, an empty ' +
          'string is "". Courses that have been withdrawn since are in no file. The file is ' +
          'whole, or the connection breaks.',
        tags: ['Courses'],
        querystring: Query,
        response: { 200: csv('The file.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof Query> }>, reply) => {
      const { query } = request;
      const q = query.q === undefined ? undefined : foldText(query.q);
      if (q === '') throw ProblemError.invalidQuery('q', emptySearch);
      const selection = { filters: filtersOf(query), q };
      const question = await app.questions.ask(query, query.snapshot);
      app.questions.requireRows(question);
      const { snapshot, revision } = question;
      const { snapshotId } = snapshot;
      // Not tied to its being the latest, which it may cease to be while the file is read.
      const at = { ...question.at, isLatest: false };
      const every = isEveryCourse(selection);
      const rows = every
        ? (snapshot.totals['courses'] ?? 0) - (await findWithdrawnSince(app.sql, snapshotId))
        : await app.heavy(request.ip, () => countCourses(app.sql, selection, at));
      const what = every ? 'courses' : 'courses-selection';
      const name = `dashboard-${what}-snapshot-${String(snapshotId)}.csv`;
      const parameters = courseQuestionParameters({ ...selection, sort: query.sort });
      parameters.set('snapshot', String(snapshotId));
      return reply.answerStream({
        tag: app.questions.tag(question, ['courses.csv', q, query.sort, dashboardUrl]),
        head: {
          snapshotId,
          lastModified: question.lastModified,
          // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
          cacheControl: 'no-cache',
          links: app.published.links(
            question.asksLatest ? `/v1/courses.csv?${parameters.toString()}` : undefined,
          ),
        },
        contentType: 'text/csv; charset=utf-8; header=present',
        extraHeaders: {
          'content-disposition': `attachment; filename="${name}"`,
          'row-count': String(rows),
        },
        open: () =>
          streamCourseLines(app.downloadSql, {
            at,
            selection,
            order: readOrder(query.sort),
            definitionsVersion: snapshot.definitionsVersion,
            dashboardUrl,
            expected: { revision, rows },
          }),
      });
    },
  );
}
      config: { quota: { cost: downloadCost } },
