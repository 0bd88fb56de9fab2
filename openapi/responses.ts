import { Type, type TSchema } from '@sinclair/typebox';
import {
  challengeHeaders,
  currentHeaders,
  dataHeaders,
  downloadHeaders,
  fileHeaders,
  notModifiedHeaders,
  partHeaders,
  quotaHeaders,
  retryHeaders,
  unsatisfiableHeaders,
} from './headers.ts';
import { Problem, problemMediaType } from './problem.ts';
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
  return respond(component, description, { ...quotaHeaders, ...headers }, undefined);
}

/** Files are strings, because generators take `binary` for something else. */
const csvContent = { 'text/csv': { schema: { type: 'string' } } };

/** A 200 with a file. */
export function csv(description: string) {
  return { description, headers: downloadHeaders, content: csvContent };
}

const problemContent = { [problemMediaType]: { schema: reference(Problem) } };

function problem(description: string, headers: object = quotaHeaders) {
  return { description, headers, content: problemContent };
}

const notModified = {
  description: 'What you have is what would be sent now. Costs no quota.',
  headers: notModifiedHeaders,
  type: 'null',
};

/** What every limited route can answer besides its 200, the named ones chosen by the route. */
export const problems = {
  304: notModified,
  400: problem('A parameter is unknown or has a value that it cannot take; each is named.'),
  401: problem('The key or token is missing or not known.', {
    ...quotaHeaders,
    ...challengeHeaders,
  }),
  403: problem('The key is valid, but does not allow this.'),
  404: problem('There is no such resource.'),
  406: problem('Accept rules out every form that the answer could have.'),
  409: problem('It cannot be done as things stand.'),
  410: problem('The course has been withdrawn.'),
  413: problem('The body is too large.'),
  414: problem('A part of the address is too long.'),
  415: problem('The body is of a type that is not read here.'),
  412: problem('If-Match or If-Unmodified-Since did not hold.'),
  429: problem('Over the quota; Retry-After says when to ask again.', {
    ...quotaHeaders,
    ...retryHeaders,
  }),
  500: problem('Something failed on our side; it says nothing of the inside.'),
  503: problem('Nothing is published yet, or the database is away.', {
    ...quotaHeaders,
    ...retryHeaders,
  }),
} as const;

/** The statuses of a download that is kept as a file, besides those of reading. */
export const fileResponses = {
  200: { description: 'The file.', headers: fileHeaders, content: csvContent },
  206: { description: 'The part that Range asks for.', headers: partHeaders, content: csvContent },
  416: problem('The file has no such bytes.', unsatisfiableHeaders),
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
  400: problem('A parameter is unknown.', {}),
  500: problem('Something failed on our side; it says nothing of the inside.', {}),
  503: problem('Nothing is published yet, or the database is away.', retryHeaders),
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

/** What the frame around every limited route can answer for it, whatever the route. */
export function frameProblems(takesBody: boolean, hasPathParameters: boolean) {
  return {
    401: problems[401],
    ...(takesBody ? { 413: problems[413], 415: problems[415] } : {}),
    ...(hasPathParameters ? { 414: problems[414] } : {}),
  };
}
