import { parse } from 'postgres-array';

/** A type of arrays in one dimension, by its number in PostgreSQL's catalogue, which is fixed. */
function arraysOf<Element extends string | number>(
  number: number,
  readElement: (text: string) => Element,
) {
  return {
    to: number,
    from: [number],
    // What is an array literal already stays one.
    serialize: (given: readonly (Element | null)[] | string) =>
      typeof given === 'string' ? given : literal(given),
    parse: (text: string) => parse(text, readElement),
  };
}

/** As PostgreSQL reads an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function literal(elements: readonly (string | number | null)[]): string {
  const texts = elements.map((element) =>
    element === null ? 'NULL' : `"${String(element).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${texts.join()}}`;
}

/**
 * For the driver's `types`: the arrays that the store is asked with, or answers with. It would ask
 * each new connection which there are, and end the process if it lost the connection meanwhile.
 */
export function arrayTypes(readBigint: (text: string) => number): object {
  return {
    'text[]': arraysOf(1009, (text) => text),
    'bigint[]': arraysOf(1016, readBigint),
  };
}
