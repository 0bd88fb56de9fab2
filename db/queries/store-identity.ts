import type { Queryable } from '../connect.ts';

/**
 * Tells this database from every other one, a copy of it included: characters of a file
 * name. The server's own number and that of the database on it.
 */
export async function findStoreIdentity(sql: Queryable): Promise<string> {
  const [row] = await sql<[{ identity: string }]>`
    select system_identifier || '-' || oid as identity
    from pg_control_system(), pg_database where datname = current_database()`;
  return row.identity;
}
