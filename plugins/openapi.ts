/** The contract is written by the routes' own schemas, so that it cannot drift from them. */
import fastifySwagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { components } from '../openapi/components.ts';
import { contractLinks, documentFrame, type DocumentFacts } from '../openapi/document.ts';
import { policyField, stateField, windowSeconds } from '../openapi/quota.ts';
import { readRecordedExamples } from '../openapi/recorded-examples.ts';
import { requestHeaders } from '../openapi/request-headers.ts';
import { shareComponents } from '../openapi/shared-components.ts';
import { showExamples } from '../openapi/shown-examples.ts';
import { toVersion30 } from '../openapi/version-3-0.ts';
import type { AnswerHead, Representation } from './representation.ts';

export type OpenapiOptions = DocumentFacts;

async function openapi(app: FastifyInstance, options: OpenapiOptions): Promise<void> {
  for (const component of components) app.addSchema(component);
  const recorded = await readRecordedExamples();
  const { publicUrl, requestsPerMinute } = options;
  await app.register(fastifySwagger, {
    openapi: documentFrame(options),
    transformObject: (documents) => {
      const document = withHeaders(withoutNeedOfDefaults(documents), requestsPerMinute);
      return shareComponents(showExamples(document, recorded, publicUrl));
    },
    // Without it, components are named def-0, def-1 and so on.
    refResolver: {
      buildLocalReference: (schema, _baseUri, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${index}`,
    },
  });

  const head: AnswerHead = { cacheControl: 'public, max-age=300', links: contractLinks };
  const versions = [
    { url: '/openapi.json', write: () => app.swagger() },
    { url: '/openapi-3.0.json', write: () => toVersion30(app.swagger()) },
  ];
  for (const { url, write } of versions) {
    let document: Representation | undefined;
    app.addHook('onReady', async () => {
      document = app.representation(JSON.stringify(write()));
      await document.precompress();
    });
    app.get(url, { schema: { hide: true }, config: { quota: false } }, (_request, reply) => {
      if (document === undefined) throw new Error(`${url} was asked for before it is made`);
      reply.answer(document, head);
    });
  }
}

/**
 * A parameter with a default may be left out, and is filled in before a handler sees it: so
 * its schema calls it required, for the handler, and the contract must not.
 */
function withoutNeedOfDefaults(documents: SwaggerDocuments): SwaggerDocument {
  if (!('openapiObject' in documents)) throw new Error('the document is not of OpenAPI 3');
  const document = documents.openapiObject;
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of [path?.get, path?.post]) {
      for (const parameter of operation?.parameters ?? []) {
        if ('schema' in parameter && hasDefault(parameter.schema)) parameter.required = false;
      }
    }
  }
  return document;
}

/**
 * Headers of requests, and what the plugin does not know of those of answers, as it knows only
 * their schemas: that one is never missing is said of the header, and so are examples.
 */
function withHeaders(document: SwaggerDocument, requestsPerMinute: number) {
  const quota: Readonly<Record<string, string>> = {
    'RateLimit-Policy': policyField('anonymous', requestsPerMinute),
    RateLimit: stateField('anonymous', requestsPerMinute - 1, windowSeconds),
  };
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of [path?.get, path?.post]) {
      if (operation === undefined) continue;
      const { responses } = operation;
      const added = requestHeaders(Object.keys(responses));
      if (added.length > 0) operation.parameters = [...(operation.parameters ?? []), ...added];
      for (const response of Object.values(responses)) {
        const headers = 'headers' in response ? (response.headers ?? {}) : {};
        for (const [name, header] of Object.entries(headers)) {
          if (!('schema' in header)) continue;
          const { required, example, ...schema } = header.schema as HeaderSchema;
          header.schema = schema;
          if (required === true) header.required = true;
          header.example = quota[name] ?? example;
          if (header.example === undefined) delete header.example;
        }
      }
    }
  }
  return document;
}

interface HeaderSchema {
  readonly required?: unknown;
  readonly example?: unknown;
}

type SwaggerDocuments = Parameters<NonNullable<FastifyDynamicSwaggerOptions['transformObject']>>[0];
type SwaggerDocument = Extract<SwaggerDocuments, { openapiObject: unknown }>['openapiObject'];

function hasDefault(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && 'default' in schema;
}

export default fp(openapi, { name: 'openapi', dependencies: ['answers'] });
