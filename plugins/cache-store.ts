import type { AbstractCacheCompliantObject } from '@fastify/caching';
import { LRUCache } from 'lru-cache';
import type { RedisLink } from './redis-link.ts';

export type CacheKey = string | { readonly id: string; readonly segment: string };

/** A kept value, when it was kept, and how long it was to be kept; both in milliseconds. */
export interface Kept<Value> {
  readonly item: Value;
  readonly stored: number;
  readonly ttl: number;
}

/** What memory and Redis have in common: text, by key, until it expires. */
interface TextStore {
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string, milliseconds: number): Promise<void>;
}

export class MemoryTexts implements TextStore {
  readonly #texts: LRUCache<string, string>;

  /** @param limit characters of all texts and their keys together. */
  constructor(limit: number) {
    this.#texts = new LRUCache({
      maxSize: limit,
      maxEntrySize: Math.ceil(limit / 4),
      sizeCalculation: (text, key) => text.length + key.length + 1,
    });
  }

  read(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#texts.get(key));
  }

  write(key: string, text: string, milliseconds: number): Promise<void> {
    this.#texts.set(key, text, { ttl: milliseconds });
    return Promise.resolve();
  }
}

const keyPrefix = 'dashboard-open-data:cache:';

/** Shared by all instances; memory stands in while Redis is away. */
export class SharedTexts implements TextStore {
  readonly #link: RedisLink;
  readonly #memory: MemoryTexts;

  constructor(link: RedisLink, memory: MemoryTexts) {
    this.#link = link;
    this.#memory = memory;
  }

  async read(key: string): Promise<string | undefined> {
    const text = await this.#link.run((redis) => redis.get(keyPrefix + key));
    // Null is a miss; undefined is Redis being away.
    return text === undefined ? this.#memory.read(key) : (text ?? undefined);
  }

  async write(key: string, text: string, milliseconds: number): Promise<void> {
    const done = await this.#link.run((redis) =>
      redis.set(keyPrefix + key, text, 'PX', milliseconds),
    );
    if (done === undefined) await this.#memory.write(key, text, milliseconds);
  }
}

type Callback<Result> = (error: unknown, result: Result) => void;

/**
 * The store behind `app.cache`, in the protocol of abstract-cache: with a callback, or with
 * a promise when there is none. Values are what JSON can say. Every key must name all that
 * its value depends on, revision included. A miss is always possible, an error never.
 */
export class AnswerStore implements AbstractCacheCompliantObject {
  readonly #texts: TextStore;
  readonly #fencedSegment: string;

  /** @param fencedSegment what is kept in this segment is not kept, and never found. */
  constructor(texts: TextStore, fencedSegment: string) {
    this.#texts = texts;
    this.#fencedSegment = fencedSegment;
  }

  get<Value>(key: CacheKey, callback: Callback<Kept<Value> | null>): void;
  get<Value>(key: CacheKey): Promise<Kept<Value> | null>;
  get<Value>(
    key: CacheKey,
    callback?: Callback<Kept<Value> | null>,
  ): Promise<Kept<Value> | null> | undefined {
    // At once and without a promise: this is asked for every conditional request.
    if (callback !== undefined && this.#isFenced(key)) {
      callback(null, null);
      return undefined;
    }
    const found = this.#find<Value>(key);
    if (callback === undefined) return found;
    found.then(
      (kept) => {
        callback(null, kept);
      },
      (error: unknown) => {
        callback(error, null);
      },
    );
    return undefined;
  }

  /** Kept some time after the call, and told by the callback; a miss until then. */
  set(key: CacheKey, value: unknown, milliseconds: number, callback?: Callback<unknown>): void {
    if (this.#isFenced(key) || milliseconds <= 0) {
      callback?.(null, undefined);
      return;
    }
    const text = JSON.stringify({ item: value, stored: Date.now(), ttl: milliseconds });
    void this.#texts.write(nameOf(key), text, milliseconds).then(() => callback?.(null, undefined));
  }

  #isFenced(key: CacheKey): boolean {
    return typeof key === 'object' && key.segment === this.#fencedSegment;
  }

  async #find<Value>(key: CacheKey): Promise<Kept<Value> | null> {
    if (this.#isFenced(key)) return null;
    const text = await this.#texts.read(nameOf(key));
    return text === undefined ? null : (JSON.parse(text) as Kept<Value>);
  }
}

function nameOf(key: CacheKey): string {
  return typeof key === 'string' ? key : `${key.segment}:${key.id}`;
}
