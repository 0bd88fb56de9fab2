/** Questions that read many rows take turns, so that no question holds up the others. */
import { availableParallelism } from 'node:os';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from './errors.ts';
import { FairQueue, QueueFull, type FairQueueOptions } from './fair-queue.ts';

export type HeavyQuestionsOptions = Partial<FairQueueOptions>;

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Runs what reads many rows once it is the client's turn, unless the signal is aborted
     * before that.
     *
     * @throws {ProblemError} 503 when too many are waiting, or its turn does not come in time
     */
    heavy<T>(client: string, run: () => Promise<T>, left?: AbortSignal): Promise<T>;
  }
}

/** Fewer than half of the connections, so that light questions always find one. */
const atOnceAtMost = 4;
const waitingByDefault = 64;
/** Milliseconds: as long as a statement may take. Whoever asks would give up soon after. */
const patienceByDefault = 30_000;
/** About what a full queue takes to empty. */
const retryAfterSeconds = 10;

/**
 * How many run at once: a database on the same machine leaves a processor to what answers the
 * light ones.
 */
export function heavyAtOnce(
  address: FastifyInstance['store']['address'],
  processors: number,
): number {
  if ('url' in address) return atOnceAtMost;
  return Math.max(1, Math.min(atOnceAtMost, processors - 1));
}

function heavyQuestions(app: FastifyInstance, options: HeavyQuestionsOptions): void {
  const queue = new FairQueue({
    atOnce: options.atOnce ?? heavyAtOnce(app.store.address, availableParallelism()),
    waiting: options.waiting ?? waitingByDefault,
    patience: options.patience ?? patienceByDefault,
  });

  app.telemetry.gauge('heavy_questions_running', 'Questions that read many rows.', () => {
    return queue.running;
  });
  app.telemetry.gauge('heavy_questions_waiting', 'Those that wait for their turn.', () => {
    return queue.waiting;
  });

  async function heavy<T>(client: string, run: () => Promise<T>, left?: AbortSignal): Promise<T> {
    try {
      return await queue.run(client, run, left);
    } catch (error) {
      if (!(error instanceof QueueFull)) throw error;
      throw ProblemError.unavailable(
        'Too many large questions are waiting for their turn.',
        retryAfterSeconds,
        error,
      );
    }
  }
  app.decorate('heavy', heavy);
}

export default fp(heavyQuestions, {
  name: 'heavy-questions',
  dependencies: ['database', 'telemetry'],
});
