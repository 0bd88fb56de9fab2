/**
 * What is asked over open connections while the service closes is refused as every other
 * problem is, and the connection ends with it: Fastify's own refusal is none of the contract's.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from './errors.ts';

function closing(app: FastifyInstance): void {
  let closes = false;
  app.addHook('preClose', (done) => {
    closes = true;
    done();
  });
  app.addHook('onRequest', (_request, reply, done) => {
    if (!closes) {
      done();
      return;
    }
    reply.header('connection', 'close');
    done(ProblemError.unavailable('This instance is shutting down; ask again.', 1));
  });
}

export default fp(closing, {
  name: 'closing',
  dependencies: ['errors', 'security-headers', 'cors'],
});
