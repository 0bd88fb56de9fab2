import postgres from 'postgres';
import { surviveLostConnections } from './lost-connection.ts';

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

/** Connections are made when a query needs one. Ends with `sql.end()`. */
export function connect(address: StoreAddress, options: ConnectOptions): Sql {
  const settings = {
    max: options.max,
    // A connection of a long job holds its lock and its staged rows: none is recycled.
    max_lifetime: null,
    connect_timeout: 10,
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
      // Compiling a hundred aggregates takes longer than computing them over 100,000 courses.
      jit: 'off',
      // Holds the groups of some thousand campaigns, which PostgreSQL's default spills to disk.
      work_mem: '32MB',
      TimeZone: 'UTC',
      // Texts of dates and intervals are compared by tests and never by the locale.
      DateStyle: 'ISO, YMD',
    },
  } satisfies postgres.Options<{
    bigint: postgres.PostgresType<number>;
    timestamptz: postgres.PostgresType<Date>;
  }>;
  if (!('url' in address)) return surviveLostConnections(postgres({ ...settings, ...address }));
  const { url, socketDirectory } = splitSocketDirectory(address.url);
  return surviveLostConnections(
    postgres(url, {
      ...settings,
      ...(socketDirectory === undefined ? {} : { host: socketDirectory }),
    }),
  );
}

/** `postgres://user@/database?host=/run/postgresql`, as libpq has it; the driver does not. */
function splitSocketDirectory(address: string) {
  const url = new URL(address);
  const host = url.searchParams.get('host');
  if (host === null) return { url: address, socketDirectory: undefined };
  url.searchParams.delete('host');
  if (url.hostname === '') url.hostname = 'localhost';
  return { url: url.href, socketDirectory: host };
}
