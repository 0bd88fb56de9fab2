/** Requests of every kind, good and bad, made up from the service's document. */
import type { InjectOptions } from 'fastify';

type Tree = Readonly<Record<string, unknown>>;

/** Values that are known where the document only says that there are some. */
export interface KnownValues {
  readonly [parameter: string]: readonly string[];
}

export interface MadeRequest {
  readonly options: InjectOptions & { readonly url: string; readonly method: string };
  readonly operation: string | undefined;
  /** Why no good answer may come; undefined where one may. */
  readonly refusal: string | undefined;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Tree;
}

interface Operation {
  readonly template: string;
  readonly method: string;
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

const hostile = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '0x10',
  '5.0',
  '9007199254740992',
  '9'.repeat(400),
  'NaN',
  'null',
  'undefined',
  'true',
  '[]',
  '{"$gt":""}',
  "' or 1=1 --",
  '%',
  '\u0000',
  '\ud7ff\uffff',
  '𝒳é́\u202eabc',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  '..%2f',
  '${7*7}',
  'none ',
  'LATEST',
  'a'.repeat(5_000),
  'é'.repeat(600),
  '__proto__',
  'constructor',
  '2026-02-30',
  '0000-01-01',
  '10000-01-01',
  '2026-1-1',
  '\r\nX-Injected: 1',
];

const undecodable = ['%ff', '%zz', '%c3%28', '%ed%a0%80', '%'];

const unknownNames = [
  'Limit',
  'limit[]',
  'filter[x]',
  'page',
  '__proto__',
  'x'.repeat(300),
  'é',
  ' ',
];

const accepts = [
  '*/*',
  'application/*',
  'application/json;q=0.1, application/problem+json',
  'application/json;q=0',
  'application/vnd.citationstyles.csl+json',
  'application/x-bibtex;q=0.2, text/plain;q=x',
  'application/xml',
  'text/html',
  '',
  ';;;',
  'a'.repeat(2_000),
];
const encodings = ['gzip', 'br', 'identity;q=0', '*;q=0', 'gzip;q=2, br;q=x', 'zstd', '', ',,,'];
const conditions = ['*', '"x"', 'W/"x"', '"a", "b", W/"c"', 'x', '', '"', ',,,', '"'.repeat(999)];
const dates = ['Sun, 22 Nov 2026 12:00:00 GMT', 'yesterday', '', '0', '2026-11-22'];
const ranges = [
  'bytes=0-9',
  'bytes=-5',
  'bytes=9-0',
  'bytes=0-1,3-4',
  'bytes=99999999-',
  'x=1-2',
  '',
];
const headerValues: Readonly<Record<string, readonly string[]>> = {
  accept: accepts,
  'accept-encoding': encodings,
  'accept-language': ['fr', '*'],
  authorization: ['Basic eDp5', 'x', ''],
  'cache-control': ['no-cache', 'only-if-cached'],
  'if-match': conditions,
  'if-modified-since': dates,
  'if-none-match': conditions,
  'if-range': [...conditions, ...dates],
  'if-unmodified-since': dates,
  origin: ['https://elsewhere.example', 'null'],
  range: ranges,
  'x-forwarded-for': ['1.2.3.4', 'x, y'],
};

const bodies: readonly (readonly [type: string, body: string])[] = [
  ['application/json', '{'],
  ['application/json', '{"__proto__":1}'],
  ['application/json', 'null'],
  ['text/plain', 'x'],
  ['application/x-www-form-urlencoded', 'a=b'],
  ['multipart/form-data', '--x'],
  ['nonsense', 'x'],
  ['application/json', `"${'a'.repeat(1_100_000)}"`],
];

/** Where there is nothing, or a page. */
const otherPaths = [
  '/',
  '/docs',
  '/docs/',
  '/openapi.json',
  '/problems/not-found',
  '/nowhere',
  '/v1',
  '/v1/snapshots/',
  '//v1/courses',
  '/v1/courses/1/',
  '/v1/courses.json',
  '/v1/courses/1/history/2',
  '/V1/courses',
  '/v1/%2e%2e/courses',
  '/%zz',
  '/%00',
  `/${'a/'.repeat(500)}`,
  `/v1/courses/${'9'.repeat(5_000)}`,
];

