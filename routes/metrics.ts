/** For operators and their monitoring: how much is asked, how long it takes, what waits. */
import type { FastifyInstance } from 'fastify';
import { freeProblems, freeText } from '../openapi/responses.ts';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

export default function metrics(app: FastifyInstance): void {
  app.get(
    '/metrics',
    {
      config: { quota: false },
      schema: {
        operationId: 'getTelemetry',
        summary: 'Counts and times of this process, for Prometheus',
        description:
          'In the text format of Prometheus: requests by route, the newest snapshot, runs, what ' +
          'waits for its turn, memory and processor time. Of one instance, since it was started; ' +
          'answers while the database is away.',
        tags: ['Operations'],
        security: [],
        response: {
          200: freeText('What is counted.'),
          400: freeProblems[400],
          500: freeProblems[500],
        },
      },
    },
    async (_request, reply) => {
      const text = await app.telemetry.text();
      return reply.header('cache-control', 'no-store').type(contentType).send(text);
    },
  );
}
