/** What a document takes from those who built on an earlier one. */

type Tree = Readonly<Record<string, unknown>>;

const methods = ['get', 'put', 'post', 'delete', 'patch'];

/** The number before the first dot of `info.version`. */
export function majorVersion(document: object): string {
  const { version } = treeAt(document as Tree, 'info');
  return String(version).split('.', 1)[0] ?? '';
}

/**
 * Sentences, one for each change that a client which worked can notice: something it asked
 * is not known or not enough any more, or something it read is not there or of another type.
 */
export function breakingChanges(before: object, after: object): string[] {
  return new Comparison(before as Tree, after as Tree).changes();
}

class Comparison {
  readonly #before: Tree;
  readonly #after: Tree;
  readonly #found: string[] = [];

  constructor(before: Tree, after: Tree) {
    this.#before = before;
    this.#after = after;
  }

  changes(): string[] {
    const schemas = (document: Tree) => treeAt(treeAt(document, 'components'), 'schemas');
    for (const [path, operations] of Object.entries(treeAt(this.#before, 'paths'))) {
      for (const method of methods) {
        const old = treeAt({ operations }, 'operations')[method];
        if (!isTree(old)) continue;
        const place = `${method.toUpperCase()} ${path}`;
        const now = treeAt(treeAt(this.#after, 'paths'), path)[method];
        if (isTree(now)) this.#operation(place, old, now);
        else this.#found.push(`${place} is gone`);
      }
    }
    for (const [name, old] of Object.entries(schemas(this.#before))) {
      const now = schemas(this.#after)[name];
      if (!isTree(old)) continue;
      if (isTree(now)) this.#schema(name, old, now);
      else this.#found.push(`the schema ${name} is gone`);
    }
    return this.#found;
  }

  #operation(place: string, old: Tree, now: Tree): void {
    if (old['operationId'] !== now['operationId']) {
      this.#found.push(`${place} is not called ${String(old['operationId'])} any more`);
    }
    const earlier = this.#parameters(this.#before, old);
    const later = this.#parameters(this.#after, now);
    for (const [name, parameter] of earlier) {
      const other = later.get(name);
      if (other === undefined) this.#found.push(`${place} does not know ${name} any more`);
      else this.#asked(`${name} of ${place}`, treeAt(parameter, 'schema'), treeAt(other, 'schema'));
    }
    for (const [name, parameter] of later) {
      if (parameter['required'] === true && earlier.get(name)?.['required'] !== true) {
        this.#found.push(`${place} needs ${name}`);
      }
    }
    for (const status of Object.keys(treeAt(old, 'responses'))) {
      if (!status.startsWith('2')) continue;
      const content = (document: Tree, operation: Tree) =>
        treeAt(resolved(document, treeAt(operation, 'responses')[status]), 'content');
      const laterContent = content(this.#after, now);
      for (const [type, media] of Object.entries(content(this.#before, old))) {
        const other = laterContent[type];
        if (isTree(media) && isTree(other)) {
          this.#schema(`${place} ${status}`, treeAt(media, 'schema'), treeAt(other, 'schema'));
        } else {
          this.#found.push(`${place} does not answer ${status} as ${type} any more`);
        }
      }
    }
  }

  #parameters(document: Tree, operation: Tree): Map<string, Tree> {
    const all = Array.isArray(operation['parameters']) ? operation['parameters'] : [];
    const trees = all.map((parameter: unknown) => resolved(document, parameter));
    return new Map(
      trees.map((tree) => [`the ${String(tree['in'])} parameter ${String(tree['name'])}`, tree]),
    );
  }

  /** A parameter may take more than it did, never less. */
  #asked(place: string, old: Tree, now: Tree): void {
    if (JSON.stringify(old['type']) !== JSON.stringify(now['type'])) {
      this.#found.push(`${place} is of another type`);
    }
    const words = now['enum'];
    if (Array.isArray(words)) {
      const earlier = Array.isArray(old['enum']) ? (old['enum'] as unknown[]) : ['every word'];
      for (const word of earlier.filter((each) => !words.includes(each))) {
        this.#found.push(`${place} does not take ${String(word)} any more`);
      }
    }
    if (isTree(old['items'])) this.#asked(place, old['items'], treeAt(now, 'items'));
  }

  /** What is read: nothing may vanish, or be of another type, null too. */
  #schema(place: string, old: Tree, now: Tree): void {
    for (const keyword of ['type', '$ref', 'format', 'anyOf']) {
      if (JSON.stringify(old[keyword]) !== JSON.stringify(now[keyword])) {
        this.#found.push(`${place} is of another type`);
        return;
      }
    }
    const properties = treeAt(now, 'properties');
    const needed = Array.isArray(now['required']) ? (now['required'] as unknown[]) : [];
    for (const [name, property] of Object.entries(treeAt(old, 'properties'))) {
      const other = properties[name];
      if (!isTree(property)) continue;
      if (isTree(other)) this.#schema(`${place}.${name}`, property, other);
      else this.#found.push(`${place}.${name} is gone`);
    }
    for (const name of Array.isArray(old['required']) ? (old['required'] as unknown[]) : []) {
      if (String(name) in properties && !needed.includes(name)) {
        this.#found.push(`${place}.${String(name)} may be left out`);
      }
    }
    if (isTree(old['items'])) this.#schema(`${place}[]`, old['items'], treeAt(now, 'items'));
  }
}

/** A value, or what its reference leads to. */
function resolved(document: Tree, value: unknown): Tree {
  if (!isTree(value)) return {};
  const reference = value['$ref'];
  if (typeof reference !== 'string') return value;
  return reference.slice('#/'.length).split('/').reduce(treeAt, document);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function treeAt(tree: Tree, key: string): Tree {
  const value = tree[key];
  return isTree(value) ? value : {};
}
