import { readdir, readFile } from 'node:fs/promises';
import type { Sql } from './connect.ts';
import { addMetricColumns } from './metric-columns.ts';
import { StoreError } from './store-error.ts';

const directory = new URL('./migrations/', import.meta.url);

/** Serialises migrating instances; any constant that nothing else in the database uses. */
const migrationLock = 7_303_014_100_001n;

interface Migration {
  readonly version: number;
  readonly name: string;
}

async function listMigrations(): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return names.map((name, index) => {
    const version = Number(name.slice(0, 4));
    if (version !== index + 1) throw new Error(`migration ${name} is out of sequence`);
    return { version, name };
  });
}

/**
 * Brings the database to this release's schema, each migration in one transaction with its
 * version row; instances that start together take turns.
 *
 * @returns the names of the migrations that were applied, none when it was up to date
 * @throws when the database was migrated by a newer release
 */
export async function migrate(sql: Sql): Promise<string[]> {
  const migrations = await listMigrations();
  const applied: string[] = [];
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${migrationLock}::bigint)`;
    await tx`
      create table if not exists migrations (
        version integer primary key,
        name text not null,
        applied_at timestamptz not null default now()
      )`;
  });
  for (const migration of migrations) {
    const statements = await readFile(new URL(migration.name, directory), 'utf8');
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${migrationLock}::bigint)`;
      const done = await tx`select from migrations where version = ${migration.version}::integer`;
      if (done.count > 0) return;
      await tx.unsafe(statements);
      await tx`
        insert into migrations (version, name)
        values (${migration.version}::integer, ${migration.name}::text)`;
      applied.push(migration.name);
    });
  }
  const newest = await sql<{ version: number }[]>`
    select coalesce(max(version), 0) as version from migrations`;
  const known = migrations.length;
  if ((newest[0]?.version ?? 0) > known) {
    throw new StoreError(
      `The database is at schema version ${String(newest[0]?.version)} and this release knows ${String(known)}: run the newer release.`,
    );
  }
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${migrationLock}::bigint)`;
    await addMetricColumns(tx);
  });
  return applied;
}
