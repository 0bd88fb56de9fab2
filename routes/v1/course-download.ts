/** The rows of courses at a snapshot as a file. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { courseColumns } from '../../csv/course-columns.ts';
import type { CourseDialect } from '../../csv/dialects.ts';
import { countCourses } from '../../db/queries/count-courses.ts';
import { courseSorts } from '../../db/queries/course-order.ts';
import { isEveryCourse, type CourseSelection } from '../../db/queries/course-selection.ts';
import { foldText } from '../../db/queries/search-text.ts';
import { streamCourseLines } from '../../db/queries/stream-course-lines.ts';
import { findWithdrawnSince } from '../../db/queries/withdrawn-since.ts';
import { readUntilLeft } from '../../db/queries/read-until-left.ts';
import {
  courseQuestionParameters,
  courseQuestionProperties,
  emptySearch,
} from '../../openapi/course-question.ts';
import { fileDescriptions } from '../../openapi/data-package.ts';
import { courseDialectProperty } from '../../openapi/dialect.ts';
import { csvFileName } from '../../openapi/file-name.ts';
import { filtersOf, type Filters } from '../../openapi/filters.ts';
import { readOrder } from '../../openapi/page.ts';
import { listSentence } from '../../openapi/table-schema.ts';
import { fileResponses, problems, RangeHeaders, readProblems } from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';
import type { ExportQuestion } from '../../plugins/exports.ts';
import type { Question } from '../../plugins/questions.ts';

export interface CourseDownloadOptions {
  readonly dashboardUrl: string;
}

const Query = Type.Object(
  { ...courseQuestionProperties(courseSorts), dialect: courseDialectProperty },
  { additionalProperties: false },
);

interface File {
  readonly selection: CourseSelection;
  readonly sort: string;
  readonly dialect: CourseDialect;
}

export default function courseDownload(
  app: FastifyInstance,
  { dashboardUrl }: CourseDownloadOptions,
): void {
  async function ask(query: Filters, snapshot: string): Promise<Question> {
    const question = app.questions.untied(await app.questions.ask(query, snapshot));
    // The snapshot may cease to be the newest between the count and the reading.
    return { ...question, at: { ...question.at, isLatest: false } };
  }

  async function countRows(
    { snapshot, at }: Question,
    selection: CourseSelection,
    client: string,
    left: AbortSignal,
  ): Promise<number> {
    if (!isEveryCourse(selection)) {
      const counting = () =>
        readUntilLeft(app.sql, app.sql, left, (tx) => countCourses(tx, selection, at));
      return app.heavy(client, counting, left);
    }
    const { snapshotId, totals } = snapshot;
    return (totals['courses'] ?? 0) - (await findWithdrawnSince(app.sql, snapshotId));
  }

  function exportOf(question: Question, file: File, client: string): ExportQuestion {
    const { snapshot, revision } = question;
    const { selection, sort, dialect } = file;
    return {
      tag: app.questions.tag(question, ['courses.csv', selection.q, sort, dialect, dashboardUrl]),
      snapshotId: snapshot.snapshotId,
      revision,
      count: (left) => countRows(question, selection, client, left),
      open: (rows) =>
        streamCourseLines(app.downloadSql, app.sql, {
          at: question.at,
          selection,
          order: readOrder(sort),
          dialect,
          definitionsVersion: snapshot.definitionsVersion,
          dashboardUrl,
          expected: { revision, rows },
        }),
    };
  }

  app.exports.offer({
    name: 'courses',
    columns: courseColumns,
    question: async (snapshotId) => {
      const question = await ask({}, String(snapshotId));
      const file = { selection: { filters: {} }, sort: 'course_id', dialect: 'plain' } as const;
      return exportOf(question, file, '');
    },
  });

  app.get(
    '/v1/courses.csv',
    {
      schema: {
        operationId: 'downloadCourses',
        summary: 'Courses at a snapshot, as CSV',
        description:
          'The question of /v1/courses as a file, whole: one row a course, all of them unless ' +
          'filtered; columns are the fields of a course. Null is an empty field, an empty ' +
          `string is "", and a list has | between its items. ${listSentence} ` +
          'Courses that have been withdrawn since are in no file. The file is ' +
          'whole, or the connection breaks.',
        tags: ['Courses'],
        querystring: Query,
        headers: RangeHeaders,
        response: { ...fileResponses, 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof Query> }>, reply) => {
      const { query } = request;
      const q = query.q === undefined ? undefined : foldText(query.q);
      if (q === '') throw ProblemError.invalidQuery('q', emptySearch);
      const selection = { filters: filtersOf(query), q };
      const question = await ask(query, query.snapshot);
      app.questions.requireRows(question);
      const { sort, dialect } = query;
      const { snapshotId } = question.snapshot;
      const file = exportOf(question, { selection, sort, dialect }, request.client);
      const kept = app.exports.kept(file, request.client);
      const named = { ...selection.filters, q: query.q };
      const name = csvFileName({ resource: 'courses', asked: named, snapshotId, dialect });
      const parameters = courseQuestionParameters({ ...selection, sort });
      if (dialect !== 'plain') parameters.set('dialect', dialect);
      parameters.set('snapshot', String(snapshotId));
      const { lastModified } = question;
      const links = app.published.links(
        question.asksLatest ? `/v1/courses.csv?${parameters.toString()}` : undefined,
        dialect === 'dashboard' ? undefined : fileDescriptions(question.snapshot),
      );
      return reply.answerCsv({ tag: file.tag, name, snapshotId, lastModified, links, kept });
    },
  );
}
