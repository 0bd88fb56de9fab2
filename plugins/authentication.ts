/** Operators prove themselves with the installation's token, and others have keys for more quota. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { ApiKeys } from './api-keys.ts';
import { ProblemError } from './errors.ts';

export interface AuthenticationOptions {
  /** Absent where there are no admin routes. */
  readonly adminToken: string | undefined;
  readonly clock: () => Date;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** An onRequest hook that lets only operators through; undefined where there is no token. */
    requireOperator: onRequestHookHandler | undefined;
  }
  interface FastifyRequest {
    isOperator: boolean;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The token of a request that has one; empty where the scheme comes without. */
function bearerToken(request: FastifyRequest): string | undefined {
  const field = request.headers.authorization;
  // Other schemes are between the client and what stands in front of the service.
  if (field === undefined || !/^Bearer\b/i.test(field)) return undefined;
  return /^Bearer +(\S+) *$/i.exec(field)?.[1] ?? '';
}

function authentication(app: FastifyInstance, options: AuthenticationOptions) {
  const { adminToken, clock } = options;
  const expected = adminToken === undefined ? undefined : digest(adminToken);
  const keys = new ApiKeys(app.sql, clock, app.log);

  // Digests have one length, so that comparing takes the same time whatever was sent.
  const isOperator = (given: Buffer) => expected !== undefined && timingSafeEqual(given, expected);

  app.decorateRequest('isOperator', false);
  app.addHook('onRequest', (request, _reply, next) => {
    const isFree = request.method === 'OPTIONS' || request.routeOptions.config.quota === false;
    const token = isFree ? undefined : bearerToken(request);
    if (token === undefined) {
      next();
      return;
    }
    const given = digest(token);
    // On public routes an operator has the budget of anybody at that address.
    if (isOperator(given)) {
      request.isOperator = true;
      next();
      return;
    }
    // Where there is nothing, a key says no more than whose budget that counts against.
    const refuse = (error: Error) => {
      next(request.is404 ? undefined : error);
    };
    keys.find(token, given).then(
      (key) => {
        if (key === undefined) {
          refuse(ProblemError.unauthorized('The key is not known here, or has been revoked.'));
          return;
        }
        request.budget = { holder: key.name, perMinute: key.perMinute };
        next();
      },
      (error: unknown) => {
        refuse(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });

  const requireOperator: onRequestHookHandler = (request, _reply, next) => {
    if (request.isOperator) {
      next();
    } else if (request.budget !== null) {
      next(ProblemError.forbidden('The key is for reading; this needs the operator’s token.'));
    } else {
      next(ProblemError.unauthorized('Send the operator’s token as Authorization: Bearer.'));
    }
  };
  app.decorate('requireOperator', expected === undefined ? undefined : requireOperator);
}

export default fp(authentication, {
  name: 'authentication',
  dependencies: ['database', 'errors', 'rate-limit'],
});
