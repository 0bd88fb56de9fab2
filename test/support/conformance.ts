/** Holds a service to its document: whatever it answers in a test is looked at. */
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { finished } from 'node:stream/promises';
import zlib from 'node:zlib';
import type { Cleanup } from '../embedded/holder.ts';
import { Contract, isJson, mediaType, RowCounter, type Exchange } from './contract.ts';

/** An answer that is not as documented. */
export class NonconformingAnswer extends Error {
  constructor({ method, url, status }: Exchange, violations: readonly string[]) {
    super(`${method} ${url} → ${String(status)}: ${violations.join('; ')}`);
    this.name = 'NonconformingAnswer';
  }
}

/** What was found of the answers that are looked at beside the test. */
export class Findings {
  readonly #contract: Contract;
  readonly #found: NonconformingAnswer[] = [];
  readonly #pending = new Set<Promise<void>>();

  constructor(contract: Contract) {
    this.#contract = contract;
  }

  add(exchange: Promise<Exchange>): void {
    const looking = exchange.then((whole) => {
      const violations = this.#contract.violations(whole);
      if (violations.length > 0) this.#found.push(new NonconformingAnswer(whole, violations));
    });
    this.#pending.add(looking);
    void looking.finally(() => this.#pending.delete(looking)).catch(() => undefined);
  }

  /** All that is wrong with what has been answered so far. */
  async found(): Promise<readonly NonconformingAnswer[]> {
    await Promise.all(this.#pending);
    return this.#found;
  }

  /**
   * Makes the test file fail if there is anything. Not by throwing: that would keep what else
   * is to be torn down from being so.
   */
  async report(): Promise<void> {
    for (const { message } of await this.found()) {
      process.stderr.write(`# not as documented: ${message}\n`);
      process.exitCode = 1;
    }
  }
}

/**
 * From now on every answer of the service is held to its document: one to `inject` makes that
 * fail, one over a connection makes the test fail when it ends.
 */
export function holdToContract(t: Cleanup, app: FastifyInstance): Findings {
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

  const findings = new Findings(contract);
  app.server.prependListener('request', (request, response) => {
    whenAnswered(request, response, (exchange) => {
      findings.add(exchange);
    });
  });
  t.teardown(() => findings.report());
  return findings;
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
  told: (exchange: Promise<Exchange>) => void,
): void {
  // Node does not tell of headers that were only given with the status.
  let given: OutgoingHttpHeaders = {};
  const headersOf = () => ({ ...response.getHeaders(), ...given });
  const writeHead = response.writeHead.bind(response) as (...head: unknown[]) => ServerResponse;
  response.writeHead = (...head: unknown[]) => {
    const last = head.at(-1);
    if (Array.isArray(last)) given = pairs(last as string[]);
    else if (typeof last === 'object' && last !== null) given = last as OutgoingHttpHeaders;
    return writeHead(...head);
  };
  let look: BodyLook | undefined;
  const keep = (piece: unknown) => {
    look ??= new BodyLook(response.statusCode, headersOf());
    if (typeof piece === 'string' || piece instanceof Uint8Array) look.add(Buffer.from(piece));
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
  // Not told of what broke off: that is no answer.
  response.once('finish', () => {
    look ??= new BodyLook(response.statusCode, headersOf());
    const isHead = request.method === 'HEAD';
    told(
      look.exchange({
        method: String(request.method),
        url: String(request.url),
        status: response.statusCode,
        headers: headersOf(),
        isHead,
      }),
    );
  });
}

/** Names and values in turn, as Node takes them too. */
function pairs(fields: readonly string[]): OutgoingHttpHeaders {
  const names = fields.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(names.map((name, index) => [name, fields[2 * index + 1]]));
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly headers: Exchange['headers'];
  readonly isHead: boolean;
}

/** Keeps the body of what has a schema; files can be larger than memory, and are counted. */
export class BodyLook {
  readonly #pieces: Buffer[] | undefined;
  readonly #rows: RowCounter | undefined;
  readonly #unzip: zlib.Gunzip | undefined;

  constructor(status: number, headers: Exchange['headers']) {
    const type = mediaType(headers);
    if (isJson(type)) this.#pieces = [];
    if (type !== 'text/csv' || status !== 200) return;
    this.#rows = new RowCounter();
    const coding = headers['content-encoding'];
    if (coding === 'gzip') {
      const rows = this.#rows;
      this.#unzip = zlib.createGunzip().on('data', (piece: Buffer) => {
        rows.add(piece);
      });
    } else if (coding !== undefined) {
      // Small: it was made in memory.
      this.#rows = undefined;
      this.#pieces = [];
    }
  }

  add(piece: Buffer): void {
    this.#pieces?.push(piece);
    if (this.#unzip !== undefined) this.#unzip.write(piece);
    else this.#rows?.add(piece);
  }

  async exchange({ isHead, ...seen }: Seen): Promise<Exchange> {
    const body = this.#pieces === undefined || isHead ? undefined : Buffer.concat(this.#pieces);
    if (this.#unzip !== undefined) {
      this.#unzip.end();
      await finished(this.#unzip);
    }
    const rows = isHead ? undefined : this.#rows?.rows;
    return { ...seen, body, ...(rows === undefined ? {} : { rows }) };
  }
}
