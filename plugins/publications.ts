import type { FastifyInstance } from 'fastify';
import { setTimeout as delay } from 'node:timers/promises';
import { publicationChannel } from '../db/queries/store.ts';

/** Milliseconds until the first look that failed is taken again, and at most until a later one. */
const firstPause = 1000;
const longestPause = 30_000;

export interface Follower {
  /** Looks at what there is now. */
  readonly look: () => Promise<void>;
  /** What is said when it fails. */
  readonly problem: string;
  /** Aborted when the service closes: nobody looks any more. */
  readonly signal: AbortSignal;
}

/**
 * Looks at each notice of a publisher, and whenever the connection is made on which they come:
 * notices that were sent meanwhile are made up for. A look that fails is taken again until one
 * succeeds, for the next notice may be a day away.
 */
export async function followPublications(app: FastifyInstance, follower: Follower): Promise<void> {
  const { look, problem, signal } = follower;
  let newest = 0;
  async function lookUntilSeen(): Promise<void> {
    newest += 1;
    const turn = newest;
    for (let pause = firstPause; !signal.aborted && turn === newest; pause *= 2) {
      try {
        await look();
        return;
      } catch (error) {
        app.log.error({ err: error }, problem);
      }
      const waited = Math.min(pause, longestPause);
      await delay(waited, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
  const onNotice = (): void => void lookUntilSeen();
  await app.sql.listen(publicationChannel, onNotice, onNotice);
}
