/**
 * The one way in which data leave: the coding, the headers and the preconditions of every
 * answer are decided here, against what would be sent now.
 */
import type { FastifyInstance, FastifyReply, onSendHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { finished, Readable } from 'node:stream';
import { asksForRange, chooseRange } from './byte-ranges.ts';
import { ProblemError } from './errors.ts';
import { gzipped } from './gzipped.ts';
import { CodingChoice, evaluate } from './preconditions.ts';
import type { ReadyAnswers, Stands } from './ready-answers.ts';
import {
  type AnswerHead,
  type CodedHead,
  codedHead,
  type Coding,
  type Fields,
  Representation,
} from './representation.ts';

export interface LazyAnswer {
  /**
   * Names the content before it is made: a pure function of snapshot, query and revision.
   * Characters of an entity tag, without quotes.
   */
  readonly tag: string;
  readonly head: AnswerHead;
  readonly make: () => Promise<Representation> | Representation;
}

interface StreamHead {
  readonly tag: string;
  readonly head: AnswerHead;
  readonly contentType: string;
  /** Names in lower case. Those that depend on the coding, such as a length, do not belong here. */
  readonly extraHeaders?: Fields;
  /**
   * More of them, of what is not a 304: asked for once that is known. The signal is aborted
   * when the client leaves.
   */
  readonly lateHeaders?: (left: AbortSignal) => Promise<Fields>;
}

export type StreamAnswer = StreamHead &
  (
    | {
        /** Called once the answer is known to have a body; the stream is destroyed in every path. */
        readonly open: () => Promise<Readable> | Readable;
      }
    | {
        /** Where the bytes are kept once they have been made. */
        readonly kept: KeptFiles;
      }
  );

/** The bytes of a download in each coding. */
export interface KeptFiles {
  /**
   * The whole file; undefined where it does not lie ready. With `make` it is made first, unless
   * the signal is aborted.
   */
  find(
    coding: Coding,
    options: { readonly make: boolean },
    left: AbortSignal,
  ): Promise<KeptFile | undefined>;
  /** The bytes as they are made. */
  stream(coding: Coding): Promise<Readable> | Readable;
}

/** To be read once or closed. */
export interface KeptFile {
  /** Of the bytes in that coding; the digest is SHA-256, base64. */
  readonly facts: { readonly length: number; readonly sha256: string };
  /** Positions of the first and the last byte. */
  read(first: number, last: number): Readable;
  close(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * For a route's body that is made once and answered often. Where other addresses may have
     * the same bytes, `address` keeps its tag from being theirs.
     */
    representation(body: Buffer | string, contentType?: string, address?: string): Representation;
  }
  interface FastifyReply {
    /**
     * Answers from memory: 304, 412, or 200 with the representation in the coding asked for.
     * An async handler returns the reply; on a hot path a plain handler that returns nothing
     * is faster. `tag` names the content where that is known otherwise than by its bytes:
     * always the same with one head. With `stands`, the same address may be answered so
     * without asking the route, for as long as that is true.
     */
    answer(
      representation: Representation,
      head: AnswerHead,
      known?: { readonly tag?: string; readonly stands?: Stands },
    ): FastifyReply;
    /** The same, where the body is made only if it will be sent. Return the reply. */
    answerLazily(answer: LazyAnswer): FastifyReply;
    /**
     * A download: gzip on the way if asked for; with length, digest and ranges where it is kept
     * as a file. What fails before the first byte is a problem; after it, the connection
     * breaks, so that a short file never looks whole. Return the reply.
     */
    answerStream(answer: StreamAnswer): FastifyReply;
  }
}

export interface AnswersOptions {
  /** What answers before requests are routed, and how it knows from where they come. */
  readonly ready?: {
    readonly answers: ReadyAnswers;
    readonly addressOf: (request: IncomingMessage) => string;
  };
}

/** What a route may have said of the file that a 304 does not bring. */
const fileFields = ['content-disposition', 'row-count'];

function answers(app: FastifyInstance, { ready }: AnswersOptions): void {
  const bodyCodings = CodingChoice.ofBodies();
  const streamCodings = CodingChoice.ofStreams();

  /** Whether the body is to be sent; if not, the reply has been. */
  function proceeds(reply: FastifyReply, head: CodedHead, isReady = false): boolean {
    const refusal = reply.mediaRefusal();
    if (refusal !== undefined) {
      reply.send(refusal);
      return false;
    }
    const headers = reply.request.raw.headers;
    const verdict = evaluate(headers, head);
    if (verdict === 'proceed') return true;
    if (verdict === 'not-modified') {
      for (const name of fileFields) reply.removeHeader(name);
      if (isReady) sendReady(reply, 304, head.notModified);
      else reply.code(304).headers(head.notModified).send();
    } else {
      reply.send(
        new ProblemError('precondition-failed', 'What you have is not what would be sent now.'),
      );
    }
    return false;
  }

  /** Runs the rest once the request is paid for; what it throws becomes the answer. */
  function whenCounted(reply: FastifyReply, rest: () => Promise<unknown>): FastifyReply {
    reply.consumeQuota((refusal) => {
      if (refusal !== undefined) {
        reply.send(refusal);
        return;
      }
      rest().catch((error: unknown) => {
        if (reply.raw.destroyed) reply.log.debug({ err: error }, 'nobody waits for the answer');
        else reply.send(asError(error));
      });
    });
    return reply;
  }

  async function sendBody(
    reply: FastifyReply,
    representation: Representation,
    coding: Coding,
    fields: Fields,
  ): Promise<void> {
    const bytes = await representation.encode(coding);
    reply.headers(fields).send(bytes);
  }

  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD') return;
    // After what Fastify itself does for HEAD, which calls a missing body one of no bytes.
    route.onSend = [...[route.onSend ?? []].flat(), withoutLengthOf304];
  });

  app.decorate('representation', (body: Buffer | string, contentType?: string, address?: string) =>
    Representation.of(body, contentType, address),
  );

  if (ready !== undefined) {
    const quota = app.anonymousQuota;
    ready.answers.open({
      policy: quota.policy,
      accepts: (accept) => app.acceptsJson(accept),
      spend: (request, cost, done) => {
        quota.spend(ready.addressOf(request), cost, done);
      },
    });
    app.addHook('preClose', async () => {
      ready.answers.close();
    });
  }

  app.decorateReply('answer', function (this: FastifyReply, representation, head, known = {}) {
    const { tag, stands } = known;
    const { headers, method, url = '' } = this.request.raw;
    const coding = bodyCodings.choose(headers['accept-encoding']);
    const coded = representation.head(coding, head, tag);
    const isGet = method === 'GET';
    const content = { representation, head, tag };
    if (isGet && stands !== undefined && ready?.answers.has(url, content) === false) {
      const { 'ratelimit-policy': _policy, ratelimit: _state, ...fields } = this.getHeaders();
      const { cost } = this.request;
      ready.answers.keep(url, { ...content, fields, cost, stands });
    }
    if (!proceeds(this, coded, isGet)) return this;
    const payload = representation.sendable(coding);
    if (payload !== undefined && this.quotaSettled && isGet) {
      sendReady(this, 200, coded.fields, payload);
      return this;
    }
    return whenCounted(this, () => sendBody(this, representation, coding, coded.fields));
  });

  app.decorateReply('answerLazily', function (this: FastifyReply, { tag, head, make }) {
    const coding = bodyCodings.choose(this.request.raw.headers['accept-encoding']);
    const coded = codedHead(tag, coding, head, {});
    if (!proceeds(this, coded)) return this;
    return whenCounted(this, async () => {
      const representation = await make();
      this.header('content-type', representation.contentType);
      await sendBody(this, representation, coding, coded.fields);
    });
  });

  app.decorateReply('answerStream', function (this: FastifyReply, answer) {
    const { headers } = this.request.raw;
    const kept = 'kept' in answer ? answer.kept : undefined;
    const asksForPart = kept !== undefined && asksForRange(headers);
    const coding = asksForPart
      ? streamCodings.chooseForRange(headers['accept-encoding'])
      : streamCodings.choose(headers['accept-encoding']);
    const coded = codedHead(answer.tag, coding, answer.head, {
      'content-type': answer.contentType,
      ...answer.extraHeaders,
    });
    if (!proceeds(this, coded)) return this;
    return whenCounted(this, async () => {
      const left = departure(this);
      left.throwIfAborted();
      if (answer.lateHeaders !== undefined) this.headers(await answer.lateHeaders(left));
      const make = asksForPart && coding === 'identity' && this.request.raw.method === 'GET';
      const file = await kept?.find(coding, { make }, left);
      if (file !== undefined) {
        await sendFile(this, file, coding, coded);
        return;
      }
      if (this.request.raw.method === 'HEAD') {
        this.headers(coded.fields).send(Readable.from([]));
        return;
      }
      sendStream(this, await bytesOf(answer, coding), coded.fields);
    });
  });
}

