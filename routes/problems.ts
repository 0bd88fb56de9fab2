/** The pages that the `type` of a problem leads to, for people who follow it. */
import type { FastifyInstance } from 'fastify';
import { problemExample } from '../openapi/problem-examples.ts';
import { problemTypes, type ProblemSlug, type ProblemType } from '../openapi/problem.ts';
import { contractLink, escapeHtml, htmlPage } from './html.ts';

const head = { cacheControl: 'public, max-age=3600', links: [] };

export default function problems(app: FastifyInstance): void {
  const types: readonly ProblemType[] = Object.values(problemTypes);
  const items = types.map(
    ({ slug, status, title }) => `<li><a href="/problems/${slug}">${status} ${title}</a></li>`,
  );
  servePage(app, '/problems', page('Problems', `<ul>${items.join('')}</ul>`));
  for (const { slug, uri, status, title, explanation } of types) {
    const example = escapeHtml(JSON.stringify(problemExample(slug as ProblemSlug), null, 2));
    const body =
      `<p>${explanation}</p><dl><dt>Status</dt><dd>${status}</dd><dt>Type</dt>` +
      `<dd><code>${uri}</code></dd></dl><p>As it is reported:</p>` +
      `<pre><code>${example}</code></pre><p><a href="/problems">All problems</a></p>`;
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
  return htmlPage({ title, links: [contractLink], main: `<h1>${title}</h1>${body}` });
}
