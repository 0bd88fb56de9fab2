/**
 * The contract as a page: Swagger UI over `/openapi.json`, whole from our own address, so
 * that it works under a strict Content-Security-Policy and tells nobody who reads it.
 */
import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { contractLinks } from '../openapi/document.ts';

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The contract · Dashboard Open Data</title>
<link rel="icon" href="/docs/icon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script defer src="/docs/swagger-ui-bundle.js"></script>
<script defer src="/docs/start.js"></script>
</head>
<body>
<div id="contract"></div>
<noscript><p>This page needs JavaScript; <a href="/openapi.json">the same as JSON</a> does not.</p></noscript>
</body>
</html>
`;

// The validator would be somebody else's service. Requests stay at the address of the page,
// whatever public address the document gives: this page may call no other.
const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#contract',
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor(request) {
    const { pathname, search } = new URL(request.url, location.href);
    request.url = location.origin + pathname + search;
    return request;
  },
});
`;

const head = { cacheControl: 'public, max-age=3600', links: contractLinks };

export default async function docs(app: FastifyInstance): Promise<void> {
  const parts = [
    { url: '/docs', type: 'text/html; charset=utf-8', body: html },
    { url: '/docs/start.js', type: 'text/javascript; charset=utf-8', body: start },
    {
      url: '/docs/swagger-ui-bundle.js',
      type: 'text/javascript; charset=utf-8',
      body: await read(import.meta.resolve('@fastify/swagger-ui/static/swagger-ui-bundle.js')),
    },
    {
      url: '/docs/swagger-ui.css',
      type: 'text/css; charset=utf-8',
      body: await read(import.meta.resolve('@fastify/swagger-ui/static/swagger-ui.css')),
    },
    {
      url: '/docs/icon.png',
      type: 'image/png',
      body: await read(import.meta.resolve('@fastify/swagger-ui/static/favicon-32x32.png')),
    },
  ];
  for (const { url, type, body } of parts) {
    const representation = app.representation(body, type);
    app.get(
      url,
      { schema: { hide: true }, config: { quota: false, anyQuery: true } },
      (_request, reply) => {
        reply.asPage().answer(representation, head);
      },
    );
  }
}

function read(address: string): Promise<Buffer> {
  return readFile(fileURLToPath(address));
}
