/** The first page: what this is, the newest numbers, and where everything else is. */
import type { FastifyInstance } from 'fastify';
import { metricsAt } from '../metrics/registry.ts';
import { completeTotals } from '../metrics/totals.ts';
import { contractLinks } from '../openapi/document.ts';
import { escapeHtml } from './html.ts';

export interface FrontPageOptions {
  readonly isDemo: boolean;
  readonly version: string;
  readonly license: { readonly name: string; readonly url: string };
  readonly contact: string | undefined;
}

/** Metrics that say most about the whole, in the order of the page. */
const headlines = [
  'courses',
  'editors',
  'edits',
  'words_added',
  'articles_created',
  'article_views',
  'uploads',
  'references_added',
];

const pageControl = 'no-cache';

export default function frontPage(app: FastifyInstance, options: FrontPageOptions): void {
  const style = app.representation(stylesheet, 'text/css; charset=utf-8');
  const icon = app.representation(picture, 'image/svg+xml');
  const config = { quota: false, anyQuery: true } as const;

  app.get('/', { schema: { hide: true }, config }, (_request, reply) => {
    const page = app.representation(html(app, options), 'text/html; charset=utf-8');
    reply.asPage().answer(page, {
      cacheControl: pageControl,
      links: contractLinks,
    });
  });

  // Browsers ask for it unasked; an SVG under the old name is understood by all of them.
  app.get('/favicon.ico', { schema: { hide: true }, config }, (_request, reply) => {
    reply.answer(icon, { cacheControl: 'public, max-age=86400', links: [] });
  });

  app.get('/page.css', { schema: { hide: true }, config }, (_request, reply) => {
    reply.answer(style, { cacheControl: 'public, max-age=3600', links: [] });
  });
}

function html(app: FastifyInstance, options: FrontPageOptions): string {
  const { isDemo, version, license, contact } = options;
  const demo = isDemo
    ? '<p class="demo" role="note"><strong>Demonstration.</strong> No source is configured: every number here is invented.</p>'
    : '';
  const contactLine =
    contact === undefined
      ? ''
      : ` · <a href="${escapeHtml(contact.includes('://') ? contact : `mailto:${contact}`)}">Contact</a>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Dashboard Open Data</title>
<meta name="description" content="Metrics of the Wikimedia Programs &amp; Events Dashboard: public, documented, citable.">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<header>
<h1>Dashboard Open Data</h1>
<p class="lead">The metrics of the Wikimedia Programs &amp; Events Dashboard as a public, documented, citable data service.</p>
${demo}
</header>
<main>
${numbers(app)}
<section>
<h2>Ask</h2>
${links([
  ['/v1/snapshots/latest', 'the newest snapshot, as JSON'],
  ['/v1/snapshots?interval=month', 'its history, the last snapshot of each month'],
  ['/v1/totals?group_by=home_wiki', 'totals of any slice, at any snapshot'],
  ['/v1/trends?group_by=type&interval=month', 'the same over the snapshots'],
  ['/v1/activity?interval=quarter', 'when the edits happened, by month, quarter or year'],
  ['/v1/courses?sort=-edits&limit=10', 'courses, filtered, searched and sorted, a page at a time'],
  ['/v1/campaigns?sort=-edits&limit=10', 'campaigns with their totals'],
  ['/v1/wikis?sort=-edits&limit=10', 'tracked wikis with their totals'],
  ['/system_metrics.json', 'the newest snapshot, for the Dashboard’s front end'],
])}
</section>
<section>
<h2>Download</h2>
${links([
  ['/v1/courses.csv', 'every course of the newest snapshot'],
  ['/v1/campaigns.csv', 'every campaign'],
  ['/v1/wikis.csv', 'every tracked wiki'],
  ['/v1/snapshots.csv', 'the history'],
  [
    '/v1/datapackage.json',
    'these files described: columns, units, bytes, rows, SHA-256, once they are made',
  ],
])}
</section>
<section>
<h2>Trust it, build on it</h2>
${links([
  ['/v1/metrics', 'what every number means, and its caveats'],
  ['/v1/status', 'freshness, limits, how the last run ended'],
  ['/docs', 'the contract, to read and to try'],
  ['/docs/researchers-guide', 'how to use it with R, Python, curl and a spreadsheet'],
  ['/docs/stability', 'what stays, and what may change'],
  ['/openapi.json', 'the contract, to generate a client from'],
  ['/problems', 'every error there is'],
  ['/verify.mjs', 'a program that adds everything up again, to check us'],
  ['/health/live', 'whether the process answers, for operators'],
  ['/health/ready', 'whether the database does and something is published'],
])}
</section>
</main>
<footer>
<p>Data: <a rel="license" href="${escapeHtml(license.url)}">${escapeHtml(license.name)}</a>${contactLine} · Release ${escapeHtml(version)}</p>
</footer>
</body>
</html>
`;
}

