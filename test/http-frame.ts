/** An app with the whole frame, in the order in which the service registers it. */
import Fastify, { type FastifyInstance } from 'fastify';
import { Writable } from 'node:stream';
import type { Test } from 'tap';
import answers from '../plugins/answers.ts';
import cache from '../plugins/cache.ts';
import cors from '../plugins/cors.ts';
import errors from '../plugins/errors.ts';
import { httpFrameOptions } from '../plugins/http-options.ts';
import negotiation from '../plugins/negotiation.ts';
import openapi from '../plugins/openapi.ts';
import rateLimit from '../plugins/rate-limit.ts';
import type { AnswerHead } from '../plugins/representation.ts';
import securityHeaders from '../plugins/security-headers.ts';

export interface FrameOptions {
  readonly perMinute?: number;
  readonly redisUrl?: string;
  readonly clock?: () => Date;
  readonly trustProxy?: boolean;
  /** Where the log's lines go; nowhere without it. */
  readonly log?: Record<string, unknown>[];
}

/** Milliseconds: on a busy machine Redis is slow to answer, and not away for that. */
const redisPatience = 10_000;

export async function buildFrame(
  t: Test,
  routes: (app: FastifyInstance) => unknown,
  options: FrameOptions = {},
): Promise<FastifyInstance> {
  const { perMinute = 1_000_000, redisUrl, clock, log } = options;
  const app: FastifyInstance = Fastify({
    ...httpFrameOptions(),
    forceCloseConnections: true,
    trustProxy: options.trustProxy ?? false,
    logger: log === undefined ? false : { level: 'debug', stream: linesInto(log) },
  });
  t.teardown(() => app.close());
  const redis = redisUrl === undefined ? {} : { redisUrl, redisPatience };
  await app.register(errors);
  await app.register(securityHeaders);
  await app.register(cors);
  await app.register(rateLimit, { perMinute, ...redis, ...(clock === undefined ? {} : { clock }) });
  await app.register(cache, redis);
  await app.register(negotiation);
  await app.register(answers);
  await app.register(openapi, {
    version: '1.2.3',
    publicUrl: 'https://data.example.org',
    contact: 'data@example.org',
    requestsPerMinute: perMinute,
    license: {
      name: 'CC0 1.0',
      url: 'https://creativecommons.org/publicdomain/zero/1.0/',
    },
  });
  await routes(app);
  await app.ready();
  return app;
}

function linesInto(log: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        log.push(JSON.parse(line) as Record<string, unknown>);
      }
      done();
    },
  });
}

/** The address of the app, listening on a port of its own. */
export async function listen(app: FastifyInstance): Promise<URL> {
  return new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
}

export const computedAt = new Date('2026-11-22T12:00:00Z');

export const head: AnswerHead = {
  snapshotId: 42,
  lastModified: computedAt,
  cacheControl: 'no-cache',
  links: ['<https://creativecommons.org/publicdomain/zero/1.0/>; rel="license"'],
};
