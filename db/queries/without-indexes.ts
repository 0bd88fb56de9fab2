import type { Queryable } from '../connect.ts';

/**
 * Takes a table's indexes away while many rows are written to it, and makes them of all rows at
 * once, in a fraction of the time that adding to them takes. In a transaction, until whose end
 * nobody else can read the table, by its owner. What others have said of the indexes since, such
 * as comments and tablespaces, is lost.
 */
export async function withoutIndexes<Result>(
  sql: Queryable,
  table: string,
  write: () => Promise<Result>,
): Promise<Result> {
  const indexes = await sql<{ drop: string; make: string }[]>`
    select
      case when c.oid is null then format('drop index %s', i.indexrelid::regclass)
        else format('alter table %s drop constraint %I', i.indrelid::regclass, c.conname)
      end as drop,
      case when c.oid is null then pg_get_indexdef(i.indexrelid)
        else format('alter table %s add constraint %I %s', i.indrelid::regclass, c.conname,
          pg_get_constraintdef(c.oid))
      end as make
    from pg_index i
    left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid
    where i.indrelid = ${table}::regclass
    order by i.indexrelid`;
  for (const { drop } of indexes) await sql.unsafe(drop);
  const result = await write();
  for (const { make } of indexes) await sql.unsafe(make);
  return result;
}
