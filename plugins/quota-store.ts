import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import type { RedisLink } from './redis-link.ts';

/** Clients whose windows are kept in memory; some 20 MB. Past it the least recent are forgotten. */
const clientLimit = 100_000;

export interface WindowState {
  /** Requests in the window, this one included. */
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
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
    const now = this.#clock().getTime();
    let window = this.#windows.get(client);
    if (window === undefined || window.endsAt <= now) {
      window = { current: 0, endsAt: now + windowMilliseconds };
      this.#windows.set(client, window);
    }
    window.current += 1;
    return { current: window.current, ttl: window.endsAt - now };
  }
}

/** Counts and starts a window in one step; a key that lost its expiry gets one again. */
const script = `
  local current = redis.call('INCR', KEYS[1])
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl < 0 then
    ttl = tonumber(ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ttl)
  end
  return {current, ttl}
`;

const keyPrefix = 'dashboard-open-data:quota:';

type CountCallback = (error: Error | null, state?: WindowState) => void;

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
    const key = this.#scope + client;
    if (this.#link === undefined) {
      callback(null, this.#local.count(key, windowMilliseconds));
      return;
    }
    void this.#link
      .run((redis) => countIn(redis, key, windowMilliseconds))
      .then((shared) => callback(null, shared ?? this.#local.count(key, windowMilliseconds)));
  }

  /** For a route with a limit of its own, which counts apart. */
  child(options: object): QuotaStore {
    const { routeInfo } = options as { routeInfo?: { url?: string } };
    return new QuotaStore(this.#local, this.#link, `${routeInfo?.url ?? ''} `);
  }
}

async function countIn(redis: Redis, key: string, milliseconds: number): Promise<WindowState> {
  const result = await redis.eval(script, 1, keyPrefix + key, milliseconds);
  const [current, ttl] = result as [number, number];
  return { current, ttl };
}