/**
 * Writes what is complete as it is, with what onRequest hooks said: not in Fastify's own way,
 * which reads the content's type and counts its bytes anew each time, and without onSend
 * hooks, which have nothing to add.
 */
function sendReady(
  reply: FastifyReply,
  status: 200 | 304,
  fields: Fields,
  payload?: Buffer | string,
): void {
  const all: OutgoingHttpHeaders = Object.assign<object, Fields>(reply.getHeaders(), fields);
  // Of a text, which is ASCII, characters are bytes, and Latin-1 is the fastest way to write them.
  if (payload !== undefined) all['content-length'] = String(payload.length);
  reply.hijack();
  reply.raw.writeHead(status, all).end(payload, 'latin1');
}

/** Aborted when the connection has gone before the answer was sent. */
function departure(reply: FastifyReply): AbortSignal {
  const left = new AbortController();
  const leave = () => {
    if (!reply.raw.writableFinished) left.abort(new Error('the client has left'));
  };
  if (reply.raw.destroyed) leave();
  else reply.raw.once('close', leave);
  return left.signal;
}

async function bytesOf(answer: StreamAnswer, coding: Coding): Promise<Readable> {
  if ('kept' in answer) return answer.kept.stream(coding);
  const bytes = await answer.open();
  return coding === 'gzip' ? gzipped(bytes) : bytes;
}

