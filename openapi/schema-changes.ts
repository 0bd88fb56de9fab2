/**
 * What has changed between two versions of a schema, as sentences. References are compared by
 * name: components are compared by themselves, and their names are the names of types in
 * generated clients.
 */
import { isTree, listAt, treeAt, type Tree } from './document-tree.ts';

/** Bounds below, and above, which values lie. */
const lowest = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const highest = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
/** Rules that are either the same or another. */
const rules = ['pattern', 'format', 'multipleOf', 'const', 'uniqueItems'];

/** Fields whose few words are all there will be, as `docs/stability.md` has them. */
const closedFields = ['state', 'status'];

/** What may not be sent any more, or means something else: more may be taken, never less. */
export function narrowedRequests(place: string, old: Tree, now: Tree): string[] {
  const found: string[] = [];
  if (!sameReference(old, now)) return [`${place} is of another type`];
  const later = typesOf(now);
  if (later !== undefined && !typesOf(old)?.every((type) => takes(later, type))) {
    return [`${place} is of another type`];
  }
  if (!isSame(old['default'], now['default'])) {
    found.push(
      `${place} is ${said(now['default'])} where it is left out, not ${said(old['default'])}`,
    );
  }
  const words = wordsOf(now);
  for (const word of words === undefined ? [] : (wordsOf(old) ?? ['every word'])) {
    if (!words?.includes(word)) found.push(`${place} does not take ${String(word)} any more`);
  }
  for (const keyword of [...lowest, ...highest]) {
    if (isStricter(keyword, now[keyword], old[keyword])) {
      found.push(`${place} has the ${keyword} ${said(now[keyword])}, not ${said(old[keyword])}`);
    }
  }
  for (const keyword of rules) {
    if (now[keyword] !== undefined && !isSame(old[keyword], now[keyword])) {
      found.push(`${place} has the ${keyword} ${said(now[keyword])}, not ${said(old[keyword])}`);
    }
  }
  for (const [choice, other] of pairedChoices(old, now)) {
    if (other === undefined) found.push(`${place} does not take ${nameOf(choice)} any more`);
    else found.push(...narrowedRequests(place, choice, other));
  }
  if (now['items'] !== undefined) {
    found.push(...narrowedRequests(place, treeAt(old, 'items'), treeAt(now, 'items')));
  }
  return [...found, ...narrowedMembers(place, old, now)];
}

function narrowedMembers(place: string, old: Tree, now: Tree): string[] {
  const found: string[] = [];
  const properties = treeAt(now, 'properties');
  for (const [name, property] of Object.entries(treeAt(old, 'properties'))) {
    const other = properties[name];
    if (isTree(property) && isTree(other)) {
      found.push(...narrowedRequests(`${place}.${name}`, property, other));
    } else if (now['additionalProperties'] === false) {
      found.push(`${place} does not know ${name} any more`);
    }
  }
  const needed = namesAt(old, 'required');
  for (const name of namesAt(now, 'required')) {
    if (!needed.includes(name)) found.push(`${place} needs ${name}`);
  }
  if (now['additionalProperties'] === false && old['additionalProperties'] !== false) {
    found.push(`${place} takes no other members any more`);
  }
  return found;
}

/**
 * What may be read now that was not to be expected: nothing may vanish, and no value be of
 * another type, null included, or beyond its bounds. Members may be added, and words too where
 * they are not closed.
 */
