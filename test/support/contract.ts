/** Whether one answer of the service is what its document says that it answers. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import { problemMediaType, problemTypes, type ProblemType } from '../../openapi/problem.ts';

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** As sent, coded; undefined where it was not looked at. */
  readonly body: Buffer | undefined;
  /** Of a file that was counted while it was sent, after its header row. */
  readonly rows?: number;
}

type Tree = Readonly<Record<string, unknown>>;

/** Fields of HTTP itself: an answer has no other that its document does not know. */
const httpFields = [
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
];

/** What the fields look like, on whatever answer they are. */
const forms: Readonly<Record<string, RegExp>> = {
  'accept-ranges': /^bytes$/,
  allow: /^[A-Z]+(, [A-Z]+)*$/,
  'content-disposition': /^attachment; filename="[\w.-]+\.csv"$/,
  'content-length': /^\d+$/,
  'content-range': /^bytes (\d+-\d+|\*)\/\d+$/,
  etag: /^"[!#-~]+"$/,
  'last-modified': /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  link: /^(<[^<>"\s]+>; rel="[a-z-]+"(; title(="[\w .:/()+-]+"|\*=UTF-8''[\w%.!~-]+))?(, (?!$)|$))+$/,
  location: /^\/v1\/admin\/runs\/[1-9]\d*$/,
  ratelimit: /^"(anonymous|key)";r=\d+;t=\d+$/,
  'ratelimit-policy': /^"(anonymous|key)";q=[1-9]\d*;w=60$/,
  'repr-digest': /^sha-256=:[A-Za-z0-9+/]{43}=:$/,
  'retry-after': /^[1-9]\d*$/,
  'row-count': /^\d+$/,
  'snapshot-id': /^[1-9]\d*$/,
  'www-authenticate': /^Bearer$/,
};

/** With their parameters, as they are always sent. */
const fullMediaTypes: Readonly<Record<string, string>> = {
  'application/json': 'application/json; charset=utf-8',
  [problemMediaType]: problemMediaType,
  'text/csv': 'text/csv; charset=utf-8; header=present',
};

/** Relations of every answer with data. */
const dataRelations = ['license', 'describedby', 'service-desc', 'service-doc'];

/** What can come of a request before it is looked for what it asks for. */
const frameStatuses = [400, 401, 403, 404, 405, 413, 414, 415, 429, 431, 503];

/** Addresses that are for people and browsers, and the contract itself: not in the document. */
const pages =
  /^\/(docs(\/[\w.-]+)?|problems(\/[\w-]+)?|openapi(-3\.0)?\.json|robots\.txt|favicon\.ico|page\.css|verify\.mjs)?$/;

export function isPage(path: string): boolean {
  return pages.test(path);
}

const types: readonly ProblemType[] = Object.values(problemTypes);
const documentId = 'https://contract.example/';

export class Contract {
  readonly #document: Tree;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  readonly #paths: readonly { readonly pattern: RegExp; readonly template: string }[];

  constructor(document: object) {
    // Members that the document does not name are let through to clients, for there may be
    // more of them in time; but no answer of this release has one.
    this.#document = closed(document) as Tree;
    ajvFormats.default(this.#ajv);
    this.#ajv.addSchema({ ...this.#document, $id: documentId });
    const paths = Object.keys(this.#tree(['paths']));
    this.#paths = paths
      // What is written out goes before what a parameter stands for.
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((template) => ({ template, pattern: patternOf(template) }));
  }

  /** The template of a path that is documented. */
  template(url: string): string | undefined {
    const path = pathOf(url);
    // What cannot be decoded is refused before any operation is looked for.
    if (!isDecodable(path)) return undefined;
    return this.#paths.find(({ pattern }) => pattern.test(path))?.template;
  }

  /** What is wrong with an answer, in sentences. */
  violations(exchange: Exchange): string[] {
    const { method, url, status } = exchange;
    const found = [...malformedFields(exchange), ...this.#problem(exchange)];
    const template = this.template(url);
    if (method === 'OPTIONS') return [...found, ...optionsViolations(exchange)];
    if (template === undefined) {
      const isAnswered = isPage(pathOf(url)) && [200, 304, 412].includes(status);
      return [...found, ...(isAnswered ? [] : frameViolations(exchange))];
    }
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    if (this.#tree(['paths', template])[verb] === undefined) {
      return [...found, ...frameViolations(exchange)];
    }
    if (status === 405) return [...found, `${method} is documented, and was answered 405`];
    const place = ['paths', template, verb, 'responses', String(status)];
    const responses = this.#tree(place.slice(0, -1));
    if (!(String(status) in responses)) {
      return [...found, `the status ${String(status)} is not documented`];
    }
    return [...found, ...this.#headers(exchange, place), ...this.#content(exchange, place)];
  }

  #headers(exchange: Exchange, place: readonly string[]): string[] {
    const { headers, status } = exchange;
    const found: string[] = [];
    const documented = this.#tree([...this.#resolved(place), 'headers']);
    const names = new Set(Object.keys(documented).map((name) => name.toLowerCase()));
    for (const name of Object.keys(documented)) {
      const header = this.#tree(this.#resolved([...this.#resolved(place), 'headers', name]));
      const isMissing = headers[name.toLowerCase()] === undefined;
      if (isMissing && header['required'] === true) found.push(`the header ${name} is missing`);
    }
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && !names.has(name) && !httpFields.includes(name)) {
        found.push(`the header ${name} is not documented`);
      }
    }
    if (status < 300 && names.has('snapshot-id') && names.has('link')) {
      const link = String(headers['link']);
      for (const relation of dataRelations) {
        if (!link.includes(`rel="${relation}"`)) found.push(`Link leads to no ${relation}`);
      }
    }
    if (names.has('vary') && !/\bAccept-Encoding$/.test(String(headers['vary']))) {
      found.push('Vary does not name Accept-Encoding');
    }
    return found;
  }

  #content(exchange: Exchange, place: readonly string[]): string[] {
    const { method, status, headers, body } = exchange;
    const content = this.#tree([...this.#resolved(place), 'content']);
    const media = Object.keys(content);
    if (media.length === 0 || method === 'HEAD') {
      return (body?.length ?? 0) === 0 ? [] : ['there is a body where none belongs'];
    }
    const type = mediaType(headers);
    if (!media.includes(type)) return [`${type} is not documented for ${String(status)}`];
    const full = fullMediaTypes[type];
    const found =
      full === undefined || headers['content-type'] === full
        ? []
        : [`the content type is not ${full}, but ${String(headers['content-type'])}`];
    if (status === 200) found.push(...fileViolations(exchange));
    if (isJson(type)) {
      found.push(
        ...this.#body(exchange, [...this.#resolved(place), 'content', type, 'schema']),
        ...snapshotViolations(exchange),
      );
    }
    return found;
  }

  /** Whatever was asked for, a failure is a problem, and of one kind. */
  #problem(exchange: Exchange): string[] {
    const { headers, method, status } = exchange;
    const isProblem = mediaType(headers) === problemMediaType;
    if (status < 400) return isProblem ? [`a problem has the status ${String(status)}`] : [];
    if (!isProblem) return [`a failure is ${mediaType(headers)}, and no problem`];
    const found = headers['cache-control'] === 'no-store' ? [] : ['a problem may be kept'];
    if (method === 'HEAD' || exchange.body === undefined) return found;
    const schema = this.#body(exchange, ['components', 'schemas', 'Problem']);
    const problem = parsed(exchange);
    if (schema.length > 0 || !isTree(problem)) return [...found, ...schema];
    const type = types.find(({ uri }) => uri === problem['type']);
    if (type === undefined) found.push(`the type ${String(problem['type'])} is not known`);
    else if (type.status !== status) found.push(`${type.slug} has the status ${String(status)}`);
    if (problem['status'] !== status) {
      found.push(`the problem says that its status is ${String(problem['status'])}`);
    }
    if (type !== undefined && problem['title'] !== type.title) {
      found.push(`the title is not that of ${type.slug}`);
    }
    return found;
  }

  #body(exchange: Exchange, schema: readonly string[]): string[] {
    if (exchange.body === undefined) return [];
    const pointer = schema.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'));
    const address = `${documentId}#/${pointer.map(encodeURIComponent).join('/')}`;
    const validate = this.#ajv.getSchema(address) ?? this.#ajv.compile({ $ref: address });
    let value: unknown;
    try {
      value = JSON.parse(decoded(exchange).toString());
    } catch (error) {
      return [`the body is no JSON: ${String(error)}`];
    }
    if (validate(value) === true) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `the body at ${instancePath || '/'} ${String(message)} ${JSON.stringify(params)}`,
    );
  }

  /** Where the references lead from a place of the document. */
  #resolved(place: readonly string[]): readonly string[] {
    const reference = this.#tree(place)['$ref'];
    return typeof reference === 'string' ? this.#resolved(reference.slice(2).split('/')) : place;
  }

  #tree(place: readonly string[]): Tree {
    let tree: unknown = this.#document;
    for (const part of place) tree = (tree as Tree | undefined)?.[part];
    return isTree(tree) ? tree : {};
  }
}

