/** For operators and their balancers: is it alive, and can it answer? */
import type { FastifyInstance } from 'fastify';
import { findLatestSnapshot } from '../db/queries/snapshots.ts';
import { Health } from '../openapi/health.ts';
import { freeJson, freeProblems } from '../openapi/responses.ts';
import { ProblemError } from '../plugins/errors.ts';

const healthy = freeJson(Health, 'It is.');

export default function health(app: FastifyInstance): void {
  app.get(
    '/health/live',
    {
      config: { quota: false },
      schema: {
        operationId: 'getLiveness',
        summary: 'Whether the process answers',
        description: 'Says nothing of the database: restarting would not bring it back.',
        tags: ['Operations'],
        security: [],
        response: { 200: healthy, 400: freeProblems[400], 500: freeProblems[500] },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', 'no-store').send({ status: 'ok' });
    },
  );

  app.get(
    '/health/ready',
    {
      config: { quota: false },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether questions can be answered',
        description: 'The database answers, and it has a snapshot.',
        tags: ['Operations'],
        security: [],
        response: {
          200: healthy,
          400: freeProblems[400],
          500: freeProblems[500],
          503: freeProblems[503],
        },
      },
    },
    async (_request, reply) => {
      const isThere = (await app.answered(findLatestSnapshot(app.sql))) !== undefined;
      if (app.published.latest === undefined) {
        throw ProblemError.unavailable('Nothing has been published yet.', 5);
      }
      if (!isThere) throw ProblemError.unavailable('The database has lost what was published.', 5);
      return reply.header('cache-control', 'no-store').send({ status: 'ok' });
    },
  );
}
