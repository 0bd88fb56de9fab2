export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** Milliseconds that the work takes, and what it gives. */
export async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const began = performance.now();
  const result = await work();
  return [performance.now() - began, result];
}

/** Watches this process's memory from now on. */
export class MemoryWatch {
  readonly #before = process.memoryUsage.rss();
  #peak = this.#before;
  readonly #timer = setInterval(() => {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }, 10).unref();

  /** Megabytes by which it has grown at most. */
  stop(): number {
    clearInterval(this.#timer);
    return (this.#peak - this.#before) / 1e6;
  }
}

export const tableHead = [
  '| what | measured | against | ratio | target |',
  '|---|--:|--:|--:|--:|',
].join('\n');

export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly against: string;
  readonly ratio: string;
  readonly target: string;
}

export function printRow(row: Row): void {
  console.log(`| ${row.what} | ${row.measured} | ${row.against} | ${row.ratio} | ${row.target} |`);
}

/** `1.23 (1.10–1.40)`: the median, and the extremes of the rounds. */
export function ratioText(ratios: readonly number[]): string {
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function secondsText(milliseconds: readonly number[]): string {
  return `${(median(milliseconds) / 1000).toFixed(2)} s`;
}