/** What every field has to look like, and what some say of others. */
function malformedFields({ headers, status, method }: Exchange): string[] {
  const found: string[] = [];
  for (const [name, form] of Object.entries(forms)) {
    const value = headers[name];
    if (value !== undefined && !form.test(String(value))) {
      found.push(`the header ${name} is not well formed: ${String(value)}`);
    }
  }
  const [, policyName, quota] = /^"(\w+)";q=(\d+);/.exec(String(headers['ratelimit-policy'])) ?? [];
  const [, limitName, left, seconds] =
    /^"(\w+)";r=(\d+);t=(\d+)$/.exec(String(headers['ratelimit'])) ?? [];
  if (policyName !== limitName) found.push('RateLimit and RateLimit-Policy do not go together');
  if (Number(left) > Number(quota)) found.push('more is left than there was');
  if (Number(seconds) > 60) found.push('the window is longer than it is');
  const modified = headers['last-modified'];
  if (modified !== undefined && Number.isNaN(Date.parse(String(modified)))) {
    found.push(`Last-Modified is no moment: ${String(modified)}`);
  }
  // RFC 9110 §8.6; of a 304 to GET the server itself takes it away.
  if ((status === 204 || status === 304) && headers['content-length'] !== undefined) {
    found.push(`a ${String(status)} has a length`);
  }
  if (headers['x-content-type-options'] !== 'nosniff') found.push('the type may be guessed at');
  if (headers['access-control-allow-origin'] !== '*') found.push(`${method} is not for any origin`);
  return found;
}

