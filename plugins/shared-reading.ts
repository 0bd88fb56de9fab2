import { answered } from './answered.ts';

/**
 * One reading of the database at a time, shared by all who asked before it began: each of them
 * gets what was true after it asked, at the price of one. One that is not answered in time
 * fails, and keeps none of the next ones waiting.
 */
export class SharedReading<T> {
  readonly #load: () => Promise<T>;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | undefined;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  read(): Promise<T> {
    return (this.#next ??= this.#begin());
  }

  async #begin(): Promise<T> {
    await this.#running;
    this.#next = undefined;
    const reading = answered(this.#load());
    this.#running = reading.catch(() => undefined);
    return reading;
  }
}