export function widenedAnswers(place: string, old: Tree, now: Tree): string[] {
  const found: string[] = [];
  if (!sameReference(old, now)) return [`${place} is of another type`];
  const earlier = typesOf(old);
  const later = typesOf(now);
  const isWider = !(later ?? ['anything']).every((type) => takes(earlier ?? [type], type));
  // Number and integer are different types in most languages, either way round.
  const isOther = earlier?.some((type) => type !== 'null' && !later?.includes(type)) === true;
  if (isWider || isOther) return [`${place} is of another type`];
  found.push(...widenedWords(place, old, now));
  for (const keyword of [...lowest, ...highest]) {
    if (isStricter(keyword, old[keyword], now[keyword])) {
      found.push(`${place} has the ${keyword} ${said(now[keyword])}, not ${said(old[keyword])}`);
    }
  }
  for (const keyword of rules) {
    // Generators make other types of other formats.
    const isFormat = keyword === 'format';
    if ((old[keyword] !== undefined || isFormat) && !isSame(old[keyword], now[keyword])) {
      found.push(`${place} has the ${keyword} ${said(now[keyword])}, not ${said(old[keyword])}`);
    }
  }
  const paired = pairedChoices(now, old);
  for (const [choice, other] of paired) {
    if (other === undefined) found.push(`${place} may be ${nameOf(choice)}`);
    else found.push(...widenedAnswers(place, other, choice));
  }
  if (old['items'] !== undefined) {
    found.push(...widenedAnswers(`${place}[]`, treeAt(old, 'items'), treeAt(now, 'items')));
  }
  const members = old['additionalProperties'];
  if (isTree(members) && Object.keys(members).length > 0) {
    const others = now['additionalProperties'];
    if (others !== false) {
      found.push(...widenedAnswers(`${place}.*`, members, isTree(others) ? others : {}));
    }
  }
  return [...found, ...lostMembers(place, old, now)];
}

function widenedWords(place: string, old: Tree, now: Tree): string[] {
  const earlier = wordsOf(old);
  const later = wordsOf(now);
  if (earlier === undefined) return [];
  if (later === undefined) return [`${place} may be any word`];
  const isClosed = closedFields.includes(place.replace(/^.*\.|\[\]$/g, ''));
  return isClosed
    ? later
        .filter((word) => !earlier.includes(word))
        .map((word) => `${place} may be ${String(word)}`)
    : [];
}

function lostMembers(place: string, old: Tree, now: Tree): string[] {
  const found: string[] = [];
  const properties = treeAt(now, 'properties');
  for (const [name, property] of Object.entries(treeAt(old, 'properties'))) {
    const other = properties[name];
    if (!isTree(property)) continue;
    if (isTree(other)) found.push(...widenedAnswers(`${place}.${name}`, property, other));
    else found.push(`${place}.${name} is gone`);
  }
  const always = namesAt(now, 'required');
  for (const name of namesAt(old, 'required')) {
    if (name in properties && !always.includes(name))
      found.push(`${place}.${name} may be left out`);
  }
  return found;
}

/** Undefined where a value may be of any type. */
function typesOf({ type }: Tree): string[] | undefined {
  return type === undefined ? undefined : [type].flat().map(String);
}

function takes(types: readonly string[], type: string): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

function wordsOf(schema: Tree): unknown[] | undefined {
  return Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : undefined;
}

function namesAt(schema: Tree, keyword: string): string[] {
  return Array.isArray(schema[keyword]) ? schema[keyword].map(String) : [];
}

/** Whether a bound leaves out something that the other, or none, does not. */
function isStricter(keyword: string, bound: unknown, than: unknown): boolean {
  if (typeof bound !== 'number') return false;
  // No text and no list is shorter than nothing.
  const isLength = lowest.includes(keyword) && !/minimum$/i.test(keyword);
  if (typeof than !== 'number') return !(isLength && bound === 0);
  return lowest.includes(keyword) ? bound > than : bound < than;
}

function sameReference(old: Tree, now: Tree): boolean {
  return old['$ref'] === now['$ref'];
}

/** Each choice of a schema that has several, with the one of the other that it answers to. */
function pairedChoices(one: Tree, other: Tree): [Tree, Tree | undefined][] {
  const choices = choicesOf(other);
  return choicesOf(one).map((choice, place) => {
    const name = nameOf(choice);
    const same = choices.filter((each) => nameOf(each) === name);
    return [choice, choices[place] && nameOf(choices[place]) === name ? choices[place] : same[0]];
  });
}

/** None where there is nothing to choose. */
function choicesOf(schema: Tree): Tree[] {
  return ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => listAt(schema, keyword));
}

function nameOf(choice: Tree): string {
  const reference = choice['$ref'];
  if (typeof reference === 'string') return reference.split('/').at(-1) ?? reference;
  return 'const' in choice ? said(choice['const']) : (typesOf(choice)?.join(' or ') ?? 'anything');
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function said(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
