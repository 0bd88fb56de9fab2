/** The newest snapshot at the address that the Dashboard's front end was promised. */
import type { FastifyInstance } from 'fastify';
import { json, readProblems } from '../openapi/responses.ts';
import { Snapshot } from '../openapi/snapshot.ts';

export default function systemMetrics(app: FastifyInstance): void {
  app.get(
    '/system_metrics.json',
    {
      schema: {
        operationId: 'getSystemMetrics',
        summary: 'The newest snapshot, for the Dashboard’s front end',
        description: 'The same bytes as /v1/snapshots/latest.',
        tags: ['Snapshots'],
        response: { 200: json(Snapshot, 'The newest snapshot.'), ...readProblems },
      },
    },
    (_request, reply) => {
      const { forDashboard, head } = app.published.requireLatest();
      reply.answer(forDashboard, head, { stands: () => app.published.latest?.head === head });
    },
  );
}
