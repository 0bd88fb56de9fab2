/** Times of the demonstration: milliseconds since 1970, of whole seconds. */

export const hour = 3_600_000;
export const day = 24 * hour;
/** The first year that has courses and campaigns of its own. */
export const firstYear = 2015;

export function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

export function iso(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
