import { Type, type TSchema } from '@sinclair/typebox';
import {
  allowHeaders,
  challengeHeaders,
  currentHeaders,
  dataHeaders,
  fileHeaders,
  freeHeaders,
  notModifiedHeaders,
  partHeaders,
  privateHeaders,
  retryHeaders,
  unreadHeaders,
  unsatisfiableHeaders,
} from './headers.ts';
import { problemExample } from './problem-examples.ts';
import { Problem, problemMediaType, problemTypes, type ProblemSlug } from './problem.ts';
import { reference } from './scalars.ts';

/** A 200 with a component as JSON. */
export function json(component: TSchema, description: string, example?: unknown) {
  return respond(component, description, dataHeaders, example);
}

function respond(component: TSchema, description: string, headers: object, example: unknown) {
  const media = { schema: reference(component), ...(example === undefined ? {} : { example }) };
  return { description, headers, content: { 'application/json': media } };
}

/** A 200 that there is before anything is published too. */
export function currentJson(component: TSchema, description: string, example?: unknown) {
  return respond(component, description, currentHeaders, example);
}

/** An answer for operators, which nothing keeps. */
export function privateJson(component: TSchema, description: string, headers: object = {}) {
  return respond(component, description, { ...privateHeaders, ...headers }, undefined);
}

/** An answer that costs no quota, and that nothing keeps. */
export function freeJson(component: TSchema, description: string) {
  return respond(component, description, freeHeaders, undefined);
}

/** The same, of a text. */
export function freeText(description: string) {
  const content = { 'text/plain': { schema: { type: 'string' } } };
  return { description, headers: freeHeaders, content };
}

/** Files are strings, because generators take `binary` for something else. */
const csvContent = { 'text/csv': { schema: { type: 'string' } } };

function problem(
  description: string,
  slugs: readonly ProblemSlug[],
  headers: object = privateHeaders,
) {
  const examples = slugs.map((slug) => [
    slug,
    { summary: problemTypes[slug].title, value: problemExample(slug) },
  ]);
  const media = { schema: reference(Problem), examples: Object.fromEntries(examples) as object };
  return { description, headers, content: { [problemMediaType]: media } };
}

function problemWith(headers: object, description: string, ...slugs: ProblemSlug[]) {
  return problem(description, slugs, { ...privateHeaders, ...headers });
}

const notModified = {
  description: 'What you have is what would be sent now. Costs no quota.',
  headers: notModifiedHeaders,
  type: 'null',
};

const failure = 'Something failed on our side; it says nothing of the inside.';
const away = 'Nothing is published yet, a file is being made, or the database is away.';

/** What limited routes can answer besides their 200, the named ones chosen by the route. */
export const problems = {
  304: notModified,
  400: problem('A parameter is unknown or has a value that it cannot take; each is named.', [
    'invalid-parameter',
    'bad-request',
  ]),
  401: problemWith(challengeHeaders, 'The key or token is missing or not known.', 'unauthorized'),
  403: problem('The key is valid, but does not allow this.', ['forbidden']),
  404: problem('There is no such resource, or the snapshot has no course rows.', [
    'not-found',
    'no-course-rows',
  ]),
  405: problemWith(
    allowHeaders,
    'Of other methods than Allow lists; which are those that the address answers.',
    'method-not-allowed',
  ),
  406: problem('Accept rules out every form that the answer could have.', ['not-acceptable']),
  408: problem('The request did not arrive whole in time.', ['request-timeout'], unreadHeaders),
  409: problem('It cannot be done as things stand.', ['conflict']),
  410: problem('The course has been withdrawn.', ['gone']),
  412: problem('If-Match or If-Unmodified-Since did not hold.', ['precondition-failed']),
  413: problem('The body is too large.', ['payload-too-large']),
  414: problem('A part of the address is too long.', ['address-too-long']),
  415: problem('The body is of a type that is not read here.', ['unsupported-media-type']),
  429: problemWith(
    retryHeaders,
    'Over the quota; Retry-After says when to ask again.',
    'quota-exceeded',
  ),
  431: problem(
    'The address and headers are larger than the server reads.',
    ['headers-too-large'],
    unreadHeaders,
  ),
  500: problem(failure, ['internal']),
  503: problemWith(retryHeaders, away, 'unavailable'),
} as const;

/** The statuses of a download that is kept as a file, besides those of reading. */
export const fileResponses = {
  200: { description: 'The file.', headers: fileHeaders, content: csvContent },
  206: { description: 'The part that Range asks for.', headers: partHeaders, content: csvContent },
  416: problemWith(unsatisfiableHeaders, 'The file has no such bytes.', 'range-not-satisfiable'),
} as const;

/** Request headers of a download that is kept as a file. */
export const RangeHeaders = Type.Object({
  Range: Type.Optional(
    Type.String({
      description:
        'One part of the uncompressed file; several parts, and other units, get all of it.',
      examples: ['bytes=1000-'],
    }),
  ),
  'If-Range': Type.Optional(
    Type.String({
      description:
        'The ETag of the part that you have: if the file is another one, you get it whole.',
    }),
  ),
});

/** What a route that costs no quota can answer besides its 200. */
export const freeProblems = {
  400: problem('A parameter is unknown.', ['invalid-parameter'], freeHeaders),
  500: problem(failure, ['internal'], freeHeaders),
  503: problem(away, ['unavailable'], { ...freeHeaders, ...retryHeaders }),
} as const;

/** The statuses of any route that reads data. */
export const readProblems = {
  304: problems[304],
  400: problems[400],
  412: problems[412],
  429: problems[429],
  500: problems[500],
  503: problems[503],
} as const;

/** The statuses of any route for operators. */
export const operatorProblems = {
  400: problems[400],
  401: problems[401],
  403: problems[403],
  429: problems[429],
  500: problems[500],
  503: problems[503],
} as const;

/** What the frame around every route can answer for it, whatever the route. */
export const everyRouteProblems = {
  405: problems[405],
  408: problems[408],
  431: problems[431],
} as const;

/** What the frame around every limited route can answer for it besides. */
export function frameProblems(takesBody: boolean, hasPathParameters: boolean) {
  return {
    401: problems[401],
    ...(takesBody ? { 413: problems[413], 415: problems[415] } : {}),
    ...(hasPathParameters ? { 414: problems[414] } : {}),
  };
}
