import assert from 'node:assert/strict';
import type { Sql } from '../../db/connect.ts';
import { lockPublishing } from '../../db/queries/store.ts';
import { connectPublisher } from '../../jobs/publisher-session.ts';
import type { Cleanup } from '../embedded/holder.ts';

/** Another publisher at work, as far as anybody can see, until its session ends. */
export async function startPublisher(t: Cleanup, url: string): Promise<Sql> {
  const publisher = connectPublisher({ url });
  t.teardown(() => publisher.end());
  assert.ok(await lockPublishing(publisher), 'nobody else is at work');
  return publisher;
}
