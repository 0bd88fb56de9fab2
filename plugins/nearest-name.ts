import { distance } from 'fastest-levenshtein';

/**
 * The known name that a mistyped one was probably meant to be: the closest by edit
 * distance, case aside, unless a third of the name or more would have to change.
 */
export function nearestName(mistyped: string, known: Iterable<string>): string | undefined {
  // Beyond this length nothing that is known comes close, and the distance is quadratic.
  if (mistyped.length > 300) return undefined;
  const wanted = mistyped.toLowerCase();
  let nearest: string | undefined;
  let best = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - wanted.length) >= best) continue;
    const edits = distance(wanted, name.toLowerCase());
    if (edits < best && edits < Math.max(wanted.length, name.length)) {
      best = edits;
      nearest = name;
    }
  }
  return nearest;
}

/** Letters by which long names are told apart; what more there is costs time, and helps nobody. */
const comparedLetters = 64;

/**
 * The known name that is closest to what was given, however far it is: the same but for case,
 * one that begins with it, one that has it in it or is in it, or else the one with the smallest
 * edit distance. Among equals the one that comes first.
 *
 * @returns undefined where nothing is known
 */
export function closestName(given: string, known: Iterable<string>): string | undefined {
  const wanted = given.toLowerCase();
  let closest: string | undefined;
  let best = Infinity;
  for (const name of known) {
    const far = farness(wanted, name.toLowerCase(), best);
    if (far >= best) continue;
    best = far;
    closest = name;
  }
  return closest;
}

/** Smaller is closer; only exact where it is below the limit. */
function farness(wanted: string, name: string, limit: number): number {
  if (name === wanted) return 0;
  if (wanted !== '' && name.startsWith(wanted)) return 1;
  if (wanted !== '' && name.includes(wanted)) return 2;
  // One or two letters are in nearly every name.
  if (name.length > 2 && wanted.includes(name)) return 3;
  const difference = Math.abs(name.length - wanted.length);
  if (3 + difference >= limit) return Infinity;
  return 3 + distance(wanted.slice(0, comparedLetters), name.slice(0, comparedLetters));
}
