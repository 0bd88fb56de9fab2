/** The frame of the OpenAPI document: all of it that does not come from the routes. */

export interface DocumentFacts {
  readonly version: string;
  /** Where the service is reached, without a slash at its end; absent: where the document is. */
  readonly publicUrl: string | undefined;
  /** An e-mail or web address. */
  readonly contact: string | undefined;
  /** Of the data. */
  readonly license: { readonly name: string; readonly url: string };
  /** What a client without a key may spend of the quota in a minute. */
  readonly requestsPerMinute: number;
}

/** What the metrics mean. */
export const dictionaryPath = '/v1/metrics';

/** Where the contract is, for programs and for people, as `Link` has it. */
export const contractLinks: readonly string[] = [
  '</openapi.json>; rel="service-desc"',
  '</docs>; rel="service-doc"',
];

/** Documents for people, that are pages below `/docs/` by these names. */
export const guides = [
  { name: 'researchers-guide', title: 'Researcher’s guide', file: 'docs/researchers-guide.md' },
  { name: 'operators-guide', title: 'Operator’s guide', file: 'docs/operators-guide.md' },
  { name: 'stability', title: 'What stays', file: 'docs/stability.md' },
  { name: 'readme', title: 'Read me', file: 'README.md' },
] as const;

const tags = [
  { name: 'Snapshots', description: 'The whole system at a moment, and its history.' },
  { name: 'Slices', description: 'Totals, trends and activity of any part of it.' },
  { name: 'Courses', description: 'Course rows, at any snapshot.' },
  { name: 'Campaigns and wikis', description: 'What courses belong to, with their totals.' },
  { name: 'About the data', description: 'Definitions, freshness and the data package.' },
  { name: 'Administration', description: 'Publishing, for operators with a key.' },
  { name: 'Operations', description: 'Health and telemetry, for operators.' },
] as const;

const description = (
  requestsPerMinute: number,
) => `Metrics of the Wikimedia Programs & Events Dashboard as a public, documented, citable data service.

Every answer names its snapshot, in \`Snapshot-Id\` and \`snapshot_id\`, and a published snapshot never changes: cite its address. Null is not zero: it means not collected or, of a sum that has coverage, beyond 2^53 − 1.

A client without a key may spend ${String(requestsPerMinute)} of the quota in a minute. Most requests cost one; files and questions that read many rows cost more, as their descriptions and \`limits.costs\` of /v1/status say; a 304 costs none, so ask again with \`If-None-Match\`. What is left of the quota is in \`RateLimit\`; over it, a 429 says in \`Retry-After\` when to come back.

Problems are \`application/problem+json\`, and unknown parameters are problems. What answers GET answers HEAD with the same headers; OPTIONS is answered with 204 and \`Allow\`, any other method with 405.`;

/** Options of @fastify/swagger's `openapi`. */
export function documentFrame(facts: DocumentFacts) {
  const { version, publicUrl, contact, license, requestsPerMinute } = facts;
  return {
    openapi: '3.1.0',
    info: {
      title: 'Dashboard Open Data',
      summary: 'System-wide metrics of the Programs & Events Dashboard',
      description: description(requestsPerMinute),
      version,
      contact: contact === undefined ? dashboardContact : contactOf(contact),
      license: { ...license },
    },
    servers: [{ url: publicUrl ?? '/', description: 'This service' }],
    externalDocs:
      publicUrl === undefined
        ? { url: dashboardContact.url, description: 'The Dashboard that the data are of' }
        : { url: `${publicUrl}/docs`, description: 'The contract as a page' },
    tags: tags.map((tag) => ({ ...tag })),
    components: {
      securitySchemes: {
        operatorKey: {
          type: 'http' as const,
          scheme: 'bearer',
          description: 'The token of the installation, for its operators.',
        },
        apiKey: {
          type: 'http' as const,
          scheme: 'bearer',
          description: 'Optional: a key that an operator has made, with a quota of its own.',
        },
      },
    },
  };
}

/** Where the Dashboard's people are met, for an installation that names nobody of its own. */
const dashboardContact = {
  name: 'Programs & Events Dashboard',
  url: 'https://meta.wikimedia.org/wiki/Programs_%26_Events_Dashboard',
};

function contactOf(address: string) {
  return address.includes('://') ? { url: address } : { email: address };
}
