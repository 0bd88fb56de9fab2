import type { FastifyBaseLogger } from 'fastify';
import { Redis } from 'ioredis';

/** Milliseconds: what a request waits for Redis at most, and then how long it is left alone. */
const usualPatience = 250;
const restAfterFailure = 2_000;

/**
 * A connection to Redis that may be away at any time. What is kept there is a convenience,
 * so nothing fails with it: a command that cannot be run gives undefined, at once while
 * Redis is known to be away. Going away and coming back are logged, once each.
 */
export class RedisLink {
  readonly redis: Redis;
  readonly #log: FastifyBaseLogger;
  readonly #purpose: string;
  #away = false;
  #retryAt = 0;

  constructor(url: string, purpose: string, log: FastifyBaseLogger, patience = usualPatience) {
    this.#log = log;
    this.#purpose = purpose;
    this.redis = new Redis(url, {
      commandTimeout: patience,
      connectTimeout: 2_000,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(attempt * 200, 5_000),
    });
    this.redis.on('error', (error: Error) => {
      this.#failed(error);
    });
  }

  async run<Result>(command: (redis: Redis) => Promise<Result>): Promise<Result | undefined> {
    if (this.#away && performance.now() < this.#retryAt) return undefined;
    try {
      const result = await command(this.redis);
      if (this.#away) {
        this.#away = false;
        this.#log.info(`Redis is back for ${this.#purpose}.`);
      }
      return result;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Settles once it is known whether Redis is there, so that the first requests count too. */
  settled(): Promise<void> {
    const { redis } = this;
    if (redis.status === 'ready') return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        redis.off('ready', settle).off('error', settle);
        resolve();
      };
      redis.on('ready', settle).on('error', settle);
    });
  }

  close(): void {
    this.redis.disconnect();
  }

  #failed(error: unknown): void {
    this.#retryAt = performance.now() + restAfterFailure;
    if (this.#away) return;
    this.#away = true;
    // Of the error its words alone: it holds the command that failed, with a password or an address.
    const cause = error instanceof Error ? error.message : String(error);
    this.#log.warn({ cause }, `Redis is away; ${this.#purpose} are local to this instance.`);
  }
}