/** Of what no operation has answered. */
function frameViolations({ method, status, headers }: Exchange): string[] {
  if (!frameStatuses.includes(status)) {
    return [`${method} is not documented here, and was answered ${String(status)}`];
  }
  const found: string[] = [];
  if (status === 405 && !/\bOPTIONS\b/.test(String(headers['allow']))) {
    found.push('405 does not say what is answered');
  }
  if ((status === 429 || status === 503) && headers['retry-after'] === undefined) {
    found.push(`${String(status)} does not say when to come back`);
  }
  if (status === 401 && headers['www-authenticate'] === undefined) {
    found.push('401 does not say how to say who asks');
  }
  // 413 and 415 of a body that nobody wants, and refusals too: every one of them is counted.
  if (headers['ratelimit'] === undefined) found.push(`${String(status)} is not counted`);
  return found;
}

function optionsViolations({ status, headers, body }: Exchange): string[] {
  if (status !== 204) {
    return [400, 404, 414, 429].includes(status) ? [] : [`OPTIONS was answered ${String(status)}`];
  }
  const found: string[] = [];
  if (!/\bOPTIONS\b/.test(String(headers['allow']))) found.push('OPTIONS has no Allow');
  if ((body?.length ?? 0) > 0) found.push('there is a body where none belongs');
  return found;
}

