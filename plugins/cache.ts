/**
 * What may be kept, and for how long: an answer that says nothing of it is revalidated each
 * time, and the store behind `app.cache` keeps computed answers between requests.
 *
 * @fastify/caching also answers If-None-Match from a store of tags, whatever the path and
 * whatever would be sent now. That store is fenced off: nothing is ever in it, so that
 * `reply.etag()` is a header and no more, and only `reply.answer` and its kind say 304.
 */
import fastifyCaching from '@fastify/caching';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { AnswerStore, MemoryTexts, SharedTexts } from './cache-store.ts';
import { RedisLink } from './redis-link.ts';

export interface CacheOptions {
  /** Where instances share computed answers; each keeps its own without it. */
  readonly redisUrl?: string;
  /** Milliseconds that a request waits for Redis before it is taken for away. */
  readonly redisPatience?: number;
  /** Characters of text kept in memory, by default 64 million. */
  readonly memoryLimit?: number;
}

const tagSegment = 'entity-tags';

async function cache(app: FastifyInstance, options: CacheOptions): Promise<void> {
  const { redisUrl, redisPatience, memoryLimit = 64_000_000 } = options;
  const memory = new MemoryTexts(memoryLimit);
  const link =
    redisUrl === undefined
      ? undefined
      : new RedisLink(redisUrl, 'cached answers', app.log, redisPatience);
  if (link !== undefined) app.addHook('onClose', () => link.close());
  const texts = link === undefined ? memory : new SharedTexts(link, memory);

  await app.register(fastifyCaching, {
    privacy: fastifyCaching.privacy.NOCACHE,
    cache: new AnswerStore(texts, tagSegment),
    cacheSegment: tagSegment,
  });
}

export default fp(cache, { name: 'cache' });
