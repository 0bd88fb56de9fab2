/** The data dictionary: what every number means. */
import type { FastifyInstance } from 'fastify';
import { dictionaryBody, MetricDictionary } from '../../openapi/dictionary.ts';
import { currentJson, readProblems } from '../../openapi/responses.ts';
import type { AnswerHead } from '../../plugins/representation.ts';

const cacheControl = 'public, max-age=3600';

export default function dictionary(app: FastifyInstance): void {
  const representation = app.representation(JSON.stringify(dictionaryBody()));
  const unpublished: AnswerHead = { cacheControl, links: app.published.links() };
  let head: AnswerHead = unpublished;

  /** Of the newest snapshot, though no date tells of a release with another dictionary. */
  function headNow(): AnswerHead {
    const row = app.published.latest?.row;
    if (row === undefined || row.snapshotId === head.snapshotId) return head;
    const { snapshotId, computedAt } = row;
    head = { ...unpublished, snapshotId, lastModified: computedAt, dates: 'vague' };
    return head;
  }

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
        response: { 200: currentJson(MetricDictionary, 'The dictionary, whole.'), ...readProblems },
      },
    },
    (_request, reply) => {
      reply.answer(representation, headNow());
    },
  );
}
