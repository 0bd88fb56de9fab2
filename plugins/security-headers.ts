/** Answers are data, or pages that load nothing from elsewhere; browsers are told so. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyReply {
    /** Makes the answer a page: it may load what is served here, and run no inline script. */
    asPage(): FastifyReply;
  }
}

const dataPolicy = "default-src 'none'; frame-ancestors 'none'";
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

function securityHeaders(app: FastifyInstance): void {
  // Strict-Transport-Security is left to what terminates TLS: only that knows of it. Data
  // have no links to follow, so no Referrer-Policy: each field costs every request.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff').header('content-security-policy', dataPolicy);
    done();
  });

  app.decorateReply('asPage', function (this: FastifyReply) {
    return this.header('content-security-policy', pagePolicy).header(
      'referrer-policy',
      'no-referrer',
    );
  });
}

export default fp(securityHeaders, { name: 'security-headers' });
