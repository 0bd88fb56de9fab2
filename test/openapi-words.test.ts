import { readFile } from 'node:fs/promises';
import t from 'tap';
import { isTree, listAt, resolved, treeAt, type Tree } from '../openapi/document-tree.ts';

const read = async (name: string) =>
  JSON.parse(await readFile(new URL(`../openapi/${name}`, import.meta.url), 'utf8')) as Tree;
const document = await read('openapi.json');
const document30 = await read('openapi-3.0.json');

/** Maps, whose keys are names of ours and no words of OpenAPI. */
const maps = ['properties', 'schemas', 'headers', 'responses', 'parameters', 'paths'];

/** Every object that says something, with where it is. */
function* treesOf(value: unknown, place = ''): Generator<readonly [place: string, tree: Tree]> {
  const isMap = maps.some((name) => place.endsWith(`/${name}`));
  if (isTree(value) && !isMap) yield [place, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (isMap || (key !== 'example' && key !== 'examples')) {
      yield* treesOf(member, `${place}/${key}`);
    }
  }
}

function typesOf({ type }: Tree): unknown[] {
  return [type].flat();
}

t.test('every component and every property is described', async (t) => {
  const schemas = treeAt(treeAt(document, 'components'), 'schemas');
  const isDescribed = (value: unknown) => {
    const { description } = resolved(document, value);
    return typeof description === 'string' && /\w/.test(description);
  };
  t.strictSame(
    Object.keys(schemas).filter((name) => !isDescribed(schemas[name])),
    [],
  );
  const properties = [...treesOf(schemas, '/schemas')].flatMap(([place, tree]) =>
    Object.entries(treeAt(tree, 'properties')).map(
      ([name, property]) => [`${place}.${name}`, property] as const,
    ),
  );
  t.ok(properties.length > 200, `${String(properties.length)} properties`);
  t.strictSame(
    properties.filter(([, property]) => !isDescribed(property)).map(([place]) => place),
    [],
  );
});

t.test('answers may get more members', async (t) => {
  const closed = [...treesOf(document)].filter(
    ([, tree]) => tree['additionalProperties'] === false,
  );
  t.strictSame(closed, []);
});

t.test('whole numbers are ones that every reader holds exactly', async (t) => {
  const whole = [...treesOf(document)].filter(
    ([, tree]) => typesOf(tree).includes('integer') && !Array.isArray(tree['enum']),
  );
  t.ok(whole.length > 100);
  const isBounded = ({ minimum, maximum, format }: Tree) =>
    format === 'int64'
      ? Number(minimum) >= -Number.MAX_SAFE_INTEGER && Number(maximum) <= Number.MAX_SAFE_INTEGER
      : Number(minimum) >= 0 && (maximum === undefined || Number(maximum) < 2 ** 31);
  t.strictSame(
    whole.filter(([, tree]) => !isBounded(tree)).map(([place]) => place),
    [],
  );
});

t.test('what something is known by is the same in bodies, addresses and headers', async (t) => {
  const trees = [...treesOf(document)];
  const places = trees.flatMap(([place, tree]) => [
    ...Object.entries(treeAt(tree, 'properties'))
      .filter(([name]) => /_id$/.test(name))
      .map(([name, schema]) => [`${place}.${name}`, schema] as const),
    ...[tree]
      .filter(({ name, in: where }) => where === 'path' && /_id$/.test(String(name)))
      .map(({ schema }) => [place, schema] as const),
    ...Object.entries(treeAt(tree, 'headers'))
      .filter(([name]) => name === 'Snapshot-Id')
      .map(([name, header]) => [`${place}.${name}`, resolved(document, header)['schema']] as const),
  ]);
  t.ok(places.length > 20);
  for (const [place, schema] of places) {
    const { type, format, minimum, maximum } = schema as Tree;
    t.strictSame(
      [[type].flat()[0], format, minimum, maximum],
      ['integer', 'int64', 1, Number.MAX_SAFE_INTEGER],
      place,
    );
  }
});

t.test('nothing stands beside a reference', async (t) => {
  for (const each of [document, document30]) {
    const beside = [...treesOf(each)].filter(
      ([, tree]) => '$ref' in tree && Object.keys(tree).length > 1,
    );
    t.strictSame(beside, []);
  }
});

t.test('in 3.0 null is said beside a type, and of what is referred to', async (t) => {
  const trees = [...treesOf(document30)];
  t.strictSame(
    trees.filter(([, tree]) => typesOf(tree).includes('null')),
    [],
  );
  const nullable = trees.filter(([, tree]) => tree['nullable'] === true);
  t.ok(nullable.length > 50);
  for (const [place, tree] of nullable) {
    if (typeof tree['type'] !== 'string') t.fail(`${place} has no type`);
    for (const part of listAt(tree, 'allOf')) {
      t.equal(resolved(document30, part)['nullable'], true, `${place} allows what it refers to`);
    }
  }
});
