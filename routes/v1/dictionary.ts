/** The data dictionary: what every number means. */
import type { FastifyInstance } from 'fastify';
import { dictionaryBody, MetricDictionary } from '../../openapi/dictionary.ts';
import { plainJson, readProblems } from '../../openapi/responses.ts';

const cacheControl = 'public, max-age=3600';

export default function dictionary(app: FastifyInstance): void {
  const representation = app.representation(JSON.stringify(dictionaryBody()));
  const head = { cacheControl, links: app.published.links() };

  app.get(
    '/v1/metrics',
    {
      schema: {
        operationId: 'listMetrics',
        summary: 'The data dictionary',
        description:
          'Every metric of this release: its unit, kind, definition, caveats and source, in the ' +
          'order of the fields and columns. Answers before anything is published.',
        tags: ['About the data'],
        response: { 200: plainJson(MetricDictionary, 'The dictionary, whole.'), ...readProblems },
      },
    },
    (_request, reply) => {
      reply.answer(representation, head);
    },
  );
}
