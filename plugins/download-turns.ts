/** Who may make a download when: so many at once as connections and memory allow. */
import { ProblemError } from './errors.ts';
import { FairQueue, QueueFull } from './fair-queue.ts';

/** As many as there are connections for downloads, where nobody would wait in order. */
const atOnce = 6;
/**
 * Of large ones, which are made no faster when there are more, and whoever is served first has
 * its first rows, and its last, sooner; each takes some megabytes of buffers. Small ones never
 * wait for more of them.
 */
const largeAtOnce = 1;
/** Rows of the largest download that is not a large one: some ten megabytes. */
const rowsOfSmall = 20_000;
/** Downloads that wait for their turn; a full queue takes some minutes to empty. */
const waiting = 64;
const retryAfterSeconds = 30;

export interface Turn {
  /** It is over. May be called more than once. */
  readonly leave: () => void;
  /** It waits for its readers from now on, and others need not wait for that. */
  readonly slowDown: () => void;
}

export class DownloadTurns {
  readonly #all = new FairQueue({ atOnce, waiting });
  readonly #large = new FairQueue({ atOnce: largeAtOnce, waiting });

  get running(): number {
    return this.#all.running;
  }

  get waiting(): number {
    return this.#all.waiting + this.#large.waiting;
  }

  /** Resolves when no large one is made or waits. */
  noLarge(): Promise<void> {
    return this.#large.atRest();
  }

  /**
   * Resolves when it is the client's turn.
   *
   * @throws {ProblemError} 503 when too many are waiting
   * @throws the signal's reason where it is aborted while waiting
   */
  async enter(client: string, rows: number, signal: AbortSignal): Promise<Turn> {
    try {
      const slowDown =
        rows > rowsOfSmall ? await this.#large.enter(client, signal) : () => undefined;
      try {
        const leaveAll = await this.#all.enter(client, signal);
        const leave = () => {
          slowDown();
          leaveAll();
        };
        return { leave, slowDown };
      } catch (error) {
        slowDown();
        throw error;
      }
    } catch (error) {
      if (!(error instanceof QueueFull)) throw error;
      const detail = 'Too many downloads are waiting for their turn.';
      throw ProblemError.unavailable(detail, retryAfterSeconds, error);
    }
  }
}
