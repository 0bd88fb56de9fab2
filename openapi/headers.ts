/** Header fields of answers, as the OpenAPI document has them. */

interface HeaderSchema {
  readonly type: 'string' | 'integer';
  readonly description: string;
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

const quota = always({
  'RateLimit-Policy': {
    type: 'string',
    description: 'The quota: requests (q) in a window of seconds (w).',
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
  'Cache-Control': {
    type: 'string',
    description: 'How long the answer may be kept without asking again.',
  },
  Vary: { type: 'string', description: 'Accept-Encoding: codings have tags of their own.' },
});

const lastModified = {
  'Last-Modified': { type: 'string', description: 'When the answer last changed.' },
} satisfies Record<string, HeaderSchema>;

const snapshotId = {
  'Snapshot-Id': { type: 'integer', description: 'The snapshot that the answer is of.' },
} satisfies Record<string, HeaderSchema>;

const link = {
  Link: {
    type: 'string',
    description:
      'license; describedby: the data dictionary or data package; service-desc and service-doc: the contract; ' +
      'canonical: where this very answer stays; cite-as: what to cite; next: the next page.',
  },
} satisfies Record<string, HeaderSchema>;

/** Of an answer with data. */
export const dataHeaders = {
  ...always(snapshotId),
  ...validators,
  ...always(lastModified),
  ...always(link),
  ...quota,
};

/** Of an answer whose form may be chosen by Accept: a date would not tell forms apart. */
export const chosenHeaders = { ...always(snapshotId), ...validators, ...always(link), ...quota };

/** Of an answer that there is before anything is published too. */
export const currentHeaders = {
  ...snapshotId,
  ...validators,
  ...lastModified,
  ...always(link),
  ...quota,
};

export const notModifiedHeaders = { ...snapshotId, ...validators, ...lastModified };

export const downloadHeaders = {
  ...dataHeaders,
  ...always({
    'Content-Disposition': { type: 'string', description: 'A file name that says what and when.' },
    'Row-Count': { type: 'integer', description: 'Rows after the header row.' },
  }),
};

const file = {
  'Content-Length': { type: 'integer', description: 'Of a file that is kept; else not known.' },
  'Repr-Digest': {
    type: 'string',
    description: 'SHA-256 of the whole file in this coding (RFC 9530), once it is kept.',
    example: 'sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
  },
  'Accept-Ranges': { type: 'string', description: 'bytes, of an uncompressed file that is kept.' },
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

export const unsatisfiableHeaders = {
  ...quota,
  ...always({
    'Content-Range': {
      type: 'string',
      description: 'How many bytes there are.',
      example: 'bytes */453000',
    },
  }),
};

/** Of a page for operators. */
export const pageHeaders = { ...link, ...quota };

/** Of what was begun, and is to be asked about elsewhere. */
export const locationHeaders = {
  ...quota,
  ...always({ Location: { type: 'string', description: 'Where to ask how it is doing.' } }),
};

export const quotaHeaders = quota;

export const challengeHeaders = always({
  'WWW-Authenticate': { type: 'string', description: 'Bearer: how to say who asks.' },
});

export const retryHeaders = always({
  'Retry-After': { type: 'integer', description: 'Seconds after which to ask again.' },
});
