/** Operators prove themselves with the bearer token of the installation. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from './errors.ts';

export interface AuthenticationOptions {
  /** Absent where there are no admin routes. */
  readonly adminToken: string | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** An onRequest hook that lets only operators through; undefined where there is no token. */
    requireOperator: onRequestHookHandler | undefined;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function authentication(app: FastifyInstance, options: AuthenticationOptions) {
  const { adminToken } = options;
  if (adminToken === undefined) {
    app.decorate('requireOperator', undefined);
    return;
  }
  const expected = digest(adminToken);
  app.decorate('requireOperator', (request, _reply, next) => {
    const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw ProblemError.unauthorized('Send the token as Authorization: Bearer.');
    }
    // Digests have one length, so that comparing takes the same time whatever was sent.
    if (!timingSafeEqual(digest(token), expected)) {
      throw ProblemError.unauthorized('The token is not that of this installation.');
    }
    next();
  });
}

export default fp(authentication, { name: 'authentication', dependencies: ['errors'] });
