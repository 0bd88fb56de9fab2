import type { PendingQuery, Row } from 'postgres';
import type { Queryable } from './connect.ts';

export type Fragment = PendingQuery<Row[]>;

/** Fragments with commas between them: a list for a select, a row or an argument list. */
export function commaSeparated(sql: Queryable, fragments: readonly Fragment[]): Fragment {
  const list = fragments.flatMap((fragment, index) =>
    index === 0 ? [fragment] : [sql`, `, fragment],
  );
  return sql`${list}`;
}

/**
 * Names as quoted identifiers. The driver's own `sql(names)` guesses from the words before
 * it whether it stands for names or for values, and guesses wrong after `insert into`.
 */
export function identifiers(sql: Queryable, names: readonly string[]): Fragment {
  return commaSeparated(
    sql,
    names.map((name) => sql`${sql(name)}`),
  );
}
