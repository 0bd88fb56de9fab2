import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { RedisLink } from './redis-link.ts';

/** Clients whose windows are kept in memory; some 20 MB. Past it the least recent are forgotten. */
const clientLimit = 100_000;

export interface WindowState {
  /** What was spent in the window, this request included unless it was refused. */
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
}

/** What a request takes of its client's budget. */
export interface Spending {
  readonly cost: number;
  /** What may be spent in a window; what goes beyond it is refused, and takes nothing. */
  readonly limit: number;
  readonly windowMilliseconds: number;
}

export interface SpendingState extends WindowState {
  readonly refused: boolean;
}

interface Window {
  current: number;
  endsAt: number;
}

/** Fixed windows in memory: one starts with a client's first request after its last one ended. */
export class LocalWindows {
  readonly #clock: () => Date;
  readonly #windows = new LRUCache<string, Window>({ max: clientLimit });

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  count(client: string, windowMilliseconds: number): WindowState {
    return this.spend(client, { cost: 1, limit: Infinity, windowMilliseconds });
  }

  spend(client: string, { cost, limit, windowMilliseconds }: Spending): SpendingState {
    const now = this.#clock().getTime();
    let window = this.#windows.get(client);
    const left = (window?.endsAt ?? now) - now;
    // More than a window is left where the clock has been set back.
    if (window === undefined || left <= 0 || left > windowMilliseconds) {
      window = { current: 0, endsAt: now + windowMilliseconds };
      this.#windows.set(client, window);
    }
    const refused = window.current + cost > limit;
    if (!refused) window.current += cost;
    return { current: window.current, ttl: window.endsAt - now, refused };
  }
}

/**
 * Spends and starts a window in one step; a key that lost its expiry gets one again. A limit
 * of -1 is none.
 */
const script = `
  local window, cost, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local current = tonumber(redis.call('GET', KEYS[1]) or '0')
  local refused = 1
  if limit < 0 or current + cost <= limit then
    refused = 0
    current = redis.call('INCRBY', KEYS[1], cost)
  end
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl < 0 then
    ttl = window
    redis.call('PEXPIRE', KEYS[1], ttl)
  end
  return {current, ttl, refused}
`;

const keyPrefix = 'dashboard-open-data:quota:';

type CountCallback = (error: Error | null, state?: WindowState) => void;
type SpendCallback = (state: SpendingState) => void;

/**
 * The windows in the shape that @fastify/rate-limit wants its store. Without Redis the
 * callback is called at once; with it, windows in memory stand in while it is away.
 */
export class QuotaStore implements FastifyRateLimitStore {
  readonly #local: LocalWindows;
  readonly #link: RedisLink | undefined;
  readonly #scope: string;

  constructor(local: LocalWindows, link: RedisLink | undefined, scope = '') {
    this.#local = local;
    this.#link = link;
    this.#scope = scope;
  }

  incr(client: string, callback: CountCallback, windowMilliseconds: number): void {
    this.spend(client, { cost: 1, limit: Infinity, windowMilliseconds }, (state) => {
      callback(null, state);
    });
  }

  spend(client: string, spending: Spending, callback: SpendCallback): void {
    const key = this.#scope + client;
    if (this.#link === undefined) {
      callback(this.#local.spend(key, spending));
      return;
    }
    void this.#link
      .run((redis) => spendIn(redis, key, spending))
      .then((shared) => {
        callback(shared ?? this.#local.spend(key, spending));
      });
  }

  /** For a route with a limit of its own, which counts apart. */
  child(options: object): QuotaStore {
    const { routeInfo } = options as { routeInfo?: { url?: string } };
    return new QuotaStore(this.#local, this.#link, `${routeInfo?.url ?? ''} `);
  }
}

async function spendIn(redis: Redis, key: string, spending: Spending): Promise<SpendingState> {
  const { cost, limit, windowMilliseconds } = spending;
  const most = Number.isFinite(limit) ? limit : -1;
  const result = await redis.eval(script, 1, keyPrefix + key, windowMilliseconds, cost, most);
  const [current, ttl, refused] = result as [number, number, number];
  return { current, ttl, refused: refused === 1 };
}
