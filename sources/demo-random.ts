/** Reproducible chance for the demonstration: the same seeds give the same numbers. */

/** mulberry32: small, fast and good enough for plausible data; numbers in [0, 1). */
export function randomNumbers(...seeds: readonly number[]): () => number {
  let state = seeds.reduce(
    (mixed, seed) => Math.imul(mixed ^ seed ^ (mixed >>> 15), 0x9e3779b1) + 0x85ebca6b,
    0,
  );
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @throws {RangeError} when there is nothing to pick from. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}

/**
 * Prepares a draw in which an item of twice the weight comes up twice as often.
 * The draw throws a RangeError when there is nothing to pick from.
 */
export function weightedPicker<T>(
  items: readonly T[],
  weight: (item: T) => number,
): (random: () => number) => T {
  let total = 0;
  const ends = items.map((item) => (total += weight(item)));
  return (random) => {
    const drawn = random() * total;
    const item = items[ends.findIndex((end) => drawn < end)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  };
}

/** A draw of a log-normal distribution: heavy-tailed, as most of the Dashboard's numbers are. */
export function logNormal(random: () => number, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(sigma * normal);
}
