/** Publishing on demand, and what became of each publication. */
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findRun, listRuns } from '../../db/queries/job-runs.ts';
import { locationHeaders, pageHeaders } from '../../openapi/headers.ts';
import { cursorProperty, limitProperty } from '../../openapi/page.ts';
import { operatorProblems, privateJson, problems } from '../../openapi/responses.ts';
import { Run, runBody, RunPage } from '../../openapi/run.ts';
import { identifier } from '../../openapi/scalars.ts';
import { ProblemError } from '../../plugins/errors.ts';

const StartQuery = Type.Object(
  {
    confirm_withdrawals: Type.Boolean({
      default: false,
      description: 'Says that what is missing from the source is really gone, however much.',
    }),
  },
  { additionalProperties: false },
);

const PageQuery = Type.Object(
  {
    limit: limitProperty,
    cursor: Type.Optional(cursorProperty),
  },
  { additionalProperties: false },
);

const Path = Type.Object({
  run_id: identifier({ description: 'A run_id.' }),
});

const security = [{ operatorKey: [] }];
const tags = ['Administration'];
/** The walk through runs has no question, only pages. */
const everyRun = { path: '/v1/admin/runs' };

export default function publications(app: FastifyInstance): void {
  app.post(
    '/v1/admin/snapshots',
    {
      schema: {
        operationId: 'publishSnapshot',
        summary: 'Publish now',
        description:
          'Begins a publication and gives its run, to be looked at until it has ended; if one is ' +
          'at work, that one. For the end of the Dashboard’s daily update, and by hand. It has no ' +
          'body, or an empty object.',
        tags,
        security,
        querystring: StartQuery,
        response: {
          202: privateJson(Run, 'The run, where Location says.', locationHeaders),
          ...operatorProblems,
          409: problems[409],
        },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof StartQuery> }>, reply) => {
      refuseBody(request.body);
      if (!app.publisher.hasSource) {
        throw new ProblemError('conflict', 'No source is configured, so there is nothing to read.');
      }
      const { run } = await app.publisher.start('admin', {
        confirmWithdrawals: request.query.confirm_withdrawals,
      });
      return reply
        .code(202)
        .header('location', `/v1/admin/runs/${String(run.runId)}`)
        .header('cache-control', 'no-store')
        .send(runBody(run));
    },
  );

  app.get(
    '/v1/admin/runs',
    {
      schema: {
        operationId: 'listRuns',
        summary: 'What ran, newest first',
        description: 'Every publication job, however it ended.',
        tags,
        security,
        querystring: PageQuery,
        response: { 200: privateJson(RunPage, 'A page.', pageHeaders), ...operatorProblems },
      },
    },
    async (request: FastifyRequest<{ Querystring: Static<typeof PageQuery> }>, reply) => {
      const { limit, cursor } = request.query;
      const at = cursor === undefined ? undefined : app.cursors.read(cursor, everyRun);
      if (cursor !== undefined && at === undefined) {
        throw ProblemError.invalidQuery('cursor', 'is not the next_cursor of a page of runs');
      }
      await app.publisher.settleRuns();
      const rows = await listRuns(app.sql, { before: at?.after, limit: limit + 1 });
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      const nextCursor =
        rows.length > limit && last !== undefined
          ? app.cursors.write({ pinnedTo: 0, after: last.runId }, everyRun)
          : null;
      if (nextCursor !== null) {
        const next = new URLSearchParams({ limit: String(limit), cursor: nextCursor });
        reply.header('link', `</v1/admin/runs?${next.toString()}>; rel="next"`);
      }
      return reply
        .header('cache-control', 'no-store')
        .send({ items: items.map(runBody), next_cursor: nextCursor });
    },
  );

  app.get(
    '/v1/admin/runs/:run_id',
    {
      schema: {
        operationId: 'getRun',
        summary: 'One run',
        description: 'How a publication is doing, or how it ended.',
        tags,
        security,
        params: Path,
        response: {
          200: privateJson(Run, 'The run.'),
          ...operatorProblems,
          404: problems[404],
        },
      },
    },
    async (request: FastifyRequest<{ Params: Static<typeof Path> }>, reply) => {
      await app.publisher.settleRuns();
      const run = await findRun(app.sql, request.params.run_id);
      if (run === undefined) {
        throw ProblemError.notFound(`There is no run ${String(request.params.run_id)}.`);
      }
      return reply.header('cache-control', 'no-store').send(runBody(run));
    },
  );
}

/** What was meant by a body must not be passed over: it may be a confirmation. */
function refuseBody(body: unknown): void {
  if (body === undefined || body === null) return;
  const isObject = typeof body === 'object' && !Array.isArray(body);
  const names = isObject ? Object.keys(body) : [''];
  if (names.length === 0) return;
  throw ProblemError.invalidParameters(
    names.map((name) => ({
      in: 'body',
      name: isObject ? `/${name}` : '',
      detail: Object.hasOwn(StartQuery.properties, name)
        ? `is no member of the body but a parameter of the query: ?${name}=…`
        : 'is not known here; there are no members, and the body can be left out',
    })),
  );
}
