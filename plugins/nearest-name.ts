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
