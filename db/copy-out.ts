import { Client, type ClientConfig } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Queryable, Sql, TransactionSql } from './connect.ts';
import { CopiedTexts, type Texts } from './copied-texts.ts';
import { keepAlive } from './watched-socket.ts';

/** Milliseconds. */
const connectionTimeout = 10_000;

/**
 * Whether `copyTexts` can be used: it must come to the very server that the connections are
 * to, and of several hosts it is not known which that is.
 */
export function canCopyTexts({ options }: Sql): boolean {
  return options.host.length === 1;
}

export interface CopyFrom {
  readonly sql: Sql;
  /** Of `sql`; its statement timeout is that of the copy. */
  readonly tx: TransactionSql;
  /** Connections that do not wait for those of `sql`, to end the copy from. */
  readonly others: Queryable;
}

export interface Copied {
  /** Has no parameters, and one text column; none of its texts is null. */
  readonly query: string;
  /** What must be true in the transaction that it is read in, which is not `tx`. */
  readonly provided: {
    /** Of one row and one column, JSON. */
    readonly query: string;
    /** @throws where it does not hold */
    readonly require: (value: unknown) => void;
  };
}

/**
 * What a query of one text column gives, by COPY, which unlike a cursor makes no object of every
 * row: on a connection of its own by another driver (pg), because the driver of everything else
 * (postgres 3.4.9) cannot break a COPY off (docs/decisions/0008-copy-for-whole-files.md).
 *
 * @param left ends it at once, in the middle of the query too
 * @throws where not all could be given; the signal's reason where it is aborted
 */
export async function* copyTexts(
  { sql, tx, others }: CopyFrom,
  { query, provided }: Copied,
  left: AbortSignal,
): AsyncGenerator<Texts, void, undefined> {
  left.throwIfAborted();
  const [{ timeout, isEncrypted }] = await tx<[{ timeout: string; isEncrypted: boolean }]>`
    select current_setting('statement_timeout') as timeout,
      set_config('idle_in_transaction_session_timeout', '0', true),
      exists (select from pg_stat_ssl where pid = pg_backend_pid() and ssl) as "isEncrypted"`;
  const { options: startOptions, ...settings } = sql.options.connection as Settings;
  const client = new Client({
    ...configOf(sql, isEncrypted),
    ...(startOptions === undefined ? {} : { options: String(startOptions) }),
  });
  // Whatever is under way when the connection goes is told of it.
  client.on('error', () => undefined);
  // Of a client that is ended while it connects (pg 8.23) connecting never settles.
  const gone = new Promise((resolve) => client.once('end', resolve));
  let backend: number | undefined;
  const end = () => {
    const pid = backend;
    backend = undefined;
    return Promise.allSettled([
      // At once where something is under way.
      client.end(),
      // While it sorts it would not find out that nobody listens.
      pid === undefined ? undefined : others`select pg_terminate_backend(${pid}::integer)`,
    ]);
  };
  const leave = () => void end();
  left.throwIfAborted();
  left.addEventListener('abort', leave, { once: true });
  try {
    await Promise.race([client.connect(), gone]);
    left.throwIfAborted();
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ pid: number }>(
      `select pg_backend_pid() as pid, count(set_config(key, value, true)) from json_each_text($1)`,
      [
        JSON.stringify({
          ...settings,
          statement_timeout: timeout,
          max_parallel_workers_per_gather: 0,
        }),
      ],
    );
    backend = rows[0]?.pid;
    left.throwIfAborted();
    const known = await client.query<{ value: unknown }>(
      `select value from (${provided.query}) provided (value)`,
    );
    provided.require(known.rows[0]?.value);
    left.throwIfAborted();
    const stream = client.query(copyTo(`copy (${query}) to stdout (format binary)`));
    const copied = new CopiedTexts();
    for await (const chunk of stream) {
      const texts = copied.take(chunk as Buffer);
      if (texts.text.length > 0) yield texts;
    }
    copied.end();
    backend = undefined;
  } catch (error) {
    left.throwIfAborted();
    throw coded(error);
  } finally {
    left.removeEventListener('abort', leave);
    await end();
  }
}

/** Of a connection that is lost, or not had in time, this driver gives no code. */
function coded(error: unknown): unknown {
  if (!(error instanceof Error) || 'code' in error) return error;
  const isOfConnection = /^(Connection terminated|timeout expired)/.test(error.message);
  return isOfConnection ? Object.assign(error, { code: 'CONNECTION_CLOSED' }) : error;
}

/** What a connection is begun with; `options` is the server's own. */
type Settings = Readonly<Record<string, string | number | boolean | undefined>>;

/** The driver's options as it has read them, which its types do not tell. */
interface ReadOptions {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly user: string;
  readonly pass: string | (() => string | Promise<string>);
  readonly database: string;
  readonly ssl: unknown;
  readonly sslnegotiation: 'direct' | 'postgres' | null;
}

/** The same place as the connections of the pool, as the same user, as safe. */
function configOf({ options }: Sql, isEncrypted: boolean): ClientConfig {
  const { host, port, user, pass, database, ssl, sslnegotiation } =
    options as unknown as ReadOptions;
  return {
    host: host[0],
    port: port[0],
    user,
    database,
    password: pass,
    connectionTimeoutMillis: connectionTimeout,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAlive * 1000,
    ssl: sslOf(ssl, isEncrypted),
    ...(sslnegotiation === null ? {} : { sslnegotiation }),
  };
}

/**
 * What the driver does with its option `ssl`, in terms of the other; for `prefer` it depends on
 * what the server would have.
 */
export function sslOf(ssl: unknown, isEncrypted: boolean): ClientConfig['ssl'] {
  switch (ssl) {
    case false:
    case '':
      return false;
    case 'prefer':
      return isEncrypted ? { rejectUnauthorized: false } : false;
    case 'require':
    case 'allow':
      return { rejectUnauthorized: false };
    default:
      return typeof ssl === 'object' && ssl !== null ? ssl : true;
  }
}
