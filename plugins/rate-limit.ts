/** One client cannot take the service from the others, and asking whether something changed is free. */
import fastifyRateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { prepareProblem, ProblemError } from './errors.ts';
import { isConditional } from './preconditions.ts';
import { LocalWindows, QuotaStore } from './quota-store.ts';
import { RedisLink } from './redis-link.ts';

export interface RateLimitOptions {
  /** Requests that a client may make in each window of 60 seconds. */
  readonly perMinute: number;
  /** Where instances share their counts; each has its own without it. */
  readonly redisUrl?: string;
  readonly clock?: () => Date;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False where requests are free: what operators ask, and pages with their parts. */
    quota?: false;
  }
  interface FastifyReply {
    /** Whether this request is counted already, or free. */
    quotaSettled: boolean;
    /**
     * Counts this request, once however often it is called, and says in the headers what is
     * left. Gives the problem when there was nothing left.
     */
    consumeQuota(done: (refusal?: ProblemError) => void): void;
  }
}

const windowSeconds = 60;
/** IPv6 hosts have a /64 to themselves: one address of it is no identity. */
const ipv6Subnet = 64;

async function rateLimit(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  const { perMinute, redisUrl, clock = () => new Date() } = options;
  const link = redisUrl === undefined ? undefined : new RedisLink(redisUrl, 'rate limits', app.log);
  if (link !== undefined) app.addHook('onClose', () => link.close());
  const local = new LocalWindows(clock);
  class Store extends QuotaStore {
    constructor() {
      super(local, link);
    }
  }
  const store = new Store();

  const clients = new LRUCache<string, string>({ max: 10_000 });
  function clientOf({ ip }: FastifyRequest): string {
    // Parsing an IPv6 address costs as much as all the rest of counting.
    if (!ip.includes(':')) return ip;
    let client = clients.get(ip);
    if (client === undefined) clients.set(ip, (client = normalizeIP(ip, ipv6Subnet)));
    return client;
  }

  await app.register(fastifyRateLimit, {
    // Routes may have a `config.rateLimit` of their own, in the same store.
    global: false,
    keyGenerator: clientOf,
    store: Store,
    addHeaders: silent,
    addHeadersOnExceeding: silent,
    errorResponseBuilder: (_request, { ttl }) => exceeded(Math.ceil(ttl / 1000)),
  });

  const policy = `"anonymous";q=${perMinute};w=${windowSeconds}`;
  function exceeded(seconds: number): ProblemError {
    return ProblemError.quotaExceeded(
      `The quota is used up; there is a new one in ${seconds} seconds.`,
      seconds,
    );
  }

  app.decorateReply('quotaSettled', false);
  // The plugin's own limiter awaits five times for each request, which cost a tenth of the
  // service's throughput; its store counts in memory at once.
  app.decorateReply('consumeQuota', function (this: FastifyReply, done) {
    if (this.quotaSettled) {
      done();
      return;
    }
    this.quotaSettled = true;
    store.incr(
      clientOf(this.request),
      (_error, state) => {
        if (state === undefined) {
          done();
          return;
        }
        const left = Math.max(0, perMinute - state.current);
        const seconds = Math.ceil(state.ttl / 1000);
        this.header('ratelimit-policy', policy);
        this.header('ratelimit', `"anonymous";r=${left};t=${seconds}`);
        done(state.current > perMinute ? exceeded(seconds) : undefined);
      },
      windowSeconds * 1000,
    );
  });

  app.addHook('onRoute', (route) => {
    const hook = route.config?.quota === false ? countNever : countAtOnce;
    route.onRequest = [hook, ...[route.onRequest ?? []].flat()];
  });

  // What nobody has counted on the way: errors, and routes that know nothing of conditions.
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.quotaSettled || reply.statusCode === 304 || request.method === 'OPTIONS') {
      done();
      return;
    }
    reply.consumeQuota((refusal) => {
      if (refusal === undefined) {
        done(null, payload);
        return;
      }
      if (isDestroyable(payload)) payload.destroy();
      done(null, prepareProblem(refusal, request, reply));
    });
  });
}

const countAtOnce: onRequestHookHandler = (request, reply, done) => {
  // What may become a 304 is counted when it does not.
  if (isConditional(request.raw.headers)) done();
  else reply.consumeQuota(done);
};

const countNever: onRequestHookHandler = (_request, reply, done) => {
  reply.quotaSettled = true;
  done();
};

const silent = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
  'retry-after': false,
};

function isDestroyable(payload: unknown): payload is { destroy(): void } {
  return typeof (payload as { destroy?: unknown } | null | undefined)?.destroy === 'function';
}

export default fp(rateLimit, { name: 'rate-limit', dependencies: ['errors'] });
