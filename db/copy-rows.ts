import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Queryable } from './connect.ts';
import { identifiers } from './fragments.ts';

export type Field = string | number | boolean | null | undefined | readonly (string | number)[];

/** Rows of one make: their fields stand as the columns do, absent ones are null. */
export interface RowBatch {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Field[])[];
}

/**
 * Adds rows to a table with COPY, a quarter of the database's work of any insert. What was
 * copied before a failure may stay: for tables that are only read once they are whole.
 */
export async function copyRows(
  sql: Queryable,
  table: string,
  batches: AsyncIterable<RowBatch>,
): Promise<void> {
  const rest = batches[Symbol.asyncIterator]();
  let next = await rest.next();

  /** The batches from the next one on, up to one that has other columns. */
  async function* textOf(columns: string): AsyncGenerator<string> {
    while (next.done !== true && next.value.columns.join() === columns) {
      yield next.value.rows.map(lineOf).join('');
      next = await rest.next();
    }
  }

  try {
    while (next.done !== true) {
      const { columns } = next.value;
      await pipeline(textOf(columns.join()), await openCopy(sql, table, columns));
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

function lineOf(row: readonly Field[]): string {
  let line = '';
  let separator = '';
  for (const field of row) {
    line += separator + fieldText(field);
    separator = '\t';
  }
  return `${line}\n`;
}

function fieldText(field: Field): string {
  if (field === null || field === undefined) return '\\N';
  if (typeof field === 'string') return escaped(field);
  return typeof field === 'object' ? escaped(arrayText(field)) : String(field);
}

const special = /[\\\t\n\r]/;
const everySpecial = new RegExp(special, 'g');
const escapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  // Most texts have nothing to escape, and a test is cheaper than a replacement.
  if (!special.test(text)) return text;
  return text.replace(everySpecial, (character) => escapes[character] ?? '\\\\');
}

function arrayText(items: readonly (string | number)[]): string {
  if (items.length === 0) return '{}';
  return `{${items.map((item) => `"${String(item).replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
