/**
 * Parameters are read exactly. A query string is text: `5.0`, ` 5`, `0x10` and nothing at
 * all are not whole numbers, although Ajv's coercion would take them for some. So text is
 * turned into the schema's type here, and Ajv checks the values without coercing any.
 */
import { Ajv, type AnySchemaObject, type ErrorObject } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { ParameterPlace, ParameterProblem } from '../openapi/problem.ts';
import { ProblemError } from './errors.ts';
import { nearestName } from './nearest-name.ts';
import { expectation, quote } from './parameter-sentences.ts';
import { emptyQuery, malformedNames } from './query-string.ts';

interface RouteSchema {
  readonly schema: AnySchemaObject;
  readonly httpPart?: string;
}

type Validate = (data: unknown) => true | { value: unknown } | { error: ProblemError };

const places: Readonly<Record<string, ParameterPlace>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
};

/** A day of the calendar from year 1 on: what PostgreSQL's `date` can be, up to year 9999. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text.startsWith('0000')) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** For Fastify's `schemaController.compilersFactory.buildValidator`. */
export function buildValidator(
  sharedSchemas: Readonly<Record<string, AnySchemaObject>>,
): (route: RouteSchema) => Validate {
  const ajv = new Ajv({
    allErrors: true,
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: true,
    verbose: true,
    // OpenAPI's annotations are not JSON Schema's.
    strictSchema: false,
    strictTypes: false,
  });
  ajvFormats.default(ajv);
  ajv.addFormat('date', isDay);
  for (const [id, schema] of Object.entries(sharedSchemas)) ajv.addSchema(schema, id);

  function resolve(schema: AnySchemaObject | undefined): AnySchemaObject {
    if (schema === undefined) return {};
    const reference: unknown = schema['$ref'];
    if (typeof reference !== 'string') return schema;
    const id = reference.replace(/#$/, '');
    return resolve(sharedSchemas[id]);
  }

  return ({ schema: given, httpPart = 'body' }) => {
    const place = places[httpPart] ?? 'body';
    let schema = resolve(given);
    if (place === 'query') schema = { additionalProperties: false, ...schema };
    const stored = typeof schema['$id'] === 'string' ? ajv.getSchema(schema['$id']) : undefined;
    const check = stored ?? ajv.compile(schema);
    const properties = (schema['properties'] ?? {}) as Record<string, AnySchemaObject>;
    const names = Object.keys(properties);
    const resolved = new Map(names.map((name) => [name, resolve(properties[name])]));

    return (data) => {
      // Nothing to read, and no defaults to fill in: most requests of most routes.
      if (data === emptyQuery && names.length === 0) return true;
      const problems = new ParameterProblems(place);
      const value = place === 'body' ? data : readText(data, resolved, problems);
      if (check(value) === true && problems.none) return { value };
      for (const error of check.errors ?? []) describe(error, names, resolved, problems);
      return { error: ProblemError.invalidParameters(problems.all()) };
    };
  };
}

/** The first problem of each parameter. */
class ParameterProblems {
  readonly place: ParameterPlace;
  #byName: Map<string, ParameterProblem> | undefined;

  constructor(place: ParameterPlace) {
    this.place = place;
  }

  get none(): boolean {
    return this.#byName === undefined;
  }

  all(): ParameterProblem[] {
    return [...(this.#byName?.values() ?? [])];
  }

  add(name: string, detail: string): void {
    this.#byName ??= new Map();
    if (!this.#byName.has(name)) this.#byName.set(name, { in: this.place, name, detail });
  }
}

/** The parameters with their text turned into values; what cannot be is reported and left as it is. */
function readText(
  data: unknown,
  schemas: ReadonlyMap<string, AnySchemaObject>,
  problems: ParameterProblems,
): Record<string, unknown> {
  const text = data as Record<string, unknown>;
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of malformedNames(text)) problems.add(name, 'is not percent-encoded UTF-8');
  for (const name in text) {
    const schema = schemas.get(name);
    const raw = text[name];
    values[name] = schema === undefined ? raw : readParameter(name, raw, schema, problems);
  }
  return values;
}

function readParameter(
  name: string,
  raw: unknown,
  schema: AnySchemaObject,
  problems: ParameterProblems,
): unknown {
  if (schema['type'] === 'array') {
    const items = (schema['items'] ?? {}) as AnySchemaObject;
    return [raw].flat().map((item) => readScalar(name, item, items, problems));
  }
  if (Array.isArray(raw)) {
    problems.add(name, `may be given only once; got ${raw.length}`);
    return raw;
  }
  return readScalar(name, raw, schema, problems);
}

function readScalar(
  name: string,
  raw: unknown,
  schema: AnySchemaObject,
  problems: ParameterProblems,
): unknown {
  if (typeof raw !== 'string') return raw;
  const value = readValue(raw, schema['type']);
  if (value === undefined) {
    problems.add(name, `${expectation(schema)}; got ${quote(raw)}`);
    return raw;
  }
  if (raw.includes('\0')) problems.add(name, 'must not contain the character U+0000');
  return value;
}

function readValue(text: string, type: unknown): unknown {
  switch (type) {
    case 'integer': {
      const number = /^(?:0|-?[1-9]\d*)$/.test(text) ? Number(text) : NaN;
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case 'number':
      return /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    default:
      return text;
  }
}

/** One sentence for each bad parameter: from its schema, not from the keyword that failed. */
function describe(
  error: ErrorObject,
  names: readonly string[],
  schemas: ReadonlyMap<string, AnySchemaObject>,
  problems: ParameterProblems,
): void {
  const { place } = problems;
  const pointer = error.instancePath;
  const params = error.params as Record<string, string>;
  if (error.keyword === 'additionalProperties') {
    const name = params['additionalProperty'] ?? '';
    const full = place === 'body' ? `${pointer}/${name}` : name;
    problems.add(full, `is not known here; ${suggestion(name, error, names)}`);
  } else if (error.keyword === 'required') {
    const name = params['missingProperty'] ?? '';
    problems.add(place === 'body' ? `${pointer}/${name}` : name, 'is required');
  } else if (place === 'body') {
    problems.add(pointer, `${error.message ?? 'is not valid'}; got ${quote(error.data)}`);
  } else {
    const name = (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
    const schema = schemas.get(name) ?? {};
    problems.add(name, sentence(error, schema));
  }
}

/** So many are read at a glance. */
const fewChoices = 12;

function sentence(error: ErrorObject, schema: AnySchemaObject): string {
  const limit = (error.params as { limit?: number }).limit;
  switch (error.keyword) {
    case 'minItems':
      return `must be given at least ${limit} times`;
    case 'maxItems':
      return `may be given at most ${limit} times`;
    case 'uniqueItems':
      return 'must not repeat a value';
    default: {
      const got = quote(error.data);
      const one = schema['type'] === 'array' ? (schema['items'] as AnySchemaObject) : schema;
      const choices = Array.isArray(one['enum']) ? one['enum'].map(String) : [];
      const near = typeof error.data === 'string' ? nearestName(error.data, choices) : undefined;
      if (near === undefined) return `${expectation(one)}; got ${got}`;
      // What helps is not to be looked for behind a long list.
      return choices.length > fewChoices
        ? `is not known here; got ${got}, did you mean "${near}"? It ${expectation(one)}`
        : `${expectation(one)}; got ${got}, did you mean "${near}"?`;
    }
  }
}

function suggestion(name: string, error: ErrorObject, names: readonly string[]): string {
  const parent = error.parentSchema?.['properties'] as object | undefined;
  const known = parent === undefined ? names : Object.keys(parent);
  const nearest = nearestName(name, known);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  return known.length === 0 ? 'there are none' : `known are ${known.join(', ')}`;
}