const otherMethods = ['PUT', 'DELETE', 'PATCH', 'POST', 'OPTIONS', 'HEAD'];

export class RandomRequests {
  readonly #operations: readonly Operation[];
  readonly #known: KnownValues;
  #state: number;

  constructor(document: object, known: KnownValues, seed: number) {
    this.#operations = operationsOf(document as Tree);
    this.#known = known;
    this.#state = seed;
  }

  get operations(): readonly string[] {
    return this.#operations.map(({ name }) => name);
  }

  next(): MadeRequest {
    if (this.#chance(0.03)) {
      const options = {
        method: this.#pick(['GET', 'GET', ...otherMethods]),
        url: this.#pick(otherPaths),
        headers: this.#headers(),
      };
      return { operation: undefined, refusal: undefined, options };
    }
    const operation = this.#pick(this.#operations);
    const reasons: string[] = [];
    let path = operation.template;
    // A request is good more often than not, or nothing behind the checks would be reached.
    const isGood = this.#chance(0.45);
    for (const { name } of operation.parameters.filter((each) => each.in === 'path')) {
      const known = this.#known[name] ?? ['1'];
      const value = isGood || this.#chance(0.6) ? this.#pick(known) : this.#pick(hostile);
      const isUndecodable = !isGood && this.#chance(0.03);
      const text = isUndecodable ? this.#pick(undecodable) : segment(value);
      if (isUndecodable) reasons.push(`${name} cannot be decoded`);
      path = path.replace(`{${name}}`, () => text);
    }
    const query = this.#query(operation, isGood, reasons);
    const url = query === '' ? path : `${path}?${query}`;
    let method = operation.method;
    if (!isGood && this.#chance(0.08)) method = this.#pick(otherMethods);
    else if (method === 'GET' && this.#chance(0.05)) method = 'HEAD';
    const isOther = method !== operation.method && method !== 'HEAD' && method !== 'OPTIONS';
    if (isOther) reasons.push(`${method} is not documented`);
    const headers = this.#headers();
    const payload = isGood || !this.#chance(0.1) ? undefined : this.#pick(bodies);
    return {
      operation: isOther ? undefined : operation.name,
      refusal: method === 'OPTIONS' ? undefined : reasons[0],
      options: {
        method,
        url,
        headers: payload === undefined ? headers : { ...headers, 'content-type': payload[0] },
        ...(payload === undefined ? {} : { payload: payload[1] }),
      },
    };
  }

  #query(operation: Operation, isGood: boolean, reasons: string[]): string {
    const pairs: string[] = [];
    for (const { name, schema } of operation.parameters.filter((each) => each.in === 'query')) {
      if (name === 'cursor' ? isGood || this.#chance(0.9) : this.#chance(0.75)) continue;
      if (isGood || this.#chance(0.5)) {
        const value = this.#goodValue(name, schema);
        if (value !== undefined) pairs.push(`${name}=${encode(value)}`);
        continue;
      }
      pairs.push(...this.#badValue(name, schema, reasons));
    }
    if (!isGood && this.#chance(0.2)) {
      const name = this.#pick(unknownNames);
      pairs.push(`${encode(name)}=${encode(this.#pick(hostile))}`);
      reasons.push(`the parameter ${name} is unknown`);
    }
    if (!isGood && this.#chance(0.03)) {
      pairs.push(this.#pick(undecodable));
      reasons.push('a name cannot be decoded');
    }
    return pairs.join('&');
  }

  #goodValue(name: string, schema: Tree): string | undefined {
    const one = schema['type'] === 'array' ? (schema['items'] as Tree) : schema;
    const known = this.#known[name];
    if (known !== undefined) return this.#pick(known);
    const words = one['enum'];
    if (Array.isArray(words)) return String(this.#pick(words));
    if (one['format'] === 'date') {
      // Ranges the right way round: froms in one year, tos in a later one.
      return /(^|_)to$/.test(name) ? '2026-12-31' : this.#pick(['2024-01-01', '2025-06-30']);
    }
    if (one['type'] === 'integer') {
      const least = Number(one['minimum'] ?? 0);
      return String(this.#pick([least, least + 1, Math.min(Number(one['maximum'] ?? 100), 1000)]));
    }
    if (one['type'] === 'boolean') return this.#pick(['true', 'false']);
    return one['pattern'] === undefined ? this.#pick(['a', 'é', 'Course 1', '%_\\']) : undefined;
  }

  /** One or more pairs that break what the schema says, or whatever is worth a try. */
  #badValue(name: string, schema: Tree, reasons: string[]): string[] {
    const isList = schema['type'] === 'array';
    const one = isList ? (schema['items'] as Tree) : schema;
    if (!isList && this.#chance(0.15)) {
      const value = encode(this.#goodValue(name, schema) ?? 'a');
      reasons.push(`${name} is repeated`);
      return [`${name}=${value}`, `${name}=${value}`];
    }
    if (this.#chance(0.05)) {
      reasons.push(`${name} cannot be decoded`);
      return [`${name}=${this.#pick(undecodable)}`];
    }
    const value = this.#pick(hostile);
    if (isBad(name, value, one, this.#known[name])) reasons.push(`${name} cannot be ${value}`);
    return [`${name}=${encode(value)}`];
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, values] of Object.entries(headerValues)) {
      if (this.#chance(0.05)) headers[name] = this.#pick(values);
    }
    return headers;
  }

  /** Mulberry32: the same seed makes the same requests. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}

/** Whether the document rules a value out; for values that it cannot know, whether they are known. */
function isBad(name: string, value: string, schema: Tree, known: KnownValues[string] | undefined) {
  if (value.includes('\0')) return true;
  const words = schema['enum'];
  if (Array.isArray(words)) return !words.includes(value);
  if (schema['type'] === 'integer') {
    const number = /^(0|-?[1-9]\d*)$/.test(value) ? Number(value) : NaN;
    return !(number >= Number(schema['minimum']) && number <= Number(schema['maximum']));
  }
  if (schema['type'] === 'boolean') return value !== 'true' && value !== 'false';
  if (schema['format'] === 'date') return true;
  if (known !== undefined) return !known.includes(value);
  if (typeof schema['pattern'] === 'string' && !new RegExp(schema['pattern'], 'u').test(value)) {
    return true;
  }
  const length = Array.from(value).length;
  if (length < Number(schema['minLength'] ?? 0)) return true;
  if (length > Number(schema['maxLength'] ?? Infinity)) return true;
  return name === 'cursor';
}

function encode(text: string): string {
  return encodeURIComponent(text);
}

/** A part of a path that stays one: URLs drop `.` and `..`, and an empty part is another path. */
function segment(value: string): string {
  const text = encode(value);
  return /^\.*$/.test(text) ? '%20' : text;
}

function operationsOf(document: Tree): Operation[] {
  const resolve = (tree: Tree): Tree => {
    const reference = tree['$ref'];
    if (typeof reference !== 'string') return tree;
    let found: unknown = document;
    for (const part of reference.slice(2).split('/')) found = (found as Tree)[part];
    return resolve(found as Tree);
  };
  return Object.entries(document['paths'] as Record<string, Tree>).flatMap(([template, path]) =>
    Object.entries(path)
      .filter(([method]) => ['get', 'post'].includes(method))
      .map(([method, operation]) => ({
        template,
        method: method.toUpperCase(),
        name: String((operation as Tree)['operationId']),
        parameters: (((operation as Tree)['parameters'] ?? []) as Tree[]).map((given) => {
          const parameter = resolve(given);
          return {
            name: String(parameter['name']),
            in: String(parameter['in']),
            schema: resolve(parameter['schema'] as Tree),
          };
        }),
      })),
  );
}
