/**
 * What `Fastify()` itself must be given, so that whatever goes wrong before a route is
 * reached leaves as a problem too, and parameters are read exactly.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { exposedHeaders } from './cors.ts';
import { prepareProblem, problemBody, ProblemError, problemOf } from './errors.ts';
import { problemMediaType, type ProblemSlug } from '../openapi/problem.ts';
import { parseQueryString } from './query-string.ts';
import { buildValidator } from './request-validation.ts';

/** Longer than any name of a campaign, percent-encoded: 255 characters of up to 4 bytes. */
const maxParamLength = 3 * 4 * 255;

export interface HttpFrameOptions {
  readonly exposeHeadRoutes: true;
  readonly return503OnClosing: false;
  readonly routerOptions: NonNullable<FastifyServerOptions['routerOptions']>;
  readonly schemaController: NonNullable<FastifyServerOptions['schemaController']>;
  readonly frameworkErrors: NonNullable<FastifyServerOptions['frameworkErrors']>;
  readonly clientErrorHandler: NonNullable<FastifyServerOptions['clientErrorHandler']>;
}

/** Spread these into the options of `Fastify()`, before its logger and timeouts. */
export function httpFrameOptions(): HttpFrameOptions {
  return {
    exposeHeadRoutes: true,
    // The plugin `closing` refuses instead.
    return503OnClosing: false,
    routerOptions: { maxParamLength, querystringParser: parseQueryString },
    schemaController: { compilersFactory: { buildValidator: buildFastifyValidator } },
    frameworkErrors,
    clientErrorHandler,
  };
}

type ValidatorFactory = NonNullable<
  NonNullable<HttpFrameOptions['schemaController']['compilersFactory']>['buildValidator']
>;

/** Fastify takes validators that give values; the type it has for them is Ajv's own. */
const buildFastifyValidator = buildValidator as unknown as ValidatorFactory;

/**
 * Addresses that the router cannot read: no hook has run, so the answer is complete here. It
 * is not known who has a key either, so they count against the address they come from.
 */
function frameworkErrors(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  const detail = addressProblems[problem.code] ?? problem.message;
  const body = prepareProblem(new ProblemError(problem.code, detail), request, reply);
  reply
    .header('access-control-allow-origin', '*')
    .header('access-control-expose-headers', exposedHeaders.join(', '))
    .header('x-content-type-options', 'nosniff');
  request.server.consumeQuota(reply, (refusal) => {
    reply.send(refusal === undefined ? body : prepareProblem(refusal, request, reply));
  });
}

/** In place of what the router says, which repeats the address. */
const addressProblems: Partial<Record<ProblemSlug, string>> = {
  'bad-request': 'The address is not valid: its path must be percent-encoded UTF-8.',
  'address-too-long': 'A part of the address is longer than anything that it could name.',
};

/** What Node's parser stumbled over. */
interface ClientError extends Error {
  readonly code?: string;
  /** What arrived; Fastify has another type for it than Node gives it. */
  readonly rawPacket?: unknown;
}

/**
 * Bytes that are not an HTTP request: there is no reply to use, only the socket. They belong
 * to no budget; the connection ends with the answer.
 */
function clientErrorHandler(this: FastifyInstance, error: ClientError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { rawPacket } = error;
  const text = Buffer.isBuffer(rawPacket) ? firstLine(rawPacket) : '';
  const [, method = '', target = '/'] = /^([!-~]+) (\/[^ ]*)/.exec(text) ?? [];
  const problem = unreadable(this, error, { text, method, target });
  const body = problemBody(problem, target);
  const fields = {
    Date: new Date().toUTCString(),
    'Content-Type': problemMediaType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': exposedHeaders.join(', '),
    'X-Content-Type-Options': 'nosniff',
    ...('allow' in problem.headers ? { Allow: problem.headers['allow'] } : {}),
    Connection: 'close',
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const { statusCode } = problem;
  socket.end(
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${head.join('')}\r\n` +
      (method === 'HEAD' ? '' : body.toString()),
  );
}

/** What was asked for, as far as it came; the parser tells of no more than one packet. */
function firstLine(packet: Buffer): string {
  const end = packet.indexOf('\n');
  return packet.subarray(0, end === -1 ? undefined : end).toString();
}

interface Asked {
  readonly text: string;
  readonly method: string;
  readonly target: string;
}

function unreadable(app: FastifyInstance, { code }: ClientError, asked: Asked): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('headers-too-large', 'The address and headers are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request-timeout', 'The request did not arrive in time.');
    case 'HPE_INVALID_URL':
      return unencoded(asked.text);
    case 'HPE_INVALID_METHOD': {
      const { text, method, target } = asked;
      const methods = / HTTP\/1\.[01]\r?$/.test(text) ? app.methodsAt(target) : [];
      if (methods.length > 0) return ProblemError.methodNotAllowed(method, methods.join(', '));
      break;
    }
    case 'HPE_INVALID_CONSTANT':
    case 'HPE_INVALID_VERSION':
      // What comes after a space is read as the version.
      if (/^[A-Z]+ \/[^ ]* .* HTTP\/1\.[01]\r?$/.test(asked.text)) {
        const detail = 'The address has a space, which must be percent-encoded: %20.';
        return new ProblemError('bad-request', detail);
      }
      break;
  }
  return new ProblemError('bad-request', 'This is not an HTTP request.');
}

/** An address typed as it is read, as in `?q=école`: the parser gives up at the first such letter. */
function unencoded(request: string): ProblemError {
  const [, before, letter] = /^([!-~]+ [!-~]*)([^\0-~])/u.exec(request) ?? [];
  if (before === undefined || letter === undefined || letter === '\u{fffd}') {
    return new ProblemError('bad-request', 'The address is not percent-encoded UTF-8.');
  }
  const must = `must be percent-encoded: ${letter} is ${encodeURIComponent(letter)}`;
  // Nothing counts these requests, so none may take long: no expression that goes back and forth.
  const mark = before.indexOf('?');
  const query = mark === -1 ? '' : before.slice(mark + 1);
  const [, name] = /^(\w+)=/.exec(query.slice(query.lastIndexOf('&') + 1)) ?? [];
  return name === undefined
    ? new ProblemError('bad-request', `The address ${must}.`)
    : ProblemError.invalidQuery(name, must);
}