/** Addresses of this service, each with what it answers, as markup. */
function links(rows: readonly (readonly [address: string, answers: string])[]): string {
  const items = rows.map(
    ([address, answers]) =>
      `<div><dt><a href="${escapeHtml(address)}">${escapeHtml(address)}</a></dt><dd>${answers}</dd></div>`,
  );
  return `<dl class="links">\n${items.join('\n')}\n</dl>`;
}

function numbers(app: FastifyInstance): string {
  const row = app.published.latest?.row;
  if (row === undefined) {
    return '<section><h2>Now</h2><p>Nothing has been published yet.</p></section>';
  }
  const totals = completeTotals(row.definitionsVersion, row.totals);
  const items = metricsAt(row.definitionsVersion)
    .filter((metric) => headlines.includes(metric.name))
    .sort((a, b) => headlines.indexOf(a.name) - headlines.indexOf(b.name))
    .map((metric) => {
      const value = totals[metric.name] ?? null;
      const shown = value === null ? '<span class="missing">not collected</span>' : grouped(value);
      return `<div><dt>${escapeHtml(metric.title)}</dt><dd>${shown}</dd></div>`;
    });
  const id = String(row.snapshotId);
  const moment = row.computedAt.toISOString();
  return `<section>
<h2>Now</h2>
<dl class="numbers">${items.join('')}</dl>
<p>Snapshot ${id}, computed <time datetime="${moment}">${moment.slice(0, 16).replace('T', ' ')} UTC</time>.
Cite it as <a href="/v1/snapshots/${id}">/v1/snapshots/${id}</a>: these numbers stay there unchanged.</p>
</section>`;
}

function grouped(value: number): string {
  return value.toLocaleString('en', { useGrouping: true });
}

const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#36c" d="M1 9h3v6H1zm5.5-4h3v10h-3zM12 1h3v14h-3z"/></svg>`;

const stylesheet = `:root { --ink: #202122; --soft: #54595d; --paper: #fff; --line: #c8ccd1; --accent: #36c; --note: #fef6e7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eaecf0; --soft: #a2a9b1; --paper: #101418; --line: #404244; --accent: #88a3e8; --note: #3a2a05; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1.25rem 3rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); font-size: 1.25rem; }
a { color: var(--accent); }
code { white-space: nowrap; }
.lead { margin: 0.5rem 0 0; color: var(--soft); font-size: 1.125rem; }
.demo { margin: 1.25rem 0 0; padding: 0.75rem 1rem; border-left: 4px solid #edab00; background: var(--note); }
.numbers { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 0; }
.numbers div { flex: 1 0 auto; min-width: 9.5rem; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 4px; }
.numbers dt { color: var(--soft); font-size: 0.875rem; }
.numbers dd { margin: 0; font-size: 1.375rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.missing { color: var(--soft); font-size: 1rem; }
.links { margin: 0; }
.links div { display: grid; grid-template-columns: 19rem 1fr; gap: 0 1.5rem; margin-bottom: 0.25rem; }
.links dt { font-family: ui-monospace, monospace; font-size: 0.9375rem; }
.links dd { margin: 0; color: var(--soft); }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.875rem; }
nav { margin-bottom: 1.5rem; }
.guide pre, .wide { overflow-x: auto; }
.guide pre { padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 4px; }
.guide pre code { white-space: pre; }
.guide code { white-space: normal; overflow-wrap: anywhere; }
.guide table { border-collapse: collapse; }
.guide th, .guide td { padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
@media (max-width: 40rem) {
  .links div { grid-template-columns: 1fr; margin-bottom: 0.75rem; }
}
`;
