/** Errors leave in one shape, problem+json, and what is inside stays inside. */
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  preValidationHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import {
  type ParameterProblem,
  ParameterProblem as ParameterProblemSchema,
  type Problem,
  problemMediaType,
  Problem as ProblemSchema,
  type ProblemSlug,
  problemTypes,
} from '../openapi/problem.ts';
import { databaseProblem } from './database-problem.ts';
import { Refusals } from './refusals.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, but for what answers OPTIONS. */
    knownRoutes: readonly KnownRoute[];
    /** What an address answers, OPTIONS included; nothing where there is nothing. */
    methodsAt(address: string): readonly string[];
    /** Why a request has come to nothing: 404, or 405 with what would be answered. */
    nothingHere(request: FastifyRequest): ProblemError;
    /** Has it looked for what else is wrong with a request that its schema refuses. */
    alsoCheck(check: FurtherCheck): void;
  }
  interface FastifyContextConfig {
    /** For pages: query parameters that the schema does not know are let through. */
    anyQuery?: boolean;
  }
}

/** Tells what is wrong with the parameters that nothing is found of yet. */
export type FurtherCheck = (
  request: FastifyRequest,
  found: readonly ParameterProblem[],
) => Promise<readonly ParameterFault[]>;

export interface KnownRoute {
  readonly method: string;
  /** As it was registered: `/v1/courses/:course_id`. */
  readonly path: string;
}

/** What is wrong with a parameter, as it is found. */
export interface ParameterFault extends ParameterProblem {
  /** The whole `detail`, where it takes time to make: only for who has quota left. */
  readonly inFull?: () => string;
}

