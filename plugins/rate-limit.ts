/** One client cannot take the service from the others, and asking whether something changed is free. */
import fastifyRateLimit, { normalizeIP } from '@fastify/rate-limit';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import {
  costSentence,
  policyField,
  stateField,
  usualCost,
  windowSeconds,
  type QuotaCost,
  type RouteCost,
} from '../openapi/quota.ts';
import { withoutPort } from './client-address.ts';
import { prepareProblem, ProblemError } from './errors.ts';
import { isConditional } from './preconditions.ts';
import { LocalWindows, QuotaStore } from './quota-store.ts';
import { RedisLink } from './redis-link.ts';

export interface RateLimitOptions {
  /** What a client without a key may spend in each window of 60 seconds. */
  readonly perMinute: number;
  /** Where instances share their counts; each has its own without it. */
  readonly redisUrl?: string;
  /** Milliseconds that a request waits for Redis before it is taken for away. */
  readonly redisPatience?: number;
  readonly clock?: () => Date;
}

/** A budget that is not shared with all who come from one address. */
export interface Budget {
  readonly holder: string;
  readonly perMinute: number;
}

/** The quota of those who have no key, for requests that are not routed. */
export interface AnonymousQuota {
  /** RateLimit-Policy. */
  readonly policy: string;
  /** Counts a request from the address; tells RateLimit, and the problem where it is refused. */
  spend(address: string, cost: number, done: (state: string, refusal?: ProblemError) => void): void;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * False where requests are free: what operators ask, and pages with their parts. A cost
     * where they take more than one of the budget, other than `openapi/quota.ts` has it.
     */
    quota?: false | RouteCost;
  }
  interface FastifyInstance {
    /** What costs more than one, once all routes are there. */
    quotaCosts: readonly QuotaCost[];
    anonymousQuota: AnonymousQuota;
    /** What `reply.consumeQuota` does, for replies that are not made for a route. */
    consumeQuota(reply: FastifyReply, done: (refusal?: ProblemError) => void): void;
  }
  interface FastifyRequest {
    /** Set before the request is counted, for whoever has a budget of their own. */
    budget: Budget | null;
    /** Who asks, where something is shared out: the holder of a budget, or an address. */
    readonly client: string;
    /** What it takes of its budget. */
    readonly cost: number;
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

/** IPv6 hosts have a /64 to themselves: one address of it is no identity. */
const ipv6Subnet = 64;

async function rateLimit(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  const { perMinute, redisUrl, redisPatience, clock = () => new Date() } = options;
  const link =
    redisUrl === undefined
      ? undefined
      : new RedisLink(redisUrl, 'rate limits', app.log, redisPatience);
  if (link !== undefined) {
    app.addHook('onReady', () => link.settled());
    app.addHook('onClose', () => link.close());
  }
  const local = new LocalWindows(clock);
  class Store extends QuotaStore {
    constructor() {
      super(local, link);
    }
  }
  const store = new Store();

  const clients = new LRUCache<string, string>({ max: 10_000 });
  function clientOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
    // Parsing an IPv6 address costs as much as all the rest of counting.
    if (!ip.includes(':')) return ip;
    let client = clients.get(ip);
    if (client === undefined) {
      client = normalizeIP(withoutPort(ip), ipv6Subnet);
      clients.set(ip, client);
    }
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

  const anonymous = budgetFields('anonymous', perMinute);

  /** Tells RateLimit, and the problem where there was too little left. */
  function spend(
    client: string,
    { name, limit }: BudgetFields,
    whole: number,
    done: (state: string, refusal?: ProblemError) => void,
  ): void {
    const cost = Math.min(whole, limit);
    const spending = { cost, limit, windowMilliseconds: windowSeconds * 1000 };
    store.spend(client, spending, ({ current, ttl, refused }) => {
      const left = Math.max(0, limit - current);
      const seconds = Math.ceil(ttl / 1000);
      done(stateField(name, left, seconds), refused ? exceeded(seconds, cost, left) : undefined);
    });
  }

  // The plugin's own limiter awaits five times for each request, which cost a tenth of the
  // service's throughput; its store counts in memory at once.
  function consumeQuota(reply: FastifyReply, done: (refusal?: ProblemError) => void): void {
    if (reply.quotaSettled) {
      done();
      return;
    }
    reply.quotaSettled = true;
    const { request } = reply;
    // Undefined where the request is not made for a route.
    const budget = (request.budget as Budget | null | undefined) ?? null;
    // What cannot be answered costs one, whatever the answer would have cost.
    const cost = reply.statusCode < 400 ? request.cost : 1;
    const fields = budget === null ? anonymous : budgetFields('key', budget.perMinute);
    const client = budget === null ? clientOf(request) : holderOf(budget);
    spend(client, fields, cost, (state, refusal) => {
      reply.header('ratelimit-policy', fields.policy);
      reply.header('ratelimit', state);
      done(refusal);
    });
  }

  app.decorateRequest('budget', null);
  app.decorateRequest('client', {
    getter(this: FastifyRequest) {
      return this.budget === null ? clientOf(this) : holderOf(this.budget);
    },
  });
  app.decorateRequest('cost', {
    getter(this: FastifyRequest) {
      return costOf(this);
    },
  });
  app.decorate('anonymousQuota', {
    policy: anonymous.policy,
    spend(address, cost, done) {
      spend(clientOf({ ip: address }), anonymous, cost, done);
    },
  } satisfies AnonymousQuota);
  app.decorateReply('quotaSettled', false);
  app.decorate('consumeQuota', consumeQuota);
  app.decorateReply('consumeQuota', function (this: FastifyReply, done) {
    consumeQuota(this, done);
  });

  const costs: QuotaCost[] = [];
  app.decorate('quotaCosts', costs);
  app.addHook('onRoute', (route) => {
    const quota = route.config?.quota ?? usualCost(route.url);
    if (quota === undefined || quota === false) {
      const hook = quota === false ? countNever : countAtOnce;
      route.onRequest = [hook, ...[route.onRequest ?? []].flat()];
      return;
    }
    // Once its parameters are found good: a mistyped question does not cost what an answer does.
    route.config = { ...route.config, quota };
    route.preHandler = [countAtOnce, ...[route.preHandler ?? []].flat()];
    if (route.method === 'HEAD') return;
    const { cost, parameter = null } = quota;
    costs.push({ path: route.url.replace(/:(\w+)/g, '{$1}'), cost, parameter });
    const { schema = {} } = route;
    route.schema = {
      ...schema,
      description: [schema.description, costSentence(quota)].filter(Boolean).join(' '),
    };
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

function holderOf(budget: Budget): string {
  return `key ${budget.holder}`;
}

interface BudgetFields {
  readonly name: string;
  readonly limit: number;
  /** RateLimit-Policy. */
  readonly policy: string;
}

function budgetFields(name: string, limit: number): BudgetFields {
  return { name, limit, policy: policyField(name, limit) };
}

function exceeded(seconds: number, cost = 1, left = 0): ProblemError {
  const used =
    left === 0
      ? 'The quota is used up'
      : `This costs ${cost} of the quota, and ${left} ${left === 1 ? 'is' : 'are'} left`;
  return ProblemError.quotaExceeded(`${used}; there is a new one in ${seconds} seconds.`, seconds);
}

function costOf({ routeOptions, query }: FastifyRequest): number {
  const quota = routeOptions.config.quota;
  if (quota === undefined || quota === false) return 1;
  const { cost, parameter } = quota;
  return parameter === undefined || parameter in (query as object) ? cost : 1;
}

const countAtOnce: onRequestHookHandler & preHandlerHookHandler = (request, reply, done) => {
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
