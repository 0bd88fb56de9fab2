import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Queryable } from './connect.ts';
import { identifiers } from './fragments.ts';

/** Fields by the names of their columns; what is absent is null. */
export type Row = Readonly<Record<string, Field>>;
type Field = string | number | boolean | null | undefined | readonly (string | number)[];

/**
 * Adds rows to a table with COPY, a quarter of the database's work of any insert. What was
 * copied before a failure may stay: for tables that are only read once they are whole.
 */
export async function copyRows(
  sql: Queryable,
  table: string,
  batches: AsyncIterable<readonly Row[]>,
): Promise<void> {
  const rest = batches[Symbol.asyncIterator]();
  let next = await rest.next();

  /** The batches from the next one on, up to one that has a further column. */
  async function* textOf(columns: readonly string[]): AsyncGenerator<string> {
    while (next.done !== true && columnsOf(next.value).every((name) => columns.includes(name))) {
      yield next.value.map((row) => lineOf(row, columns)).join('');
      next = await rest.next();
    }
  }

  try {
    while (next.done !== true) {
      const columns = columnsOf(next.value);
      if (next.value.length === 0) next = await rest.next();
      else await pipeline(textOf(columns), await openCopy(sql, table, columns));
    }
  } finally {
    await rest.return?.();
  }
}

async function openCopy(
  sql: Queryable,
  table: string,
  columns: readonly string[],
): Promise<Writable> {
  const copy = sql`copy ${sql(table)} (${identifiers(sql, columns)}) from stdin`;
  const stream = await copy.writable();
  // Of a failure after the last row the driver (postgres 3.4.9) tells the query alone, which
  // has been answered with the stream: without this, the stream would wait for ever.
  const query: object = copy;
  Object.assign(query, { reject: (error: Error) => stream.destroy(error) });
  return stream;
}

function columnsOf(rows: readonly Row[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name in row) names.add(name);
  return [...names];
}

function lineOf(row: Row, columns: readonly string[]): string {
  let line = fieldText(row[columns[0] ?? '']);
  for (let at = 1; at < columns.length; at += 1) line += `\t${fieldText(row[columns[at] ?? ''])}`;
  return `${line}\n`;
}

function fieldText(field: Field): string {
  if (field === null || field === undefined) return '\\N';
  if (typeof field === 'string') return escaped(field);
  return typeof field === 'object' ? escaped(arrayText(field)) : String(field);
}

const special = /[\\\t\n\r]/g;
const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  // Most texts have nothing to escape, and a test is cheaper than a replacement.
  if (text.search(special) === -1) return text;
  return text.replace(special, (character) => escapes[character] ?? '\\\\');
}

function arrayText(items: readonly (string | number)[]): string {
  return `{${items.map((item) => `"${String(item).replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
