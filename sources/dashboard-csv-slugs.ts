/** What the Dashboard's database takes for one letter: case and accents do not matter. */
const dashboardOrder = new Intl.Collator('und', { sensitivity: 'base' });

const ascii = /^[\0-\x7f]*$/;

interface Seen {
  readonly slug: string;
  readonly line: number;
}

/**
 * The slugs of a file and their lines, compared as the Dashboard compares them, which has
 * never two courses that its database's collation (utf8mb4_unicode_ci) takes for one: without
 * case, accents, and spaces at the end. Only what both Unicode's case mapping and ICU's
 * collation take for the same is found here: a letter on which collations of other times
 * differ, such as Ø, is no ground to refuse a file. A course's id still is that of its slug.
 */
export class SlugLines {
  /** Of ASCII, which the key says everything of, the line alone. */
  readonly #byKey = new Map<string, number | Seen[]>();

  /** Notes a slug; @returns the line of an earlier one that is the same. */
  add(slug: string, line: number): number | undefined {
    const isPlain = ascii.test(slug);
    const key = isPlain ? plainKey(slug) : keyOf(slug);
    const found = this.#byKey.get(key);
    if (found === undefined) {
      this.#byKey.set(copied(key), isPlain ? line : [{ slug: copied(trimmed(slug)), line }]);
      return undefined;
    }
    const seen = typeof found === 'number' ? [{ slug: key, line: found }] : found;
    const same = seen.find((each) => dashboardOrder.compare(each.slug, trimmed(slug)) === 0);
    if (same !== undefined) return same.line;
    this.#byKey.set(key, [...seen, { slug: copied(trimmed(slug)), line }]);
    return undefined;
  }
}

function plainKey(slug: string): string {
  return trimmed(slug).toUpperCase();
}

/** The same for slugs that are the same, and for some that are not. */
function keyOf(slug: string): string {
  return plainKey(slug.normalize('NFKD').replace(/\p{M}/gu, ''));
}

/** Without spaces at the end; a pattern takes the square of a long run of them elsewhere. */
function trimmed(slug: string): string {
  let end = slug.length;
  while (slug[end - 1] === ' ') end -= 1;
  return slug.slice(0, end);
}

/** A part of a text keeps all of it in memory, here that is some hundred rows of the file. */
function copied(text: string): string {
  return Buffer.from(text).toString();
}
