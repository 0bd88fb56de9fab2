/** Ways about a document that may have anything in any place. */

export type Tree = Readonly<Record<string, unknown>>;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a key; an empty one if there is none. */
export function treeAt(tree: Tree, key: string): Tree {
  const value = tree[key];
  return isTree(value) ? value : {};
}

/** The objects of the list under a key. */
export function listAt(tree: Tree, key: string): Tree[] {
  const value = tree[key];
  return Array.isArray(value) ? value.filter(isTree) : [];
}

/** A value, or what its reference leads to. */
export function resolved(document: Tree, value: unknown): Tree {
  if (!isTree(value)) return {};
  const reference = value['$ref'];
  if (typeof reference !== 'string') return value;
  return resolved(document, reference.slice('#/'.length).split('/').reduce(treeAt, document));
}

/** The schemas of a body, by their media types. */
export function contentOf(body: Tree): Map<string, Tree> {
  const media = Object.entries(treeAt(body, 'content'));
  return new Map(
    media.map(([type, value]) => [type, isTree(value) ? treeAt(value, 'schema') : {}]),
  );
}
