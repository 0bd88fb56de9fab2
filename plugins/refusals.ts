/** Milliseconds in which refusals of one kind are logged once. */
const quiet = 60_000;

/**
 * What to log of answers that say "later": an overload makes thousands of them, and all of one
 * kind say the same.
 */
export class Refusals {
  readonly #clock: () => number;
  readonly #kinds = new Map<string, { loggedAt: number; since: number }>();

  /** @param clock milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * Counts one with this sentence; numbers in it make no other kind.
   *
   * @returns undefined where it is not to be logged, or how many were not since the last that was
   */
  count(sentence: string): number | undefined {
    const name = sentence.replace(/\d+/g, '0');
    const kind = this.#kinds.get(name);
    const now = this.#clock();
    if (kind !== undefined && now - kind.loggedAt < quiet) {
      kind.since += 1;
      return undefined;
    }
    this.#kinds.set(name, { loggedAt: now, since: 0 });
    return kind?.since ?? 0;
  }
}
