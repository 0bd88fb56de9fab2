/** Answers are data, or pages that load nothing from elsewhere; browsers are told so. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyReply {
    /** Makes the answer a page: it may load what is served here, and run no inline script. */
    asPage(): FastifyReply;
  }
}

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const pageFields = {
  'content-security-policy': pagePolicy,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
};

function securityHeaders(app: FastifyInstance): void {
  // Strict-Transport-Security is left to what terminates TLS: only that knows of it. Data are
  // never taken for a page and have no links to follow, so they need no further policy: each
  // field costs every request.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    done();
  });

  app.decorateReply('asPage', function (this: FastifyReply) {
    return this.headers(pageFields);
  });
}

export default fp(securityHeaders, { name: 'security-headers' });
