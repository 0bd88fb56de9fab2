/** The guides of `docs/` as pages beside the contract, for whoever has only the service. */
import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';
import { Marked } from 'marked';
import { contractLinks, guides } from '../openapi/document.ts';
import { contractLink, escapeHtml, htmlPage } from './html.ts';

const head = { cacheControl: 'public, max-age=3600', links: contractLinks };

export default async function guidePages(app: FastifyInstance): Promise<void> {
  for (const { name, title, file } of guides) {
    const text = await readFile(new URL(`../${file}`, import.meta.url), 'utf8');
    const html = page(title, await markdownOf(file).parse(text));
    const representation = app.representation(html, 'text/html; charset=utf-8');
    app.get(
      `/docs/${name}`,
      { schema: { hide: true }, config: { quota: false, anyQuery: true } },
      (_request, reply) => {
        reply.asPage().answer(representation, head);
      },
    );
  }
}

/** Markdown as the repository shows it: headings can be linked to, and files are pages here. */
function markdownOf(file: string): Marked {
  return new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const level = String(depth);
        return `<h${level} id="${anchor(text)}">${this.parser.parseInline(tokens)}</h${level}>\n`;
      },
      link({ href, tokens }) {
        const address = addressOf(file, href);
        const text = this.parser.parseInline(tokens);
        return address === undefined ? text : `<a href="${escapeHtml(address)}">${text}</a>`;
      },
      table(token) {
        const rows = token.rows.map(
          (row) =>
            `<tr>${row.map((cell) => `<td>${this.parser.parseInline(cell.tokens)}</td>`).join('')}</tr>`,
        );
        const names = token.header.map(
          (cell) => `<th>${this.parser.parseInline(cell.tokens)}</th>`,
        );
        return `<div class="wide"><table><thead><tr>${names.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>\n`;
      },
    },
  });
}

/** Where a link of a file leads here; undefined of a file that is not served. */
function addressOf(file: string, href: string): string | undefined {
  if (href.startsWith('#') || href.includes('://')) return href;
  const target = new URL(href, `file:///${file}`);
  const guide = guides.find((each) => `/${each.file}` === target.pathname);
  if (guide !== undefined) return `/docs/${guide.name}${target.hash}`;
  return target.pathname === '/openapi/openapi.json' ? '/openapi.json' : undefined;
}

function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function page(title: string, main: string): string {
  const pages = guides.map(({ name, title }) => `<a href="/docs/${name}">${escapeHtml(title)}</a>`);
  return htmlPage({ title, links: [contractLink, ...pages], main });
}
