/** Whether what the service answers is what its document says it answers. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import zlib from 'node:zlib';
import type { Cleanup } from '../embedded/holder.ts';

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** As sent, coded; undefined where it was not looked at. */
  readonly body: Buffer | undefined;
}

type Tree = Readonly<Record<string, unknown>>;

/** Documented, but not of every answer that may have them. */
const sometimes = new Set([
  'accept-ranges',
  'content-length',
  'content-range',
  'last-modified',
  'link',
  'repr-digest',
  'snapshot-id',
]);

/** Fields of our own making: an answer has none that its document does not know. */
const ours = [
  'allow',
  'content-disposition',
  'content-range',
  'deprecation',
  'etag',
  'link',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'repr-digest',
  'retry-after',
  'row-count',
  'snapshot-id',
  'sunset',
  'www-authenticate',
];

const problemMedia = 'application/problem+json';
const documentId = 'https://contract.example/';

class Contract {
  readonly #document: Tree;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  readonly #paths: readonly { readonly pattern: RegExp; readonly template: string }[];

  constructor(document: object) {
    this.#document = document as Tree;
    ajvFormats.default(this.#ajv);
    this.#ajv.addSchema({ ...document, $id: documentId });
    const paths = Object.keys(this.#tree(['paths']));
    this.#paths = paths
      // What is written out goes before what a parameter stands for.
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((template) => ({ template, pattern: patternOf(template) }));
  }

  /** The template of a path that is documented. */
  template(url: string): string | undefined {
    const [path = ''] = url.split('?', 1);
    // What cannot be decoded is refused before any operation is looked for.
    if (!isDecodable(path)) return undefined;
    return this.#paths.find(({ pattern }) => pattern.test(path))?.template;
  }

  /** What is wrong with an answer, in sentences. */
  violations(exchange: Exchange): string[] {
    const { method, url, status } = exchange;
    const template = this.template(url);
    if (template === undefined || method === 'OPTIONS') return this.#problem(exchange, 'Problem');
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = this.#tree(['paths', template])[verb];
    if (operation === undefined) {
      const isRefusal = [400, 401, 405, 413, 415, 429].includes(status);
      return isRefusal
        ? this.#problem(exchange, 'Problem')
        : [`${method} is not documented, and was answered ${String(status)}`];
    }
    const place = ['paths', template, verb, 'responses', String(status)];
    const responses = this.#tree(place.slice(0, -1));
    if (!(String(status) in responses)) return [`the status ${String(status)} is not documented`];
    return [...this.#headers(exchange, place), ...this.#content(exchange, place)];
  }

  #headers({ headers, method }: Exchange, place: readonly string[]): string[] {
    const found: string[] = [];
    const documented = this.#tree([...this.#resolved(place), 'headers']);
    const names = new Set<string>();
    for (const name of Object.keys(documented)) {
      const field = name.toLowerCase();
      names.add(field);
      const value = headers[field];
      if (value === undefined) {
        const isLeftOut = sometimes.has(field) || (method === 'HEAD' && field === 'row-count');
        if (!isLeftOut) found.push(`the header ${name} is missing`);
        continue;
      }
      const header = this.#resolved([...this.#resolved(place), 'headers', name]);
      const { type } = this.#tree([...header, 'schema']);
      if (type === 'integer' && !/^\d+$/.test(String(value))) {
        found.push(`the header ${name} is no whole number: ${String(value)}`);
      }
    }
    for (const name of ours) {
      if (headers[name] !== undefined && !names.has(name)) {
        found.push(`the header ${name} is not documented`);
      }
    }
    return found;
  }

  #content(exchange: Exchange, place: readonly string[]): string[] {
    const { method, status, headers } = exchange;
    const content = this.#tree([...this.#resolved(place), 'content']);
    const media = Object.keys(content);
    if (media.length === 0 || method === 'HEAD') {
      return (exchange.body?.length ?? 0) === 0 ? [] : ['there is a body where none belongs'];
    }
    const type = mediaType(headers);
    if (!media.includes(type)) return [`${type} is not documented for ${String(status)}`];
    if (!isJson(type)) return [];
    return this.#body(exchange, [...this.#resolved(place), 'content', type, 'schema']);
  }

  #problem(exchange: Exchange, component: string): string[] {
    if (mediaType(exchange.headers) !== problemMedia || exchange.method === 'HEAD') return [];
    return this.#body(exchange, ['components', 'schemas', component]);
  }

