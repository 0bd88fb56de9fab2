/**
 * Says once what the document would say again and again: equal responses, headers and
 * parameters become components, and nested objects get names, so that generated clients have
 * short files and types with names that people would choose.
 */
import { STATUS_CODES } from 'node:http';

type Tree = Record<string, unknown>;

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

export function shareComponents<Document extends object>(document: Document): Document {
  const tree = document as Tree;
  const components = treeAt(tree, 'components');
  nameNestedObjects(treeAt(components, 'schemas'));
  dropUnused(tree);

  const operations = Object.values(treeAt(tree, 'paths'))
    .filter(isTree)
    .flatMap((path) => methods.map((method) => path[method]).filter(isTree));
  const responses = operations.map((operation) => treeAt(operation, 'responses'));
  shareWithin(components, 'headers', {
    places: responses.flatMap((byStatus) =>
      Object.values(byStatus)
        .filter(isTree)
        .map((response) => response['headers'])
        .filter(isTree),
    ),
    nameOf: (_header, key) => key,
  });
  shareWithin(components, 'responses', {
    places: responses,
    nameOf: (_response, status) =>
      Number(status) < 300 ? undefined : (STATUS_CODES[status] ?? '').replace(/[^A-Za-z]/g, ''),
  });
  shareWithin(components, 'parameters', {
    places: operations.map((operation) => operation['parameters']).filter(Array.isArray),
    nameOf: (parameter) =>
      pascalCase(String(parameter['name'])) + pascalCase(String(parameter['in'])),
  });
  return document;
}

interface Sharing {
  /** What holds the values, by key or by number. */
  readonly places: readonly (Tree | unknown[])[];
  /** The component's name; undefined or empty for what stays where it is. */
  readonly nameOf: (value: Tree, key: string) => string | undefined;
}

/** Of different values that would have the same name, the one that is said most often gets it. */
function shareWithin(components: Tree, section: string, { places, nameOf }: Sharing): void {
  const uses = new Map<string, Use[]>();
  for (const place of places as readonly Tree[]) {
    for (const [key, value] of Object.entries(place)) {
      const name = isTree(value) ? nameOf(value, key) : undefined;
      if (name === undefined || name === '') continue;
      const all = uses.get(name) ?? [];
      uses.set(name, all);
      all.push({ place, key, value, text: JSON.stringify(value) });
    }
  }
  const shared = treeAt(components, section);
  for (const [name, all] of uses) {
    const most = mostSaid(all);
    const [first] = most;
    if (first === undefined || most.length < 2) continue;
    shared[name] = first.value;
    for (const { place, key } of most) {
      place[key] = { $ref: `#/components/${section}/${name}` };
    }
  }
  if (Object.keys(shared).length === 0) Reflect.deleteProperty(components, section);
}

interface Use {
  readonly place: Tree;
  readonly key: string;
  readonly value: unknown;
  readonly text: string;
}

function mostSaid(all: readonly Use[]): readonly Use[] {
  const same = new Map<string, Use[]>();
  for (const use of all) same.set(use.text, [...(same.get(use.text) ?? []), use]);
  return [...same.values()].reduce((most, uses) => (uses.length > most.length ? uses : most));
}

/** An object within a component becomes a component itself: Status.limits is StatusLimits. */
function nameNestedObjects(schemas: Tree): void {
  const names = new Map<string, string>();

  function visit(schema: Tree, name: string): void {
    const { properties } = schema;
    if (!isTree(properties)) return;
    for (const [key, property] of Object.entries(properties)) {
      if (isTree(property)) properties[key] = named(property, name + pascalCase(key));
    }
  }

  function named(schema: Tree, name: string): Tree {
    const { type, items, anyOf } = schema;
    if (isTree(items)) return { ...schema, items: named(items, name.replace(/s$/, '')) };
    if (Array.isArray(anyOf)) {
      return {
        ...schema,
        anyOf: anyOf.map((choice: unknown) => (isTree(choice) ? named(choice, name) : choice)),
      };
    }
    if (!isTree(schema['properties'])) return schema;
    if (!Array.isArray(type)) return component(schema, name);
    const { description } = schema;
    return {
      anyOf: [component({ ...schema, type: 'object' }, name), { type: 'null' }],
      ...(description === undefined ? {} : { description }),
    };
  }

  function component(schema: Tree, name: string): Tree {
    visit(schema, name);
    const text = JSON.stringify(schema);
    const known = names.get(text) ?? name;
    if (known === name && name in schemas && JSON.stringify(schemas[name]) !== text) {
      throw new Error(`two different schemas of the document would be called ${name}`);
    }
    names.set(text, known);
    schemas[known] = schema;
    return { $ref: `#/components/schemas/${known}` };
  }

  for (const [name, schema] of Object.entries(schemas)) {
    if (isTree(schema)) visit(schema, name);
  }
}

/** Of what the service could say, the document has what its routes do say. */
function dropUnused(document: Tree): void {
  const { components, ...used } = document;
  const schemas = treeAt(components as Tree, 'schemas');
  const kept = new Set<string>();
  const keep = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(schemaReference)) {
      if (kept.has(name)) continue;
      kept.add(name);
      keep(schemas[name]);
    }
  };
  keep(used);
  for (const name of Object.keys(schemas)) {
    if (!kept.has(name)) Reflect.deleteProperty(schemas, name);
  }
}

const schemaReference = /"\$ref":"#\/components\/schemas\/([^"]+)"/g;

function pascalCase(name: string): string {
  return name.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, letter: string) =>
    letter.toUpperCase(),
  );
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a key, made if there is none. */
function treeAt(tree: Tree, key: string): Tree {
  const known = tree[key];
  if (isTree(known)) return known;
  const made: Tree = {};
  tree[key] = made;
  return made;
}