/** What the fields of a file say of its bytes. */
function fileViolations(exchange: Exchange): string[] {
  const { headers, body } = exchange;
  const found: string[] = [];
  const isCsv = mediaType(headers) === 'text/csv';
  const rows =
    exchange.rows ?? (isCsv && body !== undefined ? rowsOf(decoded(exchange)) : undefined);
  if (isCsv && rows !== undefined && String(headers['row-count']) !== String(rows)) {
    found.push(`Row-Count is ${String(headers['row-count'])}, and there are ${String(rows)} rows`);
  }
  if (body === undefined) return found;
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== body.length) {
    found.push(`Content-Length is ${String(length)}, and there are ${String(body.length)} bytes`);
  }
  const digest = headers['repr-digest'];
  const sha256 = createHash('sha256').update(body).digest('base64');
  if (digest !== undefined && digest !== `sha-256=:${sha256}:`) {
    found.push('Repr-Digest is not that of the bytes');
  }
  return found;
}

/** The header and the body name the same snapshot. */
function snapshotViolations(exchange: Exchange): string[] {
  const value = parsed(exchange);
  const said = exchange.headers['snapshot-id'];
  if (said === undefined || !isTree(value) || !('snapshot_id' in value)) return [];
  return String(value['snapshot_id']) === String(said)
    ? []
    : [`Snapshot-Id is ${String(said)}, and snapshot_id ${String(value['snapshot_id'])}`];
}

/** Counts the rows of a CSV file as it passes by, however it is cut. */
export class RowCounter {
  #quoted = false;
  #lines = 0;
  #last = 0x0a;

  add(piece: Uint8Array): void {
    let quoted = this.#quoted;
    let lines = 0;
    for (let place = 0; place < piece.length; place += 1) {
      const byte = piece[place];
      if (byte === 0x22) quoted = !quoted;
      else if (byte === 0x0a && !quoted) lines += 1;
    }
    this.#quoted = quoted;
    this.#lines += lines;
    this.#last = piece.at(-1) ?? this.#last;
  }

  /** After the header row. */
  get rows(): number {
    return this.#lines + (this.#last === 0x0a ? 0 : 1) - 1;
  }
}

function rowsOf(bytes: Buffer): number {
  const counter = new RowCounter();
  counter.add(bytes);
  return counter.rows;
}

/** The schemas of a document, each closed to members that it does not name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (!isTree(value)) return value;
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === 'example' || key === 'examples' || key === 'default' ? member : closed(member),
    ]),
  );
  const { properties, additionalProperties } = members;
  // A map of properties may have one that is called `properties`, whose own type is a schema.
  // What names none says on purpose that its members are not its business.
  const named = isTree(properties) ? Object.values(properties) : [];
  const isSchema = named.length > 0 && named.every(isTree);
  const isOpen = additionalProperties === undefined || additionalProperties === true;
  const isObject = [members['type']].flat().includes('object');
  return isSchema && isObject && isOpen ? { ...members, additionalProperties: false } : members;
}

function patternOf(template: string): RegExp {
  const parts = template
    .split(/\{[^}]*\}/)
    .map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export function mediaType(headers: Exchange['headers']): string {
  return String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';
}

export function isJson(type: string): boolean {
  return /[/+]json$/.test(type);
}

function decoded({ body, headers }: Exchange): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  const coding = headers['content-encoding'];
  if (coding === 'gzip') return zlib.gunzipSync(body);
  return coding === 'br' ? zlib.brotliDecompressSync(body) : body;
}

function parsed(exchange: Exchange): unknown {
  try {
    return JSON.parse(decoded(exchange).toString());
  } catch {
    return undefined;
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