/** The length would be that of the 200, which is not known (RFC 9110 §8.6). */
const withoutLengthOf304: onSendHookHandler = (_request, reply, _payload, done) => {
  if (reply.statusCode === 304) reply.removeHeader('content-length');
  done();
};

async function sendFile(
  reply: FastifyReply,
  file: KeptFile,
  coding: Coding,
  coded: CodedHead,
): Promise<void> {
  const { length, sha256 } = file.facts;
  const { method, headers } = reply.request.raw;
  reply.header('repr-digest', `sha-256=:${sha256}:`);
  if (coding === 'identity') reply.header('accept-ranges', 'bytes');
  if (method === 'HEAD') {
    await file.close();
    // A stream, because Fastify would say of any other empty body that its length is 0.
    reply.header('content-length', String(length)).headers(coded.fields).send(Readable.from([]));
    return;
  }
  const range = coding === 'identity' ? chooseRange(headers, coded.etag, length) : undefined;
  if (range === 'unsatisfiable') {
    await file.close();
    throw new ProblemError('range-not-satisfiable', `The file has ${length} bytes.`, {
      headers: { 'content-range': `bytes */${length}` },
    });
  }
  const { first, last } = range ?? { first: 0, last: length - 1 };
  if (range !== undefined) {
    reply.code(206).header('content-range', `bytes ${first}-${last}/${length}`);
  }
  reply.header('content-length', String(last - first + 1));
  sendStream(reply, file.read(first, last), coded.fields);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
}

/** Sends what breaks the connection if it breaks, and ends with it. */
function sendStream(reply: FastifyReply, source: Readable, fields: Fields): void {
  const { request } = reply;
  if (reply.raw.destroyed || request.raw.destroyed) {
    source.destroy();
    return;
  }
  finished(source, { writable: false }, (error) => {
    if (error == null || !reply.raw.headersSent || reply.raw.writableFinished) return;
    // A reset, not an end: to an HTTP/1.0 client, a closed connection is a complete file.
    request.log.debug({ err: error }, 'the download broke off');
    request.raw.socket.resetAndDestroy();
  });
  reply.headers(fields).send(source);
}

export default fp(answers, {
  name: 'answers',
  dependencies: ['errors', 'negotiation', 'rate-limit'],
});
