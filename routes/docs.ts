/**
 * The contract as a page: Swagger UI over `/openapi.json`, whole from our own address, so
 * that it works under a strict Content-Security-Policy and tells nobody who reads it.
 */
import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { usualAddress } from '../openapi/code-samples.ts';
import { contractLinks, guides } from '../openapi/document.ts';

const guideLinks = guides.map(({ name, title }) => `<a href="/docs/${name}">${title}</a>`);

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The contract · Dashboard Open Data</title>
<link rel="icon" href="/docs/icon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/start.css">
<script defer src="/docs/swagger-ui-bundle.js"></script>
<script defer src="/docs/start.js"></script>
</head>
<body>
<nav><a href="/">Dashboard Open Data</a> · ${guideLinks.join(' · ')} · <a href="/openapi.json">OpenAPI 3.1</a> · <a href="/openapi-3.0.json">3.0</a></nav>
<div id="contract"></div>
<noscript><p>This page needs JavaScript; <a href="/openapi.json">the same as JSON</a> does not.</p></noscript>
</body>
</html>
`;

// The validator would be somebody else's service. Requests stay at the address of the page,
// whatever public address the document gives: this page may call no other. Whoever tries an
// operation out asks with what must be given and nothing else, so what may be is only told.
const start = `'use strict';

function toldOnly(parameter) {
  if (parameter.required || parameter.$ref) return;
  const { schema = {}, example } = parameter;
  const told = [parameter.description];
  if (schema.default !== undefined) told.push('Without it: \`' + schema.default + '\`.');
  if (example !== undefined) told.push('Such as \`' + [example].flat().join(', ') + '\`.');
  parameter.description = told.join(' ');
  delete parameter.example;
  delete schema.default;
}

function samplesOf({ specSelectors }, { path, method }) {
  return specSelectors.specJson().getIn(['paths', path, method, 'x-codeSamples'])?.toJS() ?? [];
}

const codeSamples = {
  wrapComponents: {
    responses: (Responses, system) => (props) => {
      const { createElement: element, Fragment } = system.React;
      const samples = samplesOf(system, props).map(({ label, source }) =>
        element(
          'details',
          { key: label },
          element('summary', null, label),
          element('pre', null, element('code', null, source.replaceAll('${usualAddress}', location.origin))),
        ),
      );
      const title = element('h4', { className: 'opblock-title' }, 'How to ask');
      const header = element('div', { className: 'opblock-section-header' }, title);
      return element(
        Fragment,
        null,
        element('div', { className: 'opblock-section code-samples' }, header, ...samples),
        element(Responses, props),
      );
    },
  },
};

async function start() {
  const answer = await fetch('/openapi.json');
  if (!answer.ok) throw new Error('/openapi.json: ' + answer.status);
  const spec = await answer.json();
  Object.values(spec.components.parameters).forEach(toldOnly);
  for (const path of Object.values(spec.paths)) {
    for (const { parameters = [] } of Object.values(path)) parameters.forEach(toldOnly);
  }
  SwaggerUIBundle({
    spec,
    dom_id: '#contract',
    deepLinking: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    plugins: [codeSamples],
    requestInterceptor(request) {
      const { pathname, search } = new URL(request.url, location.href);
      request.url = location.origin + pathname + search;
      return request;
    },
  });
}

start().catch((error) => {
  document.getElementById('contract').textContent = 'The contract could not be read: ' + error.message;
});
`;

const style = `nav { max-width: 1460px; margin: 0 auto; padding: 1rem 20px 0; font: 1rem/1.8 system-ui, sans-serif; }
nav a { color: #36c; }
.code-samples details { padding: 0 20px; font: 1rem/2 system-ui, sans-serif; }
.code-samples summary { cursor: pointer; }
.code-samples pre { margin: 0 0 0.5rem; padding: 0.75rem 1rem; overflow-x: auto; border-radius: 4px; background: #202122; color: #eaecf0; font: 0.8125rem/1.5 ui-monospace, monospace; }
@media (max-width: 40rem) {
  nav { padding: 0.75rem 10px 0; }
  .swagger-ui .wrapper { padding: 0 10px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-control { flex-wrap: wrap; min-width: 0; }
  .swagger-ui .opblock .opblock-summary-path { max-width: 100%; }
  .swagger-ui .parameters-container .wrapper, .swagger-ui .responses-inner { padding: 10px; }
  .swagger-ui table.parameters, .swagger-ui table.parameters > tbody, .swagger-ui table.parameters > tbody > tr,
  .swagger-ui table.parameters > tbody > tr > td { display: block; width: 100%; min-width: 0; max-width: 100%; }
  .swagger-ui table.parameters > thead { display: none; }
  .swagger-ui table.responses-table, .swagger-ui table.responses-table > tbody, .swagger-ui table.responses-table > tbody > tr,
  .swagger-ui table.responses-table > tbody > tr > td { display: block; width: 100%; min-width: 0; max-width: 100%; }
  .swagger-ui table.responses-table > thead { display: none; }
  .swagger-ui .parameters-col_description input, .swagger-ui .parameters-col_description select { width: 100%; max-width: 100%; min-width: 0; }
  .swagger-ui .model-example, .swagger-ui .highlight-code, .swagger-ui .renderedMarkdown { max-width: 100%; overflow-x: auto; }
  .swagger-ui .response-col_description > * { max-width: 100%; overflow-x: auto; }
}
`;

const head = { cacheControl: 'public, max-age=3600', links: contractLinks };

export default async function docs(app: FastifyInstance): Promise<void> {
  const parts = [
    { url: '/docs', type: 'text/html; charset=utf-8', body: html },
    { url: '/docs/start.js', type: 'text/javascript; charset=utf-8', body: start },
    { url: '/docs/start.css', type: 'text/css; charset=utf-8', body: style },
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
