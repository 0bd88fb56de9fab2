/** What the demonstration answers to the running examples. */
import { readFile } from 'node:fs/promises';
import { usualAddress } from './code-samples.ts';
import { isTree, resolved, treeAt, type Tree } from './document-tree.ts';
import { addressOf, runningExamples } from './running-examples.ts';

/** By operationId and media type. */
export type RecordedExamples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const recordedExamplesFile = new URL('examples.json', import.meta.url);

/** When the demonstration is asked: what it has invented until then is always the same. */
export const recordedAt = new Date('2026-11-22T12:00:00Z');

export async function readRecordedExamples(): Promise<RecordedExamples> {
  return JSON.parse(await readFile(recordedExamplesFile, 'utf8')) as RecordedExamples;
}

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly accept: string;
}

/** A service, as far as it is asked here. */
interface Service {
  inject(options: object): Promise<{ readonly statusCode: number; readonly body: string }>;
  readonly exports: { settled(): Promise<void> };
}

/** Asks a service as one that was started without any settings. */
export function asking(app: Service, adminToken: string): (asked: Asked) => Promise<string> {
  let client = 0;
  return async ({ method, url, accept }) => {
    client += 1;
    const isOperators = url.startsWith('/v1/admin/');
    const options = {
      method,
      url,
      // Everybody asks once, so that nobody's quota is used up.
      remoteAddress: `192.0.2.${String(client)}`,
      headers: {
        accept,
        host: new URL(usualAddress).host,
        ...(isOperators ? { authorization: `Bearer ${adminToken}` } : {}),
      },
    };
    let answer = await app.inject(options);
    if (answer.statusCode === 503) {
      // The data package waits for its files.
      await app.exports.settled();
      answer = await app.inject(options);
    }
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`);
    return answer.body;
  };
}

/** Items of a list, and rows of a file, that an example shows, and fewer of long ones. */
const shownItems = 2;
const longItem = 500;

/**
 * Asks for each form of the answer of each operation of a document, those that change
 * something last.
 * @param ask gives the body of a good answer, and throws on any other
 */
export async function recordExamples(
  document: object,
  ask: (asked: Asked) => Promise<string>,
): Promise<RecordedExamples> {
  const recorded: Record<string, Record<string, unknown>> = {};
  const operations = operationsOf(document as Tree);
  const reading = operations.filter(({ method }) => method === 'GET');
  for (const { template, method, operationId, media } of new Set([...reading, ...operations])) {
    const example = runningExamples[operationId];
    if (example === undefined) throw new Error(`${operationId} has no running example`);
    const url = addressOf(template, example);
    const forms: Record<string, unknown> = {};
    for (const accept of media) {
      const body = await ask({ method, url, accept });
      forms[accept] = /\bjson$/.test(accept) ? cut(JSON.parse(body)) : firstLines(body, accept);
    }
    recorded[operationId] = forms;
  }
  return Object.fromEntries(operations.map(({ operationId: id }) => [id, recorded[id] ?? {}]));
}

interface Operation {
  readonly template: string;
  readonly method: 'GET' | 'POST';
  readonly operationId: string;
  readonly media: readonly string[];
}

function operationsOf(document: Tree): Operation[] {
  return Object.entries(treeAt(document, 'paths')).flatMap(([template, path]) =>
    Object.entries(path as Tree)
      .filter(([method]) => method === 'get' || method === 'post')
      .map(([method, operation]) => ({
        template,
        method: method === 'get' ? ('GET' as const) : ('POST' as const),
        operationId: String((operation as Tree)['operationId']),
        media: Object.keys(treeAt(goodResponse(document, operation as Tree), 'content')),
      })),
  );
}

/** The 200 of an operation, or what it has in its place. */
export function goodResponse(document: Tree, operation: Tree): Tree {
  const responses = treeAt(operation, 'responses');
  return resolved(document, responses['200'] ?? responses['202']);
}

/** With long lists cut, and without what only one installation can have made. */
function cut(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.slice(0, itemsShown(JSON.stringify(value.slice(0, 1)))).map(cut);
  }
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === 'next_cursor' && member !== null ? 'c29tZSBvcGFxdWUgdGV4dA' : cut(member),
    ]),
  );
}

function firstLines(body: string, mediaType: string): string {
  const lines = body.split(/(?<=\n)/);
  // Of what is counted the first alone, with what stands above it: the others change.
  if (body.startsWith('# HELP ')) return lines.slice(0, 3).join('');
  if (mediaType !== 'text/csv') return body;
  return lines.slice(0, 1 + itemsShown(lines[1] ?? '')).join('');
}

function itemsShown(first: string): number {
  return first.length > longItem ? 1 : shownItems;
}
