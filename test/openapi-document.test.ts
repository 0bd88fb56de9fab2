import t from 'tap';
import { shareComponents } from '../openapi/shared-components.ts';
import { toVersion30 } from '../openapi/version-3-0.ts';

const refusal = (description: string) => ({ description, headers: { A: { description: 'a' } } });
const limit = (maximum: number) => ({ name: 'page_limit', in: 'query', schema: { maximum } });
const operation = (responses: object, parameters: readonly object[] = []) => ({
  get: { parameters: [...parameters], responses },
});
const components = (schemas: object = {}) => ({ schemas });

t.test('what is said twice becomes a component; what is said once or differs stays', (t) => {
  const document = shareComponents({
    components: components(),
    paths: {
      '/a': operation({ 200: refusal('x'), 404: refusal('no') }, [limit(10)]),
      '/b': operation({ 200: refusal('x'), 404: refusal('no') }, [limit(10)]),
      '/c': operation({ 404: refusal('never') }, [limit(20)]),
    },
  });
  const a = { $ref: '#/components/headers/A' };
  t.strictSame(document.components, {
    schemas: {},
    headers: { A: { description: 'a' } },
    responses: { NotFound: { description: 'no', headers: { A: a } } },
    parameters: { PageLimitQuery: limit(10) },
  });
  const shared = operation(
    {
      200: { description: 'x', headers: { A: a } },
      404: { $ref: '#/components/responses/NotFound' },
    },
    [{ $ref: '#/components/parameters/PageLimitQuery' }],
  );
  t.strictSame(document.paths, {
    '/a': shared,
    '/b': shared,
    '/c': operation({ 404: { description: 'never', headers: { A: a } } }, [limit(20)]),
  });
  t.end();
});

const nested = (description: string) => ({
  type: ['object', 'null'],
  description,
  properties: { n: { type: 'integer' } },
});
const uses = (...names: string[]) => ({
  '/': { get: { responses: {}, 'x-uses': names.map((name) => ({ $ref: schemaAt(name) })) } },
});
const schemaAt = (name: string) => `#/components/schemas/${name}`;

t.test('an object within a component gets a name, the same for the same object', (t) => {
  const document = shareComponents({
    components: components({
      Whole: { type: 'object', properties: { last_part: nested('p') } },
      Other: {
        type: 'object',
        properties: { last_part: nested('p'), rows: { type: 'array', items: { properties: {} } } },
      },
      Unused: { type: 'object' },
    }),
    paths: uses('Whole', 'Other'),
  });
  const part = { anyOf: [{ $ref: schemaAt('WholeLastPart') }, { type: 'null' }], description: 'p' };
  t.strictSame(document.components.schemas, {
    Whole: { type: 'object', properties: { last_part: part } },
    Other: {
      type: 'object',
      properties: {
        last_part: part,
        rows: { type: 'array', items: { $ref: schemaAt('OtherRow') } },
      },
    },
    WholeLastPart: { ...nested('p'), type: 'object' },
    OtherRow: { properties: {} },
  });
  t.end();
});

t.test('two objects that would get the same name are an error', (t) => {
  const document = {
    components: components({
      Whole: { properties: { part: nested('p') } },
      WholePart: { type: 'string' },
    }),
    paths: uses('Whole', 'WholePart'),
  };
  t.throws(() => shareComponents(document), /two different schemas .* WholePart/);
  t.end();
});

const documentOf = (schema: object, two: object = { type: 'object' }) => ({
  openapi: '3.1.0',
  info: { title: 't', summary: 's' },
  paths: { '/': { get: { parameters: [{ schema }] } } },
  components: { schemas: { One: schema, Two: two } },
});

t.test('3.0 says null, constants and examples in its own words', (t) => {
  const reference = { $ref: schemaAt('Two') };
  const said = [
    [
      { type: ['integer', 'null'], format: 'int64' },
      { type: 'integer', nullable: true, format: 'int64' },
    ],
    [{ anyOf: [reference, { const: 1 }] }, { anyOf: [reference, { enum: [1] }] }],
    [
      { type: 'array', items: { const: 'a', examples: ['a', 'b'] } },
      { type: 'array', items: { enum: ['a'], example: 'a' } },
    ],
    [
      { properties: { examples: { type: ['string', 'null'] }, schema: { const: 1 } } },
      { properties: { examples: { type: 'string', nullable: true }, schema: { enum: [1] } } },
    ],
  ] as const;
  for (const [schema, expected] of said) {
    const before = documentOf(schema);
    t.strictSame(toVersion30(before), {
      ...documentOf(expected),
      openapi: '3.0.3',
      info: { title: 't' },
    });
    t.strictSame(before, documentOf(schema), 'the original stays');
  }
  t.end();
});

t.test('what is null or a component is one that may itself be null in 3.0', (t) => {
  const reference = { $ref: schemaAt('Two') };
  const choice = { anyOf: [reference, { type: 'null' }], description: 'd' };
  const expected = documentOf(
    { type: 'object', nullable: true, allOf: [reference], description: 'd' },
    { type: 'object', nullable: true },
  );
  t.strictSame(toVersion30(documentOf(choice)), {
    ...expected,
    openapi: '3.0.3',
    info: { title: 't' },
  });
  const both = { properties: { one: choice, other: reference } };
  t.throws(() => toVersion30(documentOf(both)), /cannot say that .*Two is null here only/);
  t.throws(
    () => toVersion30(documentOf(choice, { type: 'string' })),
    /cannot say that Two is null/,
  );
  t.end();
});

t.test('what 3.0 cannot say is an error', (t) => {
  for (const schema of [{ prefixItems: [] }, { type: ['string', 'integer'] }]) {
    t.throws(() => toVersion30(documentOf(schema)), /OpenAPI 3.0 cannot say/);
  }
  t.end();
});
