import { storable } from './storable.ts';

/** Names from the data that one kind of warning spells out; the rest are counted together. */
const namesPerKind = 20;
const longestName = 80;

/** Oddities met during a reading, as sentences for its report, and how often each was met. */
export class Warnings {
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<string, Set<string>>();

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(message: string, count = 1): void {
    if (count > 0) this.#counts.set(message, (this.#counts.get(message) ?? 0) + count);
  }

  /** Counts by a name found in the data, without letting the data make the report endless. */
  addNamed(kind: string, name: string): void {
    const names = this.#names.get(kind) ?? new Set<string>();
    this.#names.set(kind, names);
    // By code points: half of a character is nothing that the report can hold.
    const short = Array.from(storable(name.slice(0, 2 * longestName)))
      .slice(0, longestName)
      .join('');
    if (names.size < namesPerKind) names.add(short);
    this.add(names.has(short) ? `${kind}: ${short}` : `${kind}: others`);
  }
}
