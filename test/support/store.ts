import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Sql } from '../../db/connect.ts';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { migrate } from '../../db/migrate.ts';
import type { Cleanup } from '../embedded/holder.ts';

/** The server of every test of this checkout: the embedded one, unless another is named. */
async function serverAddress(t: Cleanup): Promise<(database: string) => string> {
  const named = process.env['TEST_DATABASE_URL'];
  if (named !== undefined) {
    return (database) => {
      const url = new URL(named);
      url.pathname = `/${database}`;
      return url.href;
    };
  }
  const checkout = createHash('sha256')
    .update(import.meta.url)
    .digest('hex')
    .slice(0, 8);
  const server = await startEmbeddedPostgres({
    dataDirectory: join(tmpdir(), `dod-test-${checkout}`, 'postgres'),
  });
  t.teardown(() => server.release());
  const { host, port, user } = server.connection;
  return (database) =>
    `postgres://${user}@localhost:${String(port)}/${database}?host=${encodeURIComponent(host)}`;
}

const template = 'dod_template';

function connectTo(url: string): Sql {
  return connect({ url }, { max: 2, applicationName: 'test', statementTimeout: 60_000 });
}

export interface TestStore {
  readonly url: string;
  readonly sql: Sql;
}

/** A database of its own, migrated: a copy of one that is migrated once a file. */
export async function createStore(t: Cleanup): Promise<TestStore> {
  const address = await serverAddress(t);
  const maintenance = connectTo(address('postgres'));
  const database = `dod_test_${randomBytes(6).toString('hex')}`;
  const source = `${template}_${String(process.pid)}`;
  const made = await maintenance`select from pg_database where datname = ${source}`;
  if (made.count === 0) {
    await maintenance`create database ${maintenance(source)}`;
    const sql = connectTo(address(source));
    await migrate(sql);
    await sql.end();
  }
  await maintenance`create database ${maintenance(database)} template ${maintenance(source)}`;
  const url = address(database);
  const sql = connectTo(url);
  t.teardown(async () => {
    await sql.end();
    await maintenance`drop database ${maintenance(database)} with (force)`;
    await maintenance`drop database if exists ${maintenance(source)}`.catch(() => undefined);
    await maintenance.end();
  });
  return { url, sql };
}

/** How much of it a store keeps. */
export interface StoreCounts {
  readonly versions: number;
  readonly withdrawnVersions: number;
  readonly snapshots: number;
}

export async function countRows({ sql }: TestStore): Promise<StoreCounts> {
  const [row] = await sql<[StoreCounts]>`
    select (select count(*) from course_versions) as versions,
      (select count(*) from withdrawn_course_versions) as "withdrawnVersions",
      (select count(*) from snapshots) as snapshots`;
  return { ...row };
}

export async function totalsOf({ sql }: TestStore, snapshotId: number) {
  const [row] = await sql<[{ totals: Record<string, number | null> }]>`
    select totals from snapshots where snapshot_id = ${snapshotId}`;
  return row.totals;
}
