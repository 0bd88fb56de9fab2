/** The rows of courses at a snapshot, a page at a time. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { courseSorts } from '../../db/queries/course-order.ts';
import { listCourses } from '../../db/queries/list-courses.ts';
import { foldText } from '../../db/queries/search-text.ts';
import { findWithdrawnSince } from '../../db/queries/withdrawn-since.ts';
import { CoursePage, courseBody } from '../../openapi/course.ts';
import {
  courseQuestionParameters,
  courseQuestionProperties,
  emptySearch,
} from '../../openapi/course-question.ts';
import { filtersOf } from '../../openapi/filters.ts';
import {
  continues,
  cursorProperty,
  limitProperty,
  pageAddresses,
  readOrder,
  wrongCursor,
} from '../../openapi/page.ts';
import { json, problems, readProblems } from '../../openapi/responses.ts';
import { ProblemError } from '../../plugins/errors.ts';

export interface CoursesOptions {
  readonly dashboardUrl: string;
}

const Query = Type.Object(
  {
    ...courseQuestionProperties(courseSorts),
    limit: limitProperty,
    cursor: Type.Optional(cursorProperty),
  },
  { additionalProperties: false },
);

export default function courses(app: FastifyInstance, { dashboardUrl }: CoursesOptions): void {
  app.get(
    '/v1/courses',
    {
      schema: {
        operationId: 'listCourses',
        summary: 'Courses at a snapshot, a page at a time',
        description:
          'Rows of public courses as they were at the snapshot. All pages of a walk are of one ' +
          'snapshot, that of the first, and give every course that is still public once, ' +
          'whatever is published meanwhile. Courses come by course_id unless sorted; those that ' +
          'are alike come by course_id too.',
        tags: ['Courses'],
        querystring: Query,
        response: { 200: json(CoursePage, 'A page.'), 404: problems[404], ...readProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof Query> }>, reply) => {
      const { query } = request;
      const { limit, sort, cursor } = query;
      const q = query.q === undefined ? undefined : foldText(query.q);
      if (q === '') throw ProblemError.invalidQuery('q', emptySearch);
      const asked = { path: '/v1/courses', filters: filtersOf(query), q, sort };
      const order = readOrder(sort);
      const walk = cursor === undefined ? undefined : app.cursors.readSorted(cursor, asked);
      if (cursor !== undefined && !continues(walk, query.snapshot)) {
        throw ProblemError.invalidQuery('cursor', wrongCursor);
      }
      const question = await app.questions.ask(
        query,
        walk === undefined ? query.snapshot : String(walk.pinnedTo),
      );
      app.questions.requireRows(question);
      const { snapshotId, definitionsVersion } = question.snapshot;
      const addresses = pageAddresses('/v1/courses', courseQuestionParameters(asked), query);

      return reply.answerQuestion(question, {
        about: ['courses', q, sort, limit, walk?.after, dashboardUrl],
        canonical: addresses.canonical(snapshotId),
        compute: async (tx, at) => {
          const rows = await listCourses(tx, {
            selection: asked,
            at,
            order,
            after: walk && { key: walk.after.key, courseId: walk.after.id },
            limit: limit + 1,
          });
          const items = rows.slice(0, limit);
          const last = rows.length > limit ? items.at(-1) : undefined;
          const after = last && { key: last.sortKey, id: last.courseId };
          const nextCursor =
            after && app.cursors.writeSorted({ pinnedTo: snapshotId, after }, asked);
          const body = {
            snapshot_id: snapshotId,
            withdrawn_since: await findWithdrawnSince(tx, snapshotId),
            items: items.map((row) => courseBody(row, definitionsVersion, dashboardUrl)),
            next_cursor: nextCursor ?? null,
          };
          return {
            body: JSON.stringify(body),
            ...(nextCursor === undefined ? {} : { next: addresses.next(nextCursor) }),
          };
        },
      });
    },
  );
}