  #body({ body, headers }: Exchange, schema: readonly string[]): string[] {
    if (body === undefined) return [];
    const pointer = schema.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'));
    const address = `${documentId}#/${pointer.map(encodeURIComponent).join('/')}`;
    const validate = this.#ajv.getSchema(address) ?? this.#ajv.compile({ $ref: address });
    let value: unknown;
    try {
      value = JSON.parse(decoded(body, headers['content-encoding']).toString());
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
    return typeof tree === 'object' && tree !== null ? (tree as Tree) : {};
  }
}

function patternOf(template: string): RegExp {
  const parts = template
    .split(/\{[^}]*\}/)
    .map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function mediaType(headers: Exchange['headers']): string {
  return String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';
}

function isJson(type: string): boolean {
  return /[/+]json$/.test(type);
}

function decoded(body: Buffer, coding: unknown): Buffer {
  if (coding === 'gzip') return zlib.gunzipSync(body);
  return coding === 'br' ? zlib.brotliDecompressSync(body) : body;
}

/** An answer that is not as documented. */
export class NonconformingAnswer extends Error {
  constructor({ method, url, status }: Exchange, violations: readonly string[]) {
    super(`${method} ${url} → ${String(status)}: ${violations.join('; ')}`);
    this.name = 'NonconformingAnswer';
  }
}

/**
 * From now on every answer of the service is held to its document: one to `inject` makes that
 * fail, one over a connection makes the test fail when it ends.
 */
export function holdToContract(t: Cleanup, app: FastifyInstance): void {
  const contract = new Contract(app.swagger());
  const inject = app.inject.bind(app) as (options: unknown) => Promise<Injected>;
  const watched = async (options: unknown) => {
    const answer = await inject(options);
    const { req } = answer.raw;
    const exchange: Exchange = {
      method: String(req.method),
      url: String(req.url),
      status: answer.statusCode,
      headers: answer.headers,
      body: answer.rawPayload,
    };
    const violations = contract.violations(exchange);
    if (violations.length > 0) throw new NonconformingAnswer(exchange, violations);
    return answer;
  };
  app.inject = watched as unknown as FastifyInstance['inject'];

  const found: NonconformingAnswer[] = [];
  app.server.prependListener('request', (request, response) => {
    whenAnswered(request, response, (exchange) => {
      const violations = contract.violations(exchange);
      if (violations.length > 0) found.push(new NonconformingAnswer(exchange, violations));
    });
  });
  t.teardown(() => {
    if (found[0] !== undefined) throw found[0];
  });
}

interface Injected {
  readonly statusCode: number;
  readonly headers: Exchange['headers'];
  readonly rawPayload: Buffer;
  readonly raw: { readonly req: { readonly method?: string; readonly url?: string } };
}

function whenAnswered(
  request: IncomingMessage,
  response: ServerResponse,
  told: (exchange: Exchange) => void,
): void {
  const pieces: Buffer[] = [];
  // Node does not tell of headers that were only given with the status.
  let given: OutgoingHttpHeaders = {};
  const headersOf = () => ({ ...response.getHeaders(), ...given });
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  response.writeHead = (...head: unknown[]) => {
    const last = head.at(-1);
    if (typeof last === 'object' && last !== null) given = last as OutgoingHttpHeaders;
    return writeHead(...head);
  };
  const keep = (piece: unknown) => {
    // Files can be larger than what one wants in memory, and have no schema.
    if (!isJson(mediaType(headersOf()))) return;
    if (typeof piece === 'string' || piece instanceof Uint8Array) pieces.push(Buffer.from(piece));
  };
  const write = response.write.bind(response) as (...given: unknown[]) => boolean;
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse;
  response.write = (...given: unknown[]) => {
    keep(given[0]);
    return write(...given);
  };
  response.end = (...given: unknown[]) => {
    keep(given[0]);
    return end(...given);
  };
  response.once('finish', () => {
    const headers = headersOf();
    const isHead = request.method === 'HEAD';
    told({
      method: String(request.method),
      url: String(request.url),
      status: response.statusCode,
      headers,
      body: isHead || !isJson(mediaType(headers)) ? undefined : Buffer.concat(pieces),
    });
  });
}
