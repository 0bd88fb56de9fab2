/**
 * The one way in which data leave: the coding, the headers and the preconditions of every
 * answer are decided here, against what would be sent now.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { finished, pipeline, type Readable } from 'node:stream';
import zlib from 'node:zlib';
import { ProblemError } from './errors.ts';
import { CodingChoice, evaluate } from './preconditions.ts';
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

export interface StreamAnswer {
  readonly tag: string;
  readonly head: AnswerHead;
  readonly contentType: string;
  /** Names in lower case. Those that depend on the coding, such as a length, do not belong here. */
  readonly extraHeaders?: Fields;
  /** Called once the answer is known to have a body; the stream is destroyed in every path. */
  readonly open: () => Promise<Readable> | Readable;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** For a route's body that is made once and answered often. */
    representation(body: Buffer | string, contentType?: string): Representation;
  }
  interface FastifyReply {
    /**
     * Answers from memory: 304, 412, or 200 with the representation in the coding asked for.
     * An async handler returns the reply; on a hot path a plain handler that returns nothing
     * is faster.
     */
    answer(representation: Representation, head: AnswerHead): FastifyReply;
    /** The same, where the body is made only if it will be sent. Return the reply. */
    answerLazily(answer: LazyAnswer): FastifyReply;
    /**
     * A download: gzip on the way if asked for. What fails before the first byte is a problem;
     * after it, the connection breaks, so that a short file never looks whole. Return the reply.
     */
    answerStream(answer: StreamAnswer): FastifyReply;
  }
}

function answers(app: FastifyInstance): void {
  const bodyCodings = CodingChoice.ofBodies();
  const streamCodings = CodingChoice.ofStreams();

  /** Whether the body is to be sent; if not, the reply has been. */
  function proceeds(reply: FastifyReply, head: CodedHead): boolean {
    const headers = reply.request.raw.headers;
    const verdict = evaluate(headers, head.etag, head.lastModified);
    if (verdict === 'proceed') return true;
    if (verdict === 'not-modified') {
      reply.code(304).headers(head.notModified).send();
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
      if (refusal === undefined) rest().catch((error: unknown) => reply.send(asError(error)));
      else reply.send(refusal);
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

  app.decorate('representation', (body: Buffer | string, contentType?: string) =>
    Representation.of(body, contentType),
  );

  app.decorateReply('answer', function (this: FastifyReply, representation, head) {
    const { headers } = this.request.raw;
    const coding = bodyCodings.choose(headers['accept-encoding']);
    const coded = representation.head(coding, head);
    if (!proceeds(this, coded)) return this;
    const payload = representation.sendable(coding);
    if (payload !== undefined && this.quotaSettled) {
      return this.headers(coded.fields).send(payload);
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
    const { request } = this;
    const coding = streamCodings.choose(request.raw.headers['accept-encoding']);
    const coded = codedHead(answer.tag, coding, answer.head, {
      'content-type': answer.contentType,
      ...answer.extraHeaders,
    });
    if (!proceeds(this, coded)) return this;
    return whenCounted(this, async () => {
      if (request.raw.method === 'HEAD') {
        this.headers(coded.fields).send();
        return;
      }
      const source = await answer.open();
      if (this.raw.destroyed || request.raw.destroyed) {
        source.destroy();
        return;
      }
      this.headers(coded.fields).send(guarded(source, coding, request, this));
    });
  });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
}

/** The bytes to send: they break the connection if the source breaks, and end the source with it. */
function guarded(
  source: Readable,
  coding: Coding,
  request: FastifyRequest,
  reply: FastifyReply,
): Readable {
  finished(source, { writable: false }, (error) => {
    if (error == null || !reply.raw.headersSent || reply.raw.writableFinished) return;
    // A reset, not an end: to an HTTP/1.0 client, a closed connection is a complete file.
    request.log.debug({ err: error }, 'the download broke off');
    request.raw.socket.resetAndDestroy();
  });
  if (coding === 'identity') return source;
  const compressed = zlib.createGzip({ level: 1 });
  // Its callback only has to be there: the listener above and the reply see every error.
  pipeline(source, compressed, () => undefined);
  return compressed;
}

export default fp(answers, { name: 'answers', dependencies: ['errors', 'rate-limit'] });
