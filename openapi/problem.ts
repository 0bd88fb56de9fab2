/** Every problem an answer can report, and the one shape they come in (RFC 9457). */
import { Type, type Static } from '@sinclair/typebox';

export interface ProblemType {
  readonly slug: string;
  /** What `type` says: stable for ever, a reference relative to the service's address. */
  readonly uri: string;
  readonly status: number;
  readonly title: string;
  /** For the page at that address: what happened and what to do about it. */
  readonly explanation: string;
}

function own(slug: string, status: number, title: string, explanation: string): ProblemType {
  return { slug, uri: `/problems/${slug}`, status, title, explanation };
}

export const problemTypes = {
  'bad-request': own(
    'bad-request',
    400,
    'Bad request',
    'The request could not be read: the address, a header or the body is malformed. Correct it before asking again.',
  ),
  'invalid-parameter': own(
    'invalid-parameter',
    400,
    'Invalid parameter',
    'A parameter is unknown, repeated, missing or has a value that it cannot take. The member errors names each one, where it was found and what it must be.',
  ),
  unauthorized: own(
    'unauthorized',
    401,
    'Credentials needed',
    'This address is for operators. Send a valid key in the Authorization header.',
  ),
  forbidden: own(
    'forbidden',
    403,
    'Not allowed',
    'The key that was sent is valid, but does not allow this.',
  ),
  'not-found': own(
    'not-found',
    404,
    'Not found',
    'There is nothing at this address. Nothing says that there was, or will be.',
  ),
  'no-course-rows': own(
    'no-course-rows',
    404,
    'No course rows at this snapshot',
    'The snapshot exists, but only its totals were carried over: it has no rows of courses. Ask for a later snapshot.',
  ),
  'method-not-allowed': own(
    'method-not-allowed',
    405,
    'Method not allowed',
    'The address exists, but does not answer this method. The Allow header lists those that it does.',
  ),
  'not-acceptable': own(
    'not-acceptable',
    406,
    'Not acceptable',
    'The Accept header rules out every form that the answer could have. Send no Accept header, or one that names a form that there is.',
  ),
  'request-timeout': own(
    'request-timeout',
    408,
    'Request timed out',
    'The request did not arrive whole in time. Send it again.',
  ),
  conflict: own(
    'conflict',
    409,
    'Not as things stand',
    'The request is valid, but the state of the service does not allow it. The detail says what would have to be different.',
  ),
  gone: own(
    'gone',
    410,
    'Withdrawn',
    'The course was published here and has been withdrawn at its source. It will not be listed again unless its source publishes it again.',
  ),
  'precondition-failed': own(
    'precondition-failed',
    412,
    'Precondition failed',
    'If-Match or If-Unmodified-Since did not hold: what you have is not what would be sent now. Fetch it again.',
  ),
  'payload-too-large': own(
    'payload-too-large',
    413,
    'Body too large',
    'The body of the request is larger than this address accepts.',
  ),
  'address-too-long': own(
    'address-too-long',
    414,
    'Address too long',
    'A part of the address is longer than anything that it could name.',
  ),
  'unsupported-media-type': own(
    'unsupported-media-type',
    415,
    'Unsupported media type',
    'The body is of a type that this address does not read. Send application/json.',
  ),
  'range-not-satisfiable': own(
    'range-not-satisfiable',
    416,
    'Range not satisfiable',
    'The Range header asks for bytes that the file does not have. Content-Range tells its length.',
  ),
  'quota-exceeded': own(
    'quota-exceeded',
    429,
    'Quota exceeded',
    'More was asked than the quota allows. Wait as many seconds as Retry-After says. Conditional requests that are answered 304 cost nothing.',
  ),
  'headers-too-large': own(
    'headers-too-large',
    431,
    'Headers too large',
    'The address and headers of the request are larger than the server reads.',
  ),
  internal: own(
    'internal',
    500,
    'Internal error',
    'Something failed on our side, and has been logged. It is not the fault of the request.',
  ),
  unavailable: own(
    'unavailable',
    503,
    'Unavailable for now',
    'Nothing is published yet, something is still being built, or the database is away. Ask again after as many seconds as Retry-After says.',
  ),
} as const satisfies Record<string, ProblemType>;

export type ProblemSlug = keyof typeof problemTypes;

export const parameterPlaces = ['query', 'path', 'header', 'body'] as const;
export type ParameterPlace = (typeof parameterPlaces)[number];

export const ParameterProblem = Type.Object(
  {
    in: Type.Unsafe<ParameterPlace>({
      type: 'string',
      enum: [...parameterPlaces],
      description: 'Where it was found.',
    }),
    name: Type.String({ description: 'The parameter, or the JSON Pointer into the body.' }),
    detail: Type.String({ description: 'What is wrong with it, in a sentence.' }),
  },
  { $id: 'ParameterProblem', description: 'What is wrong with one parameter.' },
);
export type ParameterProblem = Static<typeof ParameterProblem>;

export const Problem = Type.Object(
  {
    type: Type.String({
      format: 'uri-reference',
      description: 'What kind of problem this is: a stable address with a page for people.',
    }),
    title: Type.String({ description: 'The kind of problem in a few words.' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What went wrong with this request.' }),
    instance: Type.String({ format: 'uri-reference', description: 'The path that was asked for.' }),
    errors: Type.Optional(
      Type.Array(Type.Unsafe<ParameterProblem>(Type.Ref('ParameterProblem')), {
        description: 'One entry for each bad parameter.',
      }),
    ),
  },
  {
    $id: 'Problem',
    description: 'A problem as RFC 9457 describes it.',
  },
);
export type Problem = Static<typeof Problem>;

export const problemMediaType = 'application/problem+json';
