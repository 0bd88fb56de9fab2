import postgres from 'postgres';
import { surviveLostConnections } from './lost-connection.ts';
import { StoreError } from './store-error.ts';
import { keepAlive, watchedSocket, type SocketTarget } from './watched-socket.ts';

/** 64-bit integers are read as numbers, which hold them exactly up to 2^53 − 1. */
interface StoreTypes extends Record<string, unknown> {
  bigint: number;
  timestamptz: Date;
}

export type Sql = postgres.Sql<StoreTypes>;
export type TransactionSql = postgres.TransactionSql<StoreTypes>;
/** What a query file takes first: the pool, a single connection or a transaction. */
export type Queryable = postgres.ISql<StoreTypes>;

/** Where the store is: a connection address, or the embedded server's socket. */
export type StoreAddress =
  | { readonly url: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly database: string;
    };

export interface ConnectOptions {
  /** Connections at most. */
  readonly max: number;
  /** Shown to the database's operators in pg_stat_activity. */
  readonly applicationName: string;
  /** Milliseconds after which the server ends a statement; 0 for no limit. */
  readonly statementTimeout: number;
  /**
   * Milliseconds after which a connection whose server does not answer is taken for lost: more
   * than any statement takes, and than connecting. Absent: when the system gives it up; so, too,
   * where there are several hosts, which the driver chooses from.
   */
  readonly answerTimeout?: number;
  /** Whether whole tables are sorted and joined, for which it takes more of the server's memory. */
  readonly wholeTables?: boolean;
  /**
   * Whether others wait for what it holds, so that the server ends it soon after this side has
   * vanished, whatever is on the way. Not for what may leave answers unread for a while.
   */
  readonly holdsOthersUp?: boolean;
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53 - 1`);
  return value;
}

/**
 * `0018-08-14 10:00:00+00`, as ISO 8601 has it: what else JavaScript makes of such a text is its
 * own affair, and of the years before 100 something wrong.
 */
function moment(text: string): Date {
  const parsed = new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
  if (Number.isNaN(parsed.getTime())) throw new RangeError(`${text} is no moment in UTC`);
  return parsed;
}

/**
 * Connections are made when a query needs one. Ends with `sql.end()`.
 *
 * @throws {StoreError} when the driver is as it was published, which takes what is lost for
 *   answered with no rows
 */
export function connect(address: StoreAddress, options: ConnectOptions): Sql {
  if (!('failsWhatIsLost' in postgres)) {
    throw new StoreError('The PostgreSQL driver lacks its patch: run npx patch-package.');
  }
  const settings = {
    max: options.max,
    // A connection of a long job holds its lock and its staged rows: none is recycled.
    max_lifetime: null,
    // Questions have as many texts as there are combinations of filters; the driver, and the
    // server for each connection, would keep every one that was ever asked, with its plan.
    prepare: false,
    connect_timeout: 10,
    keep_alive: keepAlive,
    // Seconds until the next attempt. Questions wait for it, so that an outage must not make
    // them wait for long, nor what listens come back late.
    backoff: (attempt: number) => Math.min(0.05 * attempt, 0.5),
    onnotice: () => undefined,
    types: {
      bigint: { to: 20, from: [20], serialize: String, parse: safeInteger },
      timestamptz: {
        to: 1184,
        from: [1184],
        serialize: (given: Date) => new Date(given).toISOString(),
        parse: moment,
      },
    },
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeout,
      // The same the other way round: a server keeps the session of who has gone, with its locks.
      tcp_keepalives_idle: keepAlive,
      tcp_keepalives_interval: keepAlive / 3,
      tcp_keepalives_count: 3,
      ...(options.holdsOthersUp === true ? { tcp_user_timeout: 2 * keepAlive * 1000 } : {}),
      // Compiling a hundred aggregates takes longer than computing them over 100,000 courses.
      jit: 'off',
      // Holds the groups of some thousand campaigns, which PostgreSQL's default spills to disk.
      work_mem: options.wholeTables === true ? '64MB' : '32MB',
      // Taken as temporary tables fill it; PostgreSQL's default, or some 100,000 staged courses.
      temp_buffers: options.wholeTables === true ? '128MB' : '8MB',
      TimeZone: 'UTC',
      // Texts of dates and intervals are compared by tests and never by the locale.
      DateStyle: 'ISO, YMD',
    },
  } satisfies postgres.Options<{
    bigint: postgres.PostgresType<number>;
    timestamptz: postgres.PostgresType<Date>;
  }>;
  const { url, ...place } =
    'url' in address ? splitSocketDirectory(address.url) : { url: '', ...address };
  const sql = postgres(url, { ...settings, ...place });
  const { answerTimeout } = options;
  if (answerTimeout !== undefined && sql.options.host.length === 1) {
    // An option of the driver that its types do not tell; it is read at every connection.
    const watched = (target: SocketTarget) => watchedSocket(target, answerTimeout);
    Object.assign(sql.options, { socket: watched });
  }
  return surviveLostConnections(sql);
}

/** `postgres://user@/database?host=/run/postgresql`, as libpq has it; the driver does not. */
function splitSocketDirectory(address: string): { url: string; host?: string } {
  const url = new URL(address);
  const host = url.searchParams.get('host');
  if (host === null) return { url: address };
  url.searchParams.delete('host');
  if (url.hostname === '') url.hostname = 'localhost';
  return { url: url.href, host };
}
