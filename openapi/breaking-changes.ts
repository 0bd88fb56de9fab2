/** What a document takes from those who built on an earlier one. */
import { contentOf, isTree, listAt, resolved, treeAt, type Tree } from './document-tree.ts';
import { narrowedRequests, widenedAnswers } from './schema-changes.ts';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** The number before the first dot of `info.version`. */
export function majorVersion(document: object): string {
  const { version } = treeAt(document as Tree, 'info');
  return String(version).split('.', 1)[0] ?? '';
}

/**
 * Sentences, one for each change that a client which worked can notice: something it asked
 * is not known, not enough or means something else now, or something it read is not there, of
 * another type, or has values that it had no reason to expect. What `docs/stability.md` says
 * may be added is none.
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
    this.#servers();
    this.#securitySchemes();
    for (const [path, operations] of Object.entries(treeAt(this.#before, 'paths'))) {
      if (!isTree(operations)) continue;
      const later = treeAt(treeAt(this.#after, 'paths'), path);
      for (const method of methods) {
        const old = operations[method];
        if (!isTree(old)) continue;
        const place = `${method.toUpperCase()} ${path}`;
        const now = later[method];
        if (isTree(now)) {
          this.#operation(place, withShared(old, operations), withShared(now, later));
        } else {
          this.#found.push(`${place} is gone`);
        }
      }
    }
    const schemas = (document: Tree) => treeAt(treeAt(document, 'components'), 'schemas');
    for (const [name, old] of Object.entries(schemas(this.#before))) {
      const now = schemas(this.#after)[name];
      if (!isTree(old)) continue;
      if (isTree(now)) this.#found.push(...widenedAnswers(name, old, now));
      else this.#found.push(`the schema ${name} is gone`);
    }
    return [...new Set(this.#found)];
  }

  #servers(): void {
    const urls = (document: Tree) => listAt(document, 'servers').map((server) => server['url']);
    const later = urls(this.#after);
    for (const url of urls(this.#before)) {
      if (!later.includes(url)) this.#found.push(`the server ${String(url)} is gone`);
    }
  }

  #securitySchemes(): void {
    const schemes = (document: Tree) => treeAt(treeAt(document, 'components'), 'securitySchemes');
    for (const [name, old] of Object.entries(schemes(this.#before))) {
      const now = schemes(this.#after)[name];
      if (!isTree(now)) this.#found.push(`the key ${name} is gone`);
      else if (
        isTree(old) &&
        ['type', 'scheme', 'in', 'name'].some((key) => old[key] !== now[key])
      ) {
        this.#found.push(`the key ${name} is sent in another way`);
      }
    }
  }

  #operation(place: string, old: Tree, now: Tree): void {
    if (old['operationId'] !== now['operationId']) {
      this.#found.push(`${place} is not called ${String(old['operationId'])} any more`);
    }
    this.#security(place, old, now);
    this.#parameters(place, old, now);
    this.#body(place, old, now);
    this.#responses(place, old, now);
  }

  /** Whoever was let through, with the keys of one alternative, has to be still. */
  #security(place: string, old: Tree, now: Tree): void {
    const later = alternatives(this.#after, now);
    for (const keys of alternatives(this.#before, old)) {
      if (later.some((needed) => needed.every((key) => keys.includes(key)))) continue;
      const who = keys.length === 0 ? 'without a key' : `with ${keys.join(' and ')} alone`;
      this.#found.push(`${place} does not answer ${who} any more`);
    }
  }

  #parameters(place: string, old: Tree, now: Tree): void {
    const earlier = parametersOf(this.#before, old);
    const later = parametersOf(this.#after, now);
    for (const [name, parameter] of earlier) {
      const other = later.get(name);
      if (other === undefined) {
        this.#found.push(`${place} does not know ${name} any more`);
        continue;
      }
      const what = `${name} of ${place}`;
      if (manner(parameter) !== manner(other)) {
        this.#found.push(`${what} is written in another way`);
      }
      const schemas = [treeAt(parameter, 'schema'), treeAt(other, 'schema')] as const;
      this.#found.push(...narrowedRequests(what, ...schemas));
    }
    for (const [name, parameter] of later) {
      if (parameter['required'] === true && earlier.get(name)?.['required'] !== true) {
        this.#found.push(`${place} needs ${name}`);
      }
    }
  }

  #body(place: string, old: Tree, now: Tree): void {
    const earlier = resolved(this.#before, old['requestBody']);
    const later = resolved(this.#after, now['requestBody']);
    if (later['required'] === true && earlier['required'] !== true) {
      this.#found.push(`${place} needs a body`);
    }
    for (const [type, schema] of contentOf(earlier)) {
      const other = contentOf(later).get(type);
      if (other === undefined) this.#found.push(`${place} does not read ${type} any more`);
      else this.#found.push(...narrowedRequests(`the body of ${place}`, schema, other));
    }
  }

  #responses(place: string, old: Tree, now: Tree): void {
    const earlier = treeAt(old, 'responses');
    const later = treeAt(now, 'responses');
    for (const status of Object.keys(later)) {
      if (!(status in earlier)) this.#found.push(`${place} may answer ${status}`);
    }
    for (const status of Object.keys(earlier)) {
      if (!(status in later)) {
        this.#found.push(`${place} does not answer ${status} any more`);
        continue;
      }
      const was = resolved(this.#before, earlier[status]);
      const is = resolved(this.#after, later[status]);
      this.#headers(`${place} ${status}`, was, is);
      for (const [type, schema] of contentOf(was)) {
        const other = contentOf(is).get(type);
        if (other === undefined) {
          this.#found.push(`${place} does not answer ${status} as ${type} any more`);
        } else {
          this.#found.push(...widenedAnswers(`${place} ${status}`, schema, other));
        }
      }
    }
  }

  #headers(place: string, was: Tree, is: Tree): void {
    const later = new Map(
      Object.entries(treeAt(is, 'headers')).map(([name, header]) => [name.toLowerCase(), header]),
    );
    for (const [name, header] of Object.entries(treeAt(was, 'headers'))) {
      const other = later.get(name.toLowerCase());
      if (other === undefined) {
        this.#found.push(`${place} has no ${name} any more`);
        continue;
      }
      const [old, now] = [resolved(this.#before, header), resolved(this.#after, other)];
      const what = `${name} of ${place}`;
      if (old['required'] === true && now['required'] !== true) {
        this.#found.push(`${what} may be left out`);
      }
      this.#found.push(...widenedAnswers(what, treeAt(old, 'schema'), treeAt(now, 'schema')));
    }
  }
}

/** An operation with the parameters that its path has for all of them. */
function withShared(operation: Tree, path: Tree): Tree {
  const shared = listAt(path, 'parameters');
  if (shared.length === 0) return operation;
  return { ...operation, parameters: [...shared, ...listAt(operation, 'parameters')] };
}

/** The keys that an operation takes, each list enough by itself. */
function alternatives(document: Tree, operation: Tree): string[][] {
  const own = 'security' in operation ? operation : document;
  const requirements = listAt(own, 'security').map((requirement) => Object.keys(requirement));
  return requirements.length === 0 ? [[]] : requirements;
}

function parametersOf(document: Tree, operation: Tree): Map<string, Tree> {
  const trees = listAt(operation, 'parameters').map((parameter) => resolved(document, parameter));
  return new Map(
    trees.map((tree) => [`the ${String(tree['in'])} parameter ${String(tree['name'])}`, tree]),
  );
}

/** How a parameter's value is written, what is left out being as OpenAPI has it. */
function manner(parameter: Tree): string {
  const isForm = ['query', 'cookie'].includes(String(parameter['in']));
  const { style = isForm ? 'form' : 'simple', allowReserved = false } = parameter;
  const { explode = style === 'form' } = parameter;
  return JSON.stringify([style, explode, allowReserved]);
}