export interface ProblemOptions {
  readonly errors?: readonly ParameterFault[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** The one error that says what its answer is. `message` is the problem's `detail`. */
export class ProblemError extends Error {
  readonly code: ProblemSlug;
  readonly statusCode: number;
  readonly errors: readonly ParameterFault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(slug: ProblemSlug, detail: string, options: ProblemOptions = {}) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ProblemError';
    this.code = slug;
    this.statusCode = problemTypes[slug].status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }

  static invalidParameters(errors: readonly ParameterFault[]): ProblemError {
    const detail = errors.map(({ name, detail }) => `"${name}" ${detail}`).join('; ');
    const end = detail.endsWith('?') ? '' : '.';
    return new ProblemError('invalid-parameter', detail + end, { errors });
  }

  static invalidQuery(name: string, detail: string): ProblemError {
    return ProblemError.invalidParameters([{ in: 'query', name, detail }]);
  }

  static notFound(detail: string): ProblemError {
    return new ProblemError('not-found', detail);
  }

  static noCourseRows(snapshotId: number): ProblemError {
    return new ProblemError(
      'no-course-rows',
      `Snapshot ${snapshotId} has totals, but no rows of courses.`,
    );
  }

  static gone(detail: string): ProblemError {
    return new ProblemError('gone', detail);
  }

  static methodNotAllowed(method: string, allow: string): ProblemError {
    return new ProblemError('method-not-allowed', `${method} is not answered here; ${allow} are.`, {
      headers: { allow },
    });
  }

  static unauthorized(detail: string): ProblemError {
    return new ProblemError('unauthorized', detail, {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }

  static forbidden(detail: string): ProblemError {
    return new ProblemError('forbidden', detail);
  }

  static notAcceptable(types: readonly string[]): ProblemError {
    const what = types.join(', ');
    return new ProblemError('not-acceptable', `Accept rules out all that there is here: ${what}.`);
  }

  static quotaExceeded(detail: string, retryAfterSeconds: number): ProblemError {
    return new ProblemError('quota-exceeded', detail, {
      headers: { 'retry-after': String(retryAfterSeconds) },
    });
  }

  static unavailable(detail: string, retryAfterSeconds = 5, cause?: unknown): ProblemError {
    return new ProblemError('unavailable', detail, {
      headers: { 'retry-after': String(retryAfterSeconds) },
      cause,
    });
  }

  static internal(cause: unknown): ProblemError {
    return new ProblemError('internal', 'Something failed on our side.', { cause });
  }
}

/** Headers of what was prepared before an error, an earlier problem included: not the error's. */
const representationHeaders = [
  'accept-ranges',
  'allow',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'etag',
  'expires',
  'last-modified',
  'link',
  'repr-digest',
  'row-count',
  'snapshot-id',
  'vary',
  'www-authenticate',
];

/** The bytes of a problem's body; `address` is what was asked for, its query left out. */
export function problemBody(error: ProblemError, address: string): Buffer {
  const { uri, title, status } = problemTypes[error.code];
  const problem: Problem = {
    type: uri,
    title,
    status,
    detail: error.message,
    instance: pathOf(address),
    ...(error.errors === undefined ? {} : { errors: [...error.errors] }),
  };
  return Buffer.from(JSON.stringify(problem));
}

/** The path as a URI reference, whatever was sent as one. */
function pathOf(address: string): string {
  const path = address.split('?', 1)[0] ?? '';
  return path.replace(/%(?![0-9A-Fa-f]{2})|[^\w\-.~!$&'()*+,;=:@/%]/g, encodeURIComponent);
}

/** Makes the reply that of a problem, and gives its body; sending it is the caller's. */
export function prepareProblem(
  error: ProblemError,
  request: FastifyRequest,
  reply: FastifyReply,
): Buffer {
  for (const name of representationHeaders) reply.removeHeader(name);
  reply.code(error.statusCode).headers(error.headers);
  reply.header('cache-control', 'no-store').type(problemMediaType);
  return problemBody(error, request.originalUrl);
}

const slugOfStatus: Readonly<Record<number, ProblemSlug>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  406: 'not-acceptable',
  408: 'request-timeout',
  410: 'gone',
  412: 'precondition-failed',
  413: 'payload-too-large',
  414: 'address-too-long',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
  431: 'headers-too-large',
};

/** What an error of any kind is to the client. Only messages of 4xx errors are passed on. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const away = databaseProblem(error);
  if (away !== undefined) return ProblemError.unavailable(away, 5, error);
  if (!(error instanceof Error)) return ProblemError.internal(error);
  const status = (error as Partial<FastifyError>).statusCode ?? 500;
  if (status === 503) return ProblemError.unavailable('Not able to answer just now.', 5, error);
  if (status < 400 || status > 499) return ProblemError.internal(error);
  return new ProblemError(slugOfStatus[status] ?? 'bad-request', error.message, { cause: error });
}

function isOfSchema(error: ProblemError): boolean {
  return error.code === 'invalid-parameter' && 'validationContext' in error;
}

/** Validation stops at the first part of a request that is bad; the client hears of all. */
function withOtherParts(error: ProblemError, request: FastifyRequest): ProblemError {
  if (!isOfSchema(error)) return error;
  const errors = [...(error.errors ?? [])];
  const parts = { params: request.params, querystring: request.query } as const;
  for (const part of ['params', 'querystring'] as const) {
    if (part === (error as { validationContext?: unknown }).validationContext) continue;
    const result: unknown = request.getValidationFunction(part)?.(parts[part]);
    const other = (result as { error?: unknown } | undefined)?.error;
    if (other instanceof ProblemError) errors.push(...(other.errors ?? []));
  }
  return ProblemError.invalidParameters(errors);
}

/** By steps: a pattern would look at a run of slashes once for each of them. */
function withoutLastSlashes(path: string): string {
  let end = path.length;
  while (path.endsWith('/', end)) end -= 1;
  return path.slice(0, end);
}

function hasEmptyPart(params: unknown): boolean {
  return Object.values(params as object).includes('');
}

/** Counts the request: who has used up their quota is not told at length what is wrong. */
function refusalOf(reply: FastifyReply): Promise<ProblemError | undefined> {
  return new Promise((resolve) => {
    reply.consumeQuota(resolve);
  });
}

const emptyQuery = { type: 'object', properties: {}, additionalProperties: false };

function errors(app: FastifyInstance): void {
  app.addSchema(ParameterProblemSchema);
  app.addSchema(ProblemSchema);

  // A second router over the same patterns tells which methods a path does answer. OPTIONS
  // is left out: CORS answers it everywhere, so it would make every path a known one.
  const known = findMyWay({ maxParamLength: 16_384 });
  const methods = new Set<HTTPMethod>();
  const routes: KnownRoute[] = [];
  app.decorate('knownRoutes', routes);
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat() as HTTPMethod[]) {
      if (method === 'OPTIONS' || known.findRoute(method, route.url) !== null) continue;
      known.on(method, route.url, () => undefined);
      methods.add(method);
      routes.push({ method, path: route.url });
    }
    const schema = route.schema ?? {};
    if (route.url.includes(':')) {
      route.preValidation = [nothingForNoName, ...[route.preValidation ?? []].flat()];
    }
    if (route.config?.anyQuery !== true && schema.querystring === undefined) {
      route.schema = { ...schema, querystring: emptyQuery };
    }
  });

  function methodsAt(address: string): string[] {
    const answered = [...methods].filter((method) => {
      const found = known.find(method, address);
      return found !== null && !hasEmptyPart(found.params);
    });
    return answered.length === 0 ? [] : [...answered, 'OPTIONS'].sort();
  }
  app.decorate('methodsAt', methodsAt);

  // To the router, the part after a last slash is a name without letters.
  const nothingForNoName: preValidationHookHandler = (request, _reply, done) => {
    done(hasEmptyPart(request.params) ? nothingHere(request) : undefined);
  };

  function nothingHere(request: FastifyRequest): ProblemError {
    const allowed = methodsAt(request.originalUrl);
    if (allowed.length > 0) {
      return ProblemError.methodNotAllowed(request.method, allowed.join(', '));
    }
    const path = pathOf(request.originalUrl);
    const without = withoutLastSlashes(path);
    const isThere = without !== path && methodsAt(without).length > 0;
    return ProblemError.notFound(
      isThere
        ? `There is nothing at this address; without the slash at its end it is ${without}.`
        : 'There is nothing at this address; /docs lists what there is.',
    );
  }

  app.decorate('nothingHere', nothingHere);

  app.setNotFoundHandler((request, reply) => {
    reply.send(prepareProblem(nothingHere(request), request, reply));
  });

  const checks: FurtherCheck[] = [];
  app.decorate('alsoCheck', (check: FurtherCheck) => {
    checks.push(check);
  });

  async function withFurtherProblems(
    error: ProblemError,
    request: FastifyRequest,
  ): Promise<ProblemError> {
    const found = [...(error.errors ?? [])];
    for (const check of checks) {
      try {
        found.push(...(await check(request, found)));
      } catch (cause) {
        // It is refused in any case, for what is known to be wrong.
        request.log.debug({ err: cause }, 'what else is wrong with a request is not known');
      }
    }
    return ProblemError.invalidParameters(found);
  }

  /** All that is wrong, with what helps. */
  async function inFull(problem: ProblemError, request: FastifyRequest): Promise<ProblemError> {
    const { errors = [] } = isOfSchema(problem)
      ? await withFurtherProblems(withOtherParts(problem, request), request)
      : problem;
    if (!errors.some((error) => 'inFull' in error)) return ProblemError.invalidParameters(errors);
    return ProblemError.invalidParameters(
      errors.map(({ inFull, ...error }) => ({ ...error, detail: inFull?.() ?? error.detail })),
    );
  }

  const refusals = new Refusals(() => performance.now());

  app.setErrorHandler(async (error, request, reply) => {
    // A body is read before it is noticed that nobody wants it.
    let problem = request.is404 ? nothingHere(request) : problemOf(error);
    if (problem.code === 'unavailable') {
      const unlogged = refusals.count(problem.message);
      // Its number finds it; a stack would say where, which the sentence does.
      const cause = problem.cause instanceof Error ? problem.cause.message : undefined;
      if (unlogged !== undefined) request.log.warn({ cause, unlogged }, problem.message);
    } else if (problem.statusCode >= 500) {
      request.log.error({ err: problem.cause ?? problem }, problem.message);
    } else {
      if (problem.code === 'invalid-parameter') {
        problem =
          (await refusalOf(reply.code(problem.statusCode))) ?? (await inFull(problem, request));
      }
      request.log.debug({ problem: problem.code, errors: problem.errors }, problem.message);
    }
    return reply.send(prepareProblem(problem, request, reply));
  });
}

export default fp(errors, { name: 'errors' });
