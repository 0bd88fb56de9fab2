/** The program that checks a snapshot, for whoever wants to check us without our source. */
import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';

const head = { cacheControl: 'public, max-age=3600', links: [] };

export default async function verify(app: FastifyInstance): Promise<void> {
  const program = await readFile(new URL('../commands/verify.mjs', import.meta.url));
  const representation = app.representation(program, 'text/javascript; charset=utf-8');
  app.get(
    '/verify.mjs',
    { schema: { hide: true }, config: { quota: false, anyQuery: true } },
    (_request, reply) => {
      reply.answer(representation, head);
    },
  );
}
