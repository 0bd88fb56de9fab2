/** Search engines may read the pages; the data are for those who ask for them. */
import type { FastifyInstance } from 'fastify';

const text = `User-agent: *
Disallow: /v1/
Disallow: /system_metrics.json
`;

export default function robots(app: FastifyInstance): void {
  const representation = app.representation(text, 'text/plain; charset=utf-8');
  app.get(
    '/robots.txt',
    { schema: { hide: true }, config: { quota: false, anyQuery: true } },
    (_request, reply) => {
      reply.answer(representation, { cacheControl: 'public, max-age=86400', links: [] });
    },
  );
}
