/** Query strings as Fastify's router takes them, with what could not be decoded kept apart. */

const malformed = Symbol('malformed');

/** Most requests ask for nothing in particular; nobody may write to what they share. */
export const emptyQuery = Object.freeze(Object.create(null)) as Record<string, never>;

type Query = Record<string, string | string[]> & { [malformed]?: string[] };

/**
 * Names and values as `application/x-www-form-urlencoded` writes them. A name that comes
 * more than once has a list. Text that is not percent-encoded UTF-8 is kept as it came,
 * and its name noted for `malformedNames`.
 */
export function parseQueryString(text: string): Record<string, string | string[]> {
  if (text === '') return emptyQuery;
  const query = Object.create(null) as Query;
  const undecoded: string[] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const rawName = equals === -1 ? pair : pair.slice(0, equals);
    const rawValue = equals === -1 ? '' : pair.slice(equals + 1);
    const name = decode(rawName);
    const value = decode(rawValue);
    const key = name ?? rawName;
    if (name === undefined || value === undefined) undecoded.push(key);
    const earlier = query[key];
    if (earlier === undefined) query[key] = value ?? rawValue;
    else if (typeof earlier === 'string') query[key] = [earlier, value ?? rawValue];
    else earlier.push(value ?? rawValue);
  }
  if (undecoded.length > 0) query[malformed] = undecoded;
  return query;
}

/** The names of a parsed query string whose text could not be decoded. */
export function malformedNames(query: object): readonly string[] {
  return (query as Query)[malformed] ?? [];
}

function decode(text: string): string | undefined {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
