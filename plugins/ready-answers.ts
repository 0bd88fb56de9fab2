/**
 * Answers that lie ready, given before their requests are routed. For each request Fastify
 * looks for a route, makes a request and a reply of its own and runs every hook, which takes
 * longer than all that an answer from memory needs. So what was answered that way once is
 * given again at the same address for as long as it stands, to whoever asks without a key;
 * everything else is routed, and what is said of it decided there
 * (docs/decisions/0007-ready-answers-before-routing.md).
 */
import type { FastifyServerFactory } from 'fastify';
import { LRUCache } from 'lru-cache';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { CodingChoice, evaluate } from './preconditions.ts';
import type { AnswerHead, CodedHead, Coding, Representation } from './representation.ts';

/** Whether what was answered is what would be answered now. */
export type Stands = () => boolean | Promise<boolean>;

type HookFields = Readonly<Record<string, string | number | string[] | undefined>>;

/** As `reply.answer` was given it. */
interface Content {
  readonly representation: Representation;
  readonly head: AnswerHead;
  readonly tag: string | undefined;
}

/** What was answered, and what it takes to answer it again. */
export interface ReadyAnswer extends Content {
  /** Header fields that go with every answer at the address: what hooks said. */
  readonly fields: HookFields;
  /** Of the quota. */
  readonly cost: number;
  readonly stands: Stands;
}

/** What an unrouted request is asked and counted by. */
export interface Gate {
  /** Whether JSON may be sent. */
  accepts(accept: string | undefined): boolean;
  /** RateLimit-Policy of those who have no key. */
  readonly policy: string;
  /** Counts a request; tells RateLimit, and why it is refused where it is. */
  spend(
    request: IncomingMessage,
    cost: number,
    done: (state: string, refusal?: Error) => void,
  ): void;
}

/** An answer in one coding, its header fields as Node takes them fastest: names and values in turn. */
interface Form {
  readonly coded: CodedHead;
  readonly payload: Buffer | string;
  /** Of a 200; the field at `stateAt` is written anew for each. */
  readonly fields: string[];
  readonly stateAt: number;
  readonly notModified: string[];
}

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** Bytes of bodies, most of which others keep too. */
const keptBytes = 32_000_000;
/** What an answer takes beside its body, roughly. */
const extraBytes = 4_000;

export class ReadyAnswers {
  readonly #kept = new LRUCache<string, Kept>({
    maxSize: keptBytes,
    sizeCalculation: ({ answer }) => answer.representation.body.length + extraBytes,
  });
  readonly #codings = CodingChoice.ofBodies();
  #gate: Gate | undefined;
  #whole = 0;
  #notModified = 0;

  /** How many, by status. */
  get given(): Readonly<Record<string, number>> {
    return { 200: this.#whole, 304: this.#notModified };
  }

  /** For the option of `Fastify()`: the server that it would make itself, with this before it. */
  readonly serverFactory: FastifyServerFactory = (route, options) => {
    const settings = options as unknown as ServerSettings;
    const server = createServer(settings.http ?? {}, (request, response) => {
      this.#answer(request, response, route);
    });
    return configured(server, settings);
  };

  /** From now on answers are given. */
  open(gate: Gate): void {
    this.#gate = gate;
  }

  /** From now on everything is routed. */
  close(): void {
    this.#gate = undefined;
  }

  /** Whether a GET of the address, as it was written, lies ready with that content. */
  has(address: string, content: Content): boolean {
    return this.#kept.get(address)?.isOf(content) === true;
  }

  /** Keeps what a GET of the address, as it was written, was answered with. */
  keep(address: string, answer: ReadyAnswer): void {
    if (this.#gate === undefined) return;
    this.#kept.set(address, new Kept(answer, this.#gate.policy));
  }

  #answer(request: IncomingMessage, response: ServerResponse, route: Route): void {
    const { url = '' } = request;
    const kept = request.method === 'GET' ? this.#kept.get(url) : undefined;
    const gate = this.#gate;
    if (kept === undefined || gate === undefined || !isForAnybody(request.headers, gate)) {
      route(request, response);
      return;
    }
    const stands = kept.answer.stands();
    if (typeof stands === 'boolean') {
      this.#proceed(stands, kept, gate, request, response, route);
      return;
    }
    stands.then(
      (known) => {
        this.#proceed(known, kept, gate, request, response, route);
      },
      () => {
        // What keeps it from being known is what the route's own question will come upon.
        route(request, response);
      },
    );
  }

  // Functions that are given a name as they are made, as those of a variable, cost more here
  // than all the rest.
  #proceed(
    stands: boolean,
    kept: Kept,
    gate: Gate,
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
  ): void {
    if (!stands) {
      this.#kept.delete(request.url ?? '');
      route(request, response);
      return;
    }
    const { headers } = request;
    const form = kept.form(this.#codings.choose(headers['accept-encoding']));
    const verdict = form === undefined ? 'failed' : evaluate(headers, form.coded);
    if (form === undefined || verdict === 'failed') {
      route(request, response);
      return;
    }
    if (verdict === 'not-modified') {
      this.#notModified += 1;
      response.writeHead(304, form.notModified).end();
      return;
    }
    gate.spend(request, kept.answer.cost, (state, refusal) => {
      if (refusal !== undefined) {
        // Spends nothing there either, and is told how long to wait.
        route(request, response);
        return;
      }
      this.#whole += 1;
      form.fields[form.stateAt] = state;
      response.writeHead(200, form.fields).end(form.payload, 'latin1');
    });
  }
}

