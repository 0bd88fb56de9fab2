/** The document in OpenAPI 3.0, for the many tools that know no other. */

type Tree = Record<string, unknown>;

/** What OpenAPI 3.0 has no word for, and the contract does not use. */
const unknownKeywords = [
  '$defs',
  'contains',
  'dependentRequired',
  'dependentSchemas',
  'else',
  'if',
  'patternProperties',
  'prefixItems',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];

/**
 * The same contract; nothing is lost but `info.summary` and the examples of a schema after
 * the first.
 * @throws {Error} on a keyword that cannot be said in 3.0
 */
export function toVersion30(document: object): object {
  const { info, ...rest } = document as { info: Tree };
  const { summary: _, ...kept } = info;
  const converted = convert(rest) as Tree;
  allowNull(converted, nullableComponents(rest));
  return { ...converted, openapi: '3.0.3', info: kept };
}

/**
 * In 3.0 a reference that may be null is only so if what it leads to may be: `allOf` takes
 * nothing that one of its schemas does not. So such components are null themselves, and are
 * used nowhere else.
 */
function nullableComponents(document: unknown): Set<string> {
  const nullable = new Set<string>();
  const never = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    if (!isTree(value)) return;
    const { $ref: reference, anyOf, ...members } = value;
    if (typeof reference === 'string') never.add(reference);
    const choices = Array.isArray(anyOf) ? (anyOf as Tree[]) : [];
    const [only, other] = choices.filter((choice) => choice['type'] !== 'null');
    if (choices.length === 2 && other === undefined && typeof only?.['$ref'] === 'string') {
      nullable.add(only['$ref']);
    } else choices.forEach(visit);
    Object.values(members).forEach(visit);
  };
  visit(document);
  for (const name of nullable) {
    if (never.has(name)) throw new Error(`OpenAPI 3.0 cannot say that ${name} is null here only`);
  }
  return nullable;
}

function allowNull(document: Tree, references: ReadonlySet<string>): void {
  for (const reference of references) {
    const [section = '', kind = '', name = ''] = reference.replace('#/', '').split('/');
    const schemas = (document[section] as Tree | undefined)?.[kind] as Tree | undefined;
    const schema = schemas?.[name];
    // Of a type of its own, or null would not be one more of them.
    if (!isTree(schema) || schema['type'] !== 'object') {
      throw new Error(`OpenAPI 3.0 cannot say that ${name} is null`);
    }
    schema['nullable'] = true;
  }
}

/** Walks to the schemas: they are under `schema`, and the components of that kind. */
function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (!isTree(value)) return value;
  return mapValues(value, (member, key) => {
    if (key === 'example' || key === 'examples') return member;
    if (key === 'schema') return convertSchema(member);
    if (key === 'schemas') return mapValues(member, convertSchema);
    return convert(member);
  });
}

function convertSchema(schema: unknown): unknown {
  if (!isTree(schema)) return schema;
  for (const keyword of unknownKeywords) {
    if (keyword in schema) throw new Error(`OpenAPI 3.0 cannot say ${keyword}`);
  }
  const { type, anyOf, examples, const: only, ...rest } = schema;
  const members = mapValues(rest, (member, key) => {
    if (key === 'properties') return mapValues(member, convertSchema);
    if (key === 'items' || key === 'additionalProperties' || key === 'not') {
      return convertSchema(member);
    }
    return key === 'allOf' || key === 'oneOf' ? eachSchema(member) : member;
  });
  return {
    ...typeOf(type),
    ...choicesOf(anyOf),
    ...members,
    ...(only === undefined ? {} : { enum: [only] }),
    ...(Array.isArray(examples) && examples.length > 0 ? { example: examples[0] as unknown } : {}),
  };
}

function typeOf(type: unknown): Tree {
  if (!Array.isArray(type)) return type === undefined ? {} : { type };
  const [one, ...others] = type.filter((each) => each !== 'null') as unknown[];
  if (one === undefined || others.length > 0) {
    throw new Error(`OpenAPI 3.0 cannot say that a type is ${type.join(' or ')}`);
  }
  return { type: one, nullable: true };
}

function choicesOf(anyOf: unknown): Tree {
  if (!Array.isArray(anyOf)) return {};
  const choices = anyOf.filter((choice) => !isTree(choice) || choice['type'] !== 'null');
  if (choices.length === anyOf.length) return { anyOf: eachSchema(anyOf) };
  if (choices.length !== 1) return { nullable: true, anyOf: eachSchema(choices) };
  // Not anyOf of one: generators take that for a type of its own. What is null or a scalar
  // has both in its type, so this is null or an object.
  return { type: 'object', nullable: true, allOf: eachSchema(choices) };
}

function eachSchema(schemas: unknown): unknown {
  return Array.isArray(schemas) ? schemas.map(convertSchema) : schemas;
}

function mapValues(value: unknown, map: (member: unknown, key: string) => unknown): Tree {
  if (!isTree(value)) throw new Error('the document has no object where one belongs');
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, map(member, key)]));
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
