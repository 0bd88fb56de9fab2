/** The private scope: only for operators, with the token of the installation. */
import type { FastifyInstance } from 'fastify';
import publications from './publications.ts';

export default async function admin(app: FastifyInstance): Promise<void> {
  if (app.requireOperator === undefined) return;
  app.addHook('onRequest', app.requireOperator);
  // Nothing is begun for whom could not be told of it.
  app.addHook('preHandler', app.requireAcceptable);
  await app.register(publications);
}