class Kept {
  readonly answer: ReadyAnswer;
  readonly #policy: string;
  readonly #forms: Partial<Record<Coding, Form>> = {};

  constructor(answer: ReadyAnswer, policy: string) {
    this.answer = answer;
    this.#policy = policy;
  }

  isOf({ representation, head, tag }: Content): boolean {
    const { answer } = this;
    return answer.representation === representation && answer.head === head && answer.tag === tag;
  }

  /** Undefined until the bytes in that coding have been made. */
  form(coding: Coding): Form | undefined {
    const made = this.#forms[coding];
    if (made !== undefined) return made;
    const payload = this.answer.representation.sendable(coding);
    if (payload === undefined) return undefined;
    return (this.#forms[coding] = this.#make(coding, payload));
  }

  #make(coding: Coding, payload: Buffer | string): Form {
    const { representation, head, tag, fields } = this.answer;
    const coded = representation.head(coding, head, tag);
    const sent = inTurn({
      ...fields,
      'ratelimit-policy': this.#policy,
      ratelimit: '',
      ...coded.fields,
      'content-length': String(payload.length),
    });
    return {
      coded,
      payload,
      fields: sent,
      stateAt: sent.indexOf('ratelimit') + 1,
      notModified: inTurn({ ...fields, ...coded.notModified }),
    };
  }
}

/** Whether the request is one that hooks make no difference to. */
function isForAnybody(headers: IncomingHttpHeaders, gate: Gate): boolean {
  return headers.authorization === undefined && gate.accepts(headers.accept);
}

function inTurn(fields: HookFields): string[] {
  return Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
}

/** Settings as Fastify has completed them. */
interface ServerSettings {
  readonly http?: object | null;
  readonly keepAliveTimeout: number;
  readonly requestTimeout: number;
  readonly connectionTimeout: number;
  readonly maxRequestsPerSocket: number;
}

/** A server that someone else makes is left by Fastify as it is. */
function configured(server: Server, settings: ServerSettings): Server {
  server.keepAliveTimeout = settings.keepAliveTimeout;
  server.requestTimeout = settings.requestTimeout;
  server.setTimeout(settings.connectionTimeout);
  if (settings.maxRequestsPerSocket > 0) {
    server.maxRequestsPerSocket = settings.maxRequestsPerSocket;
  }
  return server;
}
