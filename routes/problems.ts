/** The pages that the `type` of a problem leads to, for people who follow it. */
import type { FastifyInstance } from 'fastify';
import { problemTypes, type ProblemType } from '../openapi/problem.ts';

const head = { cacheControl: 'public, max-age=3600', links: [] };

export default function problems(app: FastifyInstance): void {
  const types: readonly ProblemType[] = Object.values(problemTypes);
  const items = types.map(
    ({ slug, status, title }) => `<li><a href="/problems/${slug}">${status} ${title}</a></li>`,
  );
  servePage(app, '/problems', page('Problems', `<ul>${items.join('')}</ul>`));
  for (const { slug, uri, status, title, explanation } of types) {
    const body =
      `<p>${explanation}</p><dl><dt>Status</dt><dd>${status}</dd><dt>Type</dt>` +
      `<dd><code>${uri}</code></dd></dl><p><a href="/problems">All problems</a></p>`;
    servePage(app, `/problems/${slug}`, page(title, body));
  }
}

function servePage(app: FastifyInstance, url: string, html: string): void {
  const representation = app.representation(html, 'text/html; charset=utf-8');
  app.get(
    url,
    { schema: { hide: true }, config: { quota: false, anyQuery: true } },
    (_request, reply) => {
      reply.asPage().answer(representation, head);
    },
  );
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Dashboard Open Data</title>
</head>
<body>
<main><h1>${title}</h1>${body}</main>
<footer><p><a href="/docs">The contract</a></p></footer>
</body>
</html>
`;
}
