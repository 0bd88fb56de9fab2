/** Any page may read: the data are public, and no answer depends on who asks. */
import fastifyCors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

/** What a script of another origin may see beside the body. */
export const exposedHeaders: readonly string[] = [
  'Accept-Ranges',
  'Cache-Control',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Last-Modified',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Repr-Digest',
  'Retry-After',
  'Row-Count',
  'Snapshot-Id',
  'Vary',
];

/** Seconds for which a browser need not ask again: a day, the longest that browsers keep it. */
const preflightSeconds = 86_400;

async function cors(app: FastifyInstance): Promise<void> {
  const exposed = exposedHeaders.join(', ');
  // The same two headers for everyone: @fastify/cors works them out anew for each request,
  // which took a twentieth of the service's throughput.
  app.addHook('onRequest', (_request, reply, done) => {
    reply
      .header('access-control-allow-origin', '*')
      .header('access-control-expose-headers', exposed);
    done();
  });

  // It answers OPTIONS; in a scope of its own, so that its hook runs for nothing else.
  await app.register(async (preflight) => {
    preflight.addHook('onRequest', (request, reply, done) => {
      const methods = preflight.methodsAt(request.originalUrl);
      if (methods.length === 0) {
        done(preflight.nothingHere(request));
      } else {
        reply.header('allow', methods.join(', '));
        done();
      }
    });
    preflight.addHook('onSend', (_request, reply, _payload, done) => {
      // A 204 has no length (RFC 9110 §8.6); the plugin gives it one for the sake of old browsers.
      if (reply.statusCode === 204) reply.removeHeader('content-length');
      done();
    });
    await preflight.register(fastifyCors, {
      origin: '*',
      methods: 'GET, HEAD, OPTIONS',
      // The wildcard does not stand for Authorization (Fetch §3.3.5).
      allowedHeaders: '*, Authorization',
      maxAge: preflightSeconds,
      // Outside a browser, OPTIONS gets the same answer instead of a bare 400.
      strictPreflight: false,
    });
  });
}

export default fp(cors, { name: 'cors', dependencies: ['errors'] });
