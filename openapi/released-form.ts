/**
 * What a document promises to programs, without what it says to people: the form in which the
 * document of a release is kept, so that a better sentence or another example changes nothing.
 */
import { isTree } from './document-tree.ts';

/** Members that no client is generated from, and none depends on. */
const prose = new Set([
  'contact',
  'deprecated',
  'description',
  'example',
  'examples',
  'externalDocs',
  'license',
  'summary',
  'tags',
  'title',
  'x-codeSamples',
]);

/** Members whose own members have names of ours: a property may be called `description`. */
const named = new Set([
  'content',
  'headers',
  'parameters',
  'paths',
  'properties',
  'responses',
  'schemas',
  'securitySchemes',
]);

export function releasedForm(document: object): object {
  return bare(document) as object;
}

function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !prose.has(key))
      .map(([key, member]) => [
        key,
        named.has(key) && isTree(member)
          ? Object.fromEntries(Object.entries(member).map(([name, each]) => [name, bare(each)]))
          : key === 'default' || key === 'enum' || key === 'const'
            ? member
            : bare(member),
      ]),
  );
}
