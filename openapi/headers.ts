/**
 * Header fields of answers, as the OpenAPI document has them: all but those of HTTP itself,
 * which are about the connection or the bytes on it.
 */
import { maxSafeInteger } from './scalars.ts';

interface HeaderSchema {
  readonly type: 'string' | 'integer';
  readonly description: string;
  readonly format?: 'int64';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly example?: string | number;
  /** Whether every such answer has it. */
  readonly required?: true;
}

/** Headers that no such answer is without. */
function always<Headers extends Readonly<Record<string, HeaderSchema>>>(headers: Headers) {
  const entries = Object.entries(headers).map(([name, header]) => [
    name,
    { ...header, required: true },
  ]);
  return Object.fromEntries(entries) as { [Name in keyof Headers]: HeaderSchema };
}

/** Whatever is asked, by whomever, from wherever. */
const frame = always({
  'Access-Control-Allow-Origin': {
    type: 'string',
    description: 'Pages of any origin may read the answer.',
    example: '*',
  },
  'Access-Control-Expose-Headers': {
    type: 'string',
    description: 'The headers that scripts of such pages may read.',
  },
  'X-Content-Type-Options': {
    type: 'string',
    description: 'The type is what Content-Type says.',
    example: 'nosniff',
  },
});

const cacheControl = always({
  'Cache-Control': {
    type: 'string',
    description:
      'How long the answer may be kept without asking again. no-cache: ask each time, with ' +
      'If-None-Match; no-store: not at all, as of problems.',
    example: 'no-cache',
  },
});

const quota = always({
  'RateLimit-Policy': {
    type: 'string',
    description: 'The quota (q) in a window of seconds (w): anonymous, or that of the key.',
    example: '"anonymous";q=60;w=60',
  },
  RateLimit: {
    type: 'string',
    description: 'What is left of it (r), and for how many seconds (t).',
    example: '"anonymous";r=59;t=60',
  },
});

const validators = always({
  ETag: {
    type: 'string',
    description: 'Names the very bytes that were sent; send it as If-None-Match.',
    example: '"zXk0T0jXq8m3mXBq0yq2bg"',
  },
  ...cacheControl,
  Vary: {
    type: 'string',
    description:
      'Accept-Encoding, because codings have tags of their own; Accept too where it chose a form.',
    example: 'Accept-Encoding',
  },
});

const coding = {
  'Content-Encoding': {
    type: 'string',
    description: 'gzip or br, where Accept-Encoding takes it; files are never br.',
    example: 'gzip',
  },
} satisfies Record<string, HeaderSchema>;

const lastModified = {
  'Last-Modified': {
    type: 'string',
    description: 'When the answer last changed.',
    example: 'Sun, 22 Nov 2026 04:00:00 GMT',
  },
} satisfies Record<string, HeaderSchema>;

const snapshotId = {
  'Snapshot-Id': identifier('The snapshot that the answer is of.'),
} satisfies Record<string, HeaderSchema>;

const link = {
  Link: {
    type: 'string',
    description:
      'license, its name as the title; describedby: the data dictionary or data package; service-desc and service-doc: the contract; ' +
      'canonical: where this very answer stays; cite-as: what to cite; next: the next page.',
    example: '</v1/snapshots/30>; rel="canonical"',
  },
} satisfies Record<string, HeaderSchema>;

/** Of an answer with data. */
export const dataHeaders = {
  ...frame,
  ...always(snapshotId),
  ...validators,
  ...coding,
  ...always(lastModified),
  ...always(link),
  ...quota,
};

/** Of an answer that there is before anything is published too. */
export const currentHeaders = {
  ...frame,
  ...snapshotId,
  ...validators,
  ...coding,
  ...lastModified,
  ...always(link),
  ...quota,
};

export const notModifiedHeaders = { ...frame, ...snapshotId, ...validators, ...lastModified };

const downloadHeaders = {
  ...dataHeaders,
  ...always({
    'Content-Disposition': {
      type: 'string',
      description: 'A file name that says what and when.',
      example: 'attachment; filename="dashboard-courses-snapshot-30.csv"',
    },
    'Row-Count': whole('Rows after the header row.'),
  }),
};

const file = {
  'Content-Length': whole('Of a file that is kept; else not known.'),
  'Repr-Digest': {
    type: 'string',
    description: 'SHA-256 of the whole file in this coding (RFC 9530), once it is kept.',
    example: 'sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
  },
  'Accept-Ranges': {
    type: 'string',
    description: 'bytes, of an uncompressed file that is kept.',
    example: 'bytes',
  },
} satisfies Record<string, HeaderSchema>;

/** Of a download that is kept as a file. */
export const fileHeaders = { ...downloadHeaders, ...file };

/** Of a part of it: there are parts only of what is kept. */
export const partHeaders = {
  ...downloadHeaders,
  ...always(file),
  ...always({
    'Content-Range': {
      type: 'string',
      description: 'Which bytes these are, and of how many.',
      example: 'bytes 1000-1999/453000',
    },
  }),
};

export const unsatisfiableHeaders = always({
  'Content-Range': {
    type: 'string',
    description: 'How many bytes there are.',
    example: 'bytes */453000',
  },
});

/** Of a page for operators. */
export const pageHeaders = link;

/** Of what was begun, and is to be asked about elsewhere. */
export const locationHeaders = always({
  Location: {
    type: 'string',
    description: 'Where to ask how it is doing.',
    example: '/v1/admin/runs/31',
  },
});

/** Of an answer that nothing keeps, and that is not counted. */
export const freeHeaders = { ...frame, ...cacheControl };

/** Of an answer that nothing keeps. */
export const privateHeaders = { ...freeHeaders, ...quota };

/** Of what is answered before there is a request to tell of. */
export const unreadHeaders = cacheControl;

export const allowHeaders = always({
  Allow: {
    type: 'string',
    description: 'The methods that the address answers.',
    example: 'GET, HEAD, OPTIONS',
  },
});

export const challengeHeaders = always({
  'WWW-Authenticate': {
    type: 'string',
    description: 'How to say who asks.',
    example: 'Bearer',
  },
});

export const retryHeaders = always({
  'Retry-After': {
    ...whole('Seconds after which to ask again.'),
    minimum: 1,
    example: 30,
  },
});

function whole(description: string): HeaderSchema {
  return { type: 'integer', format: 'int64', minimum: 0, maximum: maxSafeInteger, description };
}

function identifier(description: string): HeaderSchema {
  return { ...whole(description), minimum: 1 };
}
