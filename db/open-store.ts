import { lstat, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { connect, type StoreAddress } from './connect.ts';
import { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { keepRunning } from './embedded/keep-running.ts';
import { migrate } from './migrate.ts';
import { readStore } from './queries/store.ts';
import { sayIfSlow } from './slow-work.ts';
import { explainDatabaseError, StoreError } from './store-error.ts';

/** Databases of the embedded server: the demonstration is kept apart from real data. */
const dataDatabase = 'open_data';
const demoDatabase = 'demo';

/** What the connections of a service are called, in pg_stat_activity. */
export const serviceName = 'dashboard-open-data';
/** Where a service that shows the demonstration is told that there are real data now. */
export const realDataChannel = 'dashboard_open_data_real_data';

export interface OpenStoreOptions {
  /** An external PostgreSQL; absent: the embedded server under `dataDirectory`. */
  readonly databaseUrl: string | undefined;
  readonly dataDirectory: string;
  /**
   * `data` for the installation's own data; `data_or_demo` where nothing is configured: the
   * own data if any were ever published, the demonstration otherwise.
   */
  readonly purpose: 'data' | 'data_or_demo';
  /** Told what is going on where it can take more than a second. */
  readonly onProgress: (sentence: string) => void;
  /**
   * For whoever stays: the embedded server is started again should it end before it is let go of,
   * of which this is told. Absent: it is not.
   */
  readonly onRevival?: (sentence: string) => void;
}

export interface OpenedStore {
  readonly address: StoreAddress;
  readonly isDemo: boolean;
  /**
   * After a first publication into the store of real data: tells services on the same
   * embedded server that show the demonstration. @returns whether there is any
   */
  tellDemonstration(): Promise<boolean>;
  /** Lets go of the embedded server, which stops when nobody else uses it. */
  release(): Promise<void>;
}

/**
 * Finds the store, or makes it, and brings its schema up to date.
 *
 * @throws when the database cannot be reached or made, in a sentence for an operator
 */
export async function openStore(options: OpenStoreOptions): Promise<OpenedStore> {
  await checkDataDirectory(options.dataDirectory);
  if (options.databaseUrl !== undefined) {
    const address = { url: options.databaseUrl };
    try {
      await checkServer(address, options.onProgress);
      await migrateAt(address, options.onProgress);
    } catch (error) {
      throw explainDatabaseError(error);
    }
    const tellDemonstration = () => Promise.resolve(false);
    return { address, isDemo: false, tellDemonstration, release: () => Promise.resolve() };
  }
  const start = (onProgress?: (sentence: string) => void) =>
    startEmbeddedPostgres({
      dataDirectory: join(options.dataDirectory, 'postgres'),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  const server = await start(options.onProgress);
  const { onRevival } = options;
  const held =
    onRevival === undefined
      ? server
      : keepRunning(server, { start: () => start(), onNotice: onRevival });
  try {
    for (const notice of server.notices) options.onProgress(notice);
    const addressOf = (database: string) => ({ ...server.connection, database });
    const isDemo =
      options.purpose === 'data_or_demo' &&
      !(await hasData(addressOf(dataDatabase), addressOf, options.onProgress));
    const database = isDemo ? demoDatabase : dataDatabase;
    await createDatabase(addressOf('postgres'), database);
    await migrateAt(addressOf(database), options.onProgress);
    return {
      address: addressOf(database),
      isDemo,
      tellDemonstration: () => tellDemonstration(addressOf),
      release: () => held.release(),
    };
  } catch (error) {
    await held.release();
    throw error;
  }
}

/** Whatever else is wrong with it is said by what needs it. */
async function checkDataDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return checkThatDirectoriesCanBeMade(path);
    if (code !== 'ENOTDIR') return;
  }
  throw new StoreError(`DATA_DIR ${path} is a file, or within one: set it to a directory.`);
}

/**
 * Where a directory that is there has no room for another by its nature, as /proc, Node's
 * `mkdir` with `recursive` tries for ever.
 */
async function checkThatDirectoriesCanBeMade(path: string): Promise<void> {
  const { nearest, isLink } = await nearestThere(path);
  try {
    await rmdir(await mkdtemp(join(nearest, '.dashboard-open-data-')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
    const reason = isLink
      ? `${nearest} is a link to what is not there`
      : `no directory can be made in ${nearest}`;
    throw new StoreError(`DATA_DIR ${path} cannot be made: ${reason}.`, { cause: error });
  }
}

/** What there is of the path: itself, or what is to hold it. */
async function nearestThere(path: string): Promise<{ nearest: string; isLink: boolean }> {
  for (let nearest = resolve(path); ; nearest = dirname(nearest)) {
    try {
      return { nearest, isLink: (await lstat(nearest)).isSymbolicLink() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** The oldest PostgreSQL that has what the schema uses, as it numbers itself. */
const oldestServer = 150_000;

async function checkServer(
  address: StoreAddress,
  onProgress: (sentence: string) => void,
): Promise<void> {
  const sql = connectOnce(address);
  try {
    const asking = sql<[{ number: number; version: string; encoding: string }]>`
      select current_setting('server_version_num')::integer as number,
        current_setting('server_version') as version,
        current_setting('server_encoding') as encoding`;
    const sentence = 'Connecting to the database of DATABASE_URL …';
    const [{ number, version, encoding }] = await sayIfSlow(onProgress, sentence, asking);
    if (number < oldestServer) {
      throw new StoreError(`DATABASE_URL is a PostgreSQL ${version}: 15 or later is needed.`);
    }
    if (encoding !== 'UTF8') {
      throw new StoreError(`DATABASE_URL is a database in ${encoding}: make one in UTF8.`);
    }
  } finally {
    await sql.end();
  }
}

/** Notices do not cross databases: this one is sent in the demonstration's own. */
async function tellDemonstration(addressOf: (database: string) => StoreAddress): Promise<boolean> {
  if (!(await databaseExists(addressOf('postgres'), demoDatabase))) return false;
  const sql = connectOnce(addressOf(demoDatabase));
  try {
    await sql`select pg_notify(${realDataChannel}, '')`;
    const others = await sql`
      select from pg_stat_activity
      where datname = current_database() and application_name = ${serviceName}
      limit 1`;
    return others.count > 0;
  } finally {
    await sql.end();
  }
}

function connectOnce(address: StoreAddress) {
  return connect(address, {
    max: 1,
    applicationName: 'dashboard-open-data setup',
    statementTimeout: 0,
  });
}

async function databaseExists(maintenance: StoreAddress, database: string): Promise<boolean> {
  const sql = connectOnce(maintenance);
  try {
    return (await sql`select from pg_database where datname = ${database}`).count > 0;
  } finally {
    await sql.end();
  }
}

async function hasData(
  address: StoreAddress,
  addressOf: (database: string) => StoreAddress,
  onProgress: (sentence: string) => void,
): Promise<boolean> {
  if (!(await databaseExists(addressOf('postgres'), dataDatabase))) return false;
  const sql = connectOnce(address);
  try {
    await sayIfSlow(onProgress, 'Looking whether any data were published …', migrate(sql));
    return (await readStore(sql)).sourceKind !== null;
  } finally {
    await sql.end();
  }
}

/** What PostgreSQL answers when another process has just made the same database. */
const duplicateDatabase = new Set(['42P04', '23505']);

async function createDatabase(maintenance: StoreAddress, database: string): Promise<void> {
  if (await databaseExists(maintenance, database)) return;
  const sql = connectOnce(maintenance);
  try {
    await sql`create database ${sql(database)}`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (typeof code !== 'string' || !duplicateDatabase.has(code)) throw error;
  } finally {
    await sql.end();
  }
}

async function migrateAt(
  address: StoreAddress,
  onProgress: (sentence: string) => void,
): Promise<void> {
  const sql = connectOnce(address);
  try {
    const sentence = 'Bringing the database’s schema up to date …';
    const applied = await sayIfSlow(onProgress, sentence, migrate(sql));
    if (applied.length > 0) onProgress(`Database schema: ${applied.join(', ')}.`);
  } finally {
    await sql.end();
  }
}
