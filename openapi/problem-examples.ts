/**
 * A problem of every kind as the service reports it, for the contract and for the pages of the
 * problems. A test brings each about and compares.
 */
import { problemTypes, type ParameterProblem, type Problem, type ProblemSlug } from './problem.ts';

interface Reported {
  readonly detail: string;
  /** The path that was asked for. */
  readonly instance: string;
  readonly errors?: readonly ParameterProblem[];
}

const reported = {
  'bad-request': {
    detail: 'The address is not valid: its path must be percent-encoded UTF-8.',
    instance: '/v1/campaigns/%ff',
  },
  'invalid-parameter': {
    detail: '"limit" must be a whole number from 1 to 1000; got "abc".',
    instance: '/v1/snapshots',
    errors: [
      {
        in: 'query',
        name: 'limit',
        detail: 'must be a whole number from 1 to 1000; got "abc"',
      },
    ],
  },
  unauthorized: {
    detail: 'The key is not known here, or has been revoked.',
    instance: '/v1/snapshots/latest',
  },
  forbidden: {
    detail: 'The key is for reading; this needs the operator’s token.',
    instance: '/v1/admin/runs',
  },
  'not-found': {
    detail: 'There is no campaign "open_clasroom" here.',
    instance: '/v1/campaigns/open_clasroom',
  },
  'no-course-rows': {
    detail: 'Snapshot 1 has totals, but no rows of courses.',
    instance: '/v1/courses',
  },
  'method-not-allowed': {
    detail: 'DELETE is not answered here; GET, HEAD, OPTIONS are.',
    instance: '/v1/snapshots/1',
  },
  'not-acceptable': {
    detail: 'Accept rules out all that there is here: application/json.',
    instance: '/v1/snapshots/latest',
  },
  'request-timeout': {
    detail: 'The request did not arrive in time.',
    instance: '/',
  },
  conflict: {
    detail: 'No source is configured, so there is nothing to read.',
    instance: '/v1/admin/snapshots',
  },
  gone: {
    detail: 'Course 7 has been withdrawn at its source.',
    instance: '/v1/courses/7',
  },
  'precondition-failed': {
    detail: 'What you have is not what would be sent now.',
    instance: '/v1/snapshots/latest',
  },
  'payload-too-large': {
    detail: 'Request body is too large',
    instance: '/v1/admin/snapshots',
  },
  'address-too-long': {
    detail: 'A part of the address is longer than anything that it could name.',
    instance: '/v1/campaigns/aaaaaaaa',
  },
  'unsupported-media-type': {
    detail: 'Unsupported Media Type',
    instance: '/v1/admin/snapshots',
  },
  'range-not-satisfiable': {
    detail: 'The file has 2078 bytes.',
    instance: '/v1/courses.csv',
  },
  'quota-exceeded': {
    detail: 'The quota is used up; there is a new one in 60 seconds.',
    instance: '/v1/snapshots/latest',
  },
  'headers-too-large': {
    detail: 'The address and headers are too large.',
    instance: '/',
  },
  internal: {
    detail: 'Something failed on our side.',
    instance: '/v1/snapshots/1',
  },
  unavailable: {
    detail: 'Nothing has been published yet.',
    instance: '/v1/snapshots/latest',
  },
} as const satisfies Record<ProblemSlug, Reported>;

export function problemExample(slug: ProblemSlug): Problem {
  const { uri, title, status } = problemTypes[slug];
  const { errors, ...said }: Reported = reported[slug];
  const example = { type: uri, title, status, ...said };
  return errors === undefined ? example : { ...example, errors: [...errors] };
}
