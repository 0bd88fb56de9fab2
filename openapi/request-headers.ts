/**
 * Header fields of requests that every answer with validators goes by. They are read before
 * any route is asked, so routes do not have them in their schemas.
 */

interface HeaderParameter {
  readonly name: string;
  readonly description: string;
  readonly example: string;
}

const moment = 'Sun, 22 Nov 2026 04:00:00 GMT';

/** Of answers that may be a 304. */
const cacheValidators: readonly HeaderParameter[] = [
  {
    name: 'If-None-Match',
    description:
      'Entity tags of what you have, or *: where one of them is that of what would be sent now, ' +
      'the answer is a 304, which costs no quota.',
    example: '"zXk0T0jXq8m3mXBq0yq2bg"',
  },
  {
    name: 'If-Modified-Since',
    description:
      'The Last-Modified of what you have, with the same effect; of no effect beside ' +
      'If-None-Match, nor on status, dictionary, data package and citations, whose dates do not ' +
      'tell all that changes them.',
    example: moment,
  },
];

/** Of answers that may be a 412. */
const guards: readonly HeaderParameter[] = [
  {
    name: 'If-Match',
    description:
      'Entity tags, or *: where none of them is that of what would be sent now, the answer is a ' +
      '412: for the parts of one and the same file.',
    example: '"zXk0T0jXq8m3mXBq0yq2bg"',
  },
  {
    name: 'If-Unmodified-Since',
    description: 'The same by date; of no effect beside If-Match.',
    example: moment,
  },
];

/** What an operation takes that answers with these statuses, as its parameters have it. */
export function requestHeaders(statuses: readonly string[]) {
  const headers = [
    ...(statuses.includes('304') ? cacheValidators : []),
    ...(statuses.includes('412') ? guards : []),
  ];
  return headers.map(({ name, description, example }) => ({
    name,
    in: 'header' as const,
    required: false,
    description,
    schema: { type: 'string' as const },
    example,
  }));
}
