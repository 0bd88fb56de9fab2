/** One course, and what it was at every snapshot. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findCourseStanding } from '../../db/queries/course-standing.ts';
import { findCourse } from '../../db/queries/find-course.ts';
import { listCourseVersions } from '../../db/queries/list-course-versions.ts';
import { Course, CourseHistory, courseBody, courseVersionBody } from '../../openapi/course.ts';
import { snapshotProperty } from '../../openapi/filters.ts';
import {
  continues,
  cursorProperty,
  limitProperty,
  pageAddresses,
  wrongCursor,
} from '../../openapi/page.ts';
import { json, problems, readProblems } from '../../openapi/responses.ts';
import { identifier } from '../../openapi/scalars.ts';
import { ProblemError } from '../../plugins/errors.ts';
import type { Question } from '../../plugins/questions.ts';

export interface CourseOptions {
  readonly dashboardUrl: string;
  readonly clock: () => Date;
}

const Path = Type.Object({
  course_id: identifier({ description: 'A course_id.' }),
});

const Query = Type.Object({ snapshot: snapshotProperty }, { additionalProperties: false });

const HistoryQuery = Type.Object(
  { limit: limitProperty, cursor: Type.Optional(cursorProperty) },
  { additionalProperties: false },
);

type CourseRequest = FastifyRequest<{
  Params: Static<typeof Path>;
  Querystring: Static<typeof Query>;
}>;
type HistoryRequest = FastifyRequest<{
  Params: Static<typeof Path>;
  Querystring: Static<typeof HistoryQuery>;
}>;

const absent = { 404: problems[404], 410: problems[410] };

export default function course(app: FastifyInstance, options: CourseOptions): void {
  const { dashboardUrl, clock } = options;

  /** @throws {ProblemError} 410 or 404 unless the course is public, at whichever snapshot */
  async function requirePublic(courseId: number): Promise<void> {
    const standing = await findCourseStanding(app.sql, courseId, clock());
    if (standing === 'withdrawn') {
      throw ProblemError.gone(`Course ${String(courseId)} has been withdrawn at its source.`);
    }
    if (standing === 'unknown') {
      throw ProblemError.notFound(`There is no course ${String(courseId)} here.`);
    }
  }

  /** Whether there is a course is looked up first: no precondition makes a 410 a 304. */
  function head({ snapshot, lastModified }: Question, canonical: string | undefined) {
    return {
      snapshotId: snapshot.snapshotId,
      lastModified,
      // Withdrawals reach into the past: ask every time, which a 304 makes cheap.
      cacheControl: 'no-cache',
      links: app.published.links(canonical),
    };
  }

  app.get(
    '/v1/courses/:course_id',
    {
      schema: {
        operationId: 'getCourse',
        summary: 'One course',
        description:
          'A public course as it was at the snapshot. One that has been withdrawn is gone (410) ' +
          'while its withdrawal is remembered, for 30 days, and unknown (404) afterwards.',
        tags: ['Courses'],
        params: Path,
        querystring: Query,
        response: { 200: json(Course, 'The course.'), ...absent, ...readProblems },
      },
    },
    async (request: CourseRequest, reply) => {
      const courseId = request.params.course_id;
      const question = await app.questions.ask({}, request.query.snapshot);
      const { snapshotId, definitionsVersion, hasCourseRows } = question.snapshot;
      // Of a course that has been withdrawn that is the answer, at whichever snapshot.
      if (!hasCourseRows) await requirePublic(courseId);
      app.questions.requireRows(question);
      const path = `/v1/courses/${String(courseId)}`;
      const row = await findCourse(app.sql, courseId, { ...question.at, isLatest: false });
      if (row === undefined) {
        await requirePublic(courseId);
        throw ProblemError.notFound(
          `Course ${String(courseId)} is not in snapshot ${String(snapshotId)}; ${path}/history ` +
            'lists the snapshots that it is in.',
        );
      }
      const body = JSON.stringify(courseBody(row, definitionsVersion, dashboardUrl));
      const pinned = `${path}?snapshot=${String(snapshotId)}`;
      const { asksLatest } = question;
      return reply.answer(
        app.representation(body, undefined, asksLatest ? path : pinned),
        head(question, asksLatest ? pinned : undefined),
      );
    },
  );

  app.get(
    '/v1/courses/:course_id/history',
    {
      schema: {
        operationId: 'listCourseHistory',
        summary: 'The history of a course, a page at a time',
        description:
          'The states of a public course, newest first, each with the snapshots that it holds ' +
          'at: from from_snapshot_id until, and without, to_snapshot_id. All pages of a walk ' +
          'are of the moment of the first one.',
        tags: ['Courses'],
        params: Path,
        querystring: HistoryQuery,
        response: { 200: json(CourseHistory, 'A page.'), ...absent, ...readProblems },
      },
    },
    async (request: HistoryRequest, reply) => {
      const courseId = request.params.course_id;
      const { limit, cursor } = request.query;
      const asked = { path: '/v1/courses/{course_id}/history', courseId };
      const walk = cursor === undefined ? undefined : app.cursors.read(cursor, asked);
      if (cursor !== undefined && !continues(walk, 'latest')) {
        throw ProblemError.invalidQuery('cursor', wrongCursor);
      }
      const question = await app.questions.ask({}, walk && String(walk.pinnedTo));
      const { snapshotId, definitionsVersion } = question.snapshot;
      const rows = await listCourseVersions(app.sql, courseId, {
        pinnedTo: snapshotId,
        before: walk?.after,
        limit: limit + 1,
      });
      if (rows.length === 0) {
        await requirePublic(courseId);
        if (walk === undefined) {
          throw ProblemError.notFound(
            `Course ${String(courseId)} is not in any snapshot up to ${String(snapshotId)}.`,
          );
        }
      }
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      const nextCursor =
        last && app.cursors.write({ pinnedTo: snapshotId, after: last.fromSnapshotId }, asked);
      const body = {
        snapshot_id: snapshotId,
        items: items.map((row) => courseVersionBody(row, definitionsVersion, dashboardUrl)),
        next_cursor: nextCursor ?? null,
      };
      const path = `/v1/courses/${String(courseId)}/history`;
      const said = head(question, undefined);
      if (nextCursor !== undefined) {
        const page = { snapshot: 'latest', limit };
        const next = pageAddresses(path, new URLSearchParams(), page).next(nextCursor);
        said.links.push(`<${next}>; rel="next"`);
      }
      const address = JSON.stringify({ ...asked, limit, cursor });
      return reply.answer(app.representation(JSON.stringify(body), undefined, address), said);
    },
  );
}
