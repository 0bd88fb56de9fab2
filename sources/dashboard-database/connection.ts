import { connect, type Socket } from 'node:net';
import { createConnection, type Connection } from 'mysql2';
import type { SourceError } from '../source.ts';
import type { Address } from './address.ts';
import type { Cell } from './cells.ts';
import { explain, type DatabaseError } from './failures.ts';

/** Milliseconds to find out that nobody is there. */
const connectTimeout = 10_000;
/** Seconds that one question may take before the server stops it, to spare production. */
const statementTimeout = 600;
/** Milliseconds without a byte after which the server, or the way to it, is taken for gone. */
const silenceTimeout = (statementTimeout + 60) * 1000;
const keepAliveDelay = 30_000;

/**
 * The one connection of a reading, in a read-only transaction that sees the database as it
 * was at one moment. Every failure is a SourceError; after one that ends the connection,
 * every question fails with the same.
 */
export class DashboardConnection {
  readonly address: Address;
  /** The version as the server gives it, such as `10.11.6-MariaDB` or `8.0.40`. */
  version = '';
  readonly #socket: Socket;
  readonly #connection: Connection;
  #over: Error | undefined;
  #interrupt: ((error: Error) => void) | undefined;
  readonly #forget: () => void;

  /** @throws {SourceError} when there is no way in; the signal's reason when it aborts. */
  static async open(address: Address, signal: AbortSignal): Promise<DashboardConnection> {
    signal.throwIfAborted();
    const connection = new DashboardConnection(address, signal);
    await connection.#connected();
    return connection;
  }

  private constructor(address: Address, signal: AbortSignal) {
    this.address = address;
    // The driver's destroy() closes only its own half and waits for the server, which may
    // be in the middle of a long answer: the socket is ours, to end at once.
    this.#socket = connect(address.port, address.host).setNoDelay(true);
    this.#socket.setKeepAlive(true, keepAliveDelay);
    this.#socket.setTimeout(silenceTimeout, () => {
      if (this.#interrupt === undefined) return;
      const silence = Object.assign(new Error('no answer in time'), { code: 'SILENCE' });
      this.#end(explain(silence, address));
    });
    this.#connection = createConnection({
      stream: () => this.#socket,
      host: address.host,
      user: address.user,
      password: address.password,
      database: address.database,
      charset: 'utf8mb4_unicode_ci',
      connectTimeout,
      dateStrings: true,
      supportBigNumbers: true,
      flags: ['-LOCAL_FILES'],
      ...(address.ssl ? { ssl: { rejectUnauthorized: true, verifyIdentity: true } } : {}),
    });
    this.#connection.on('error', (error: DatabaseError) => {
      this.#end(explain(error, address));
    });
    const onAbort = (): void => {
      this.#end(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#forget = () => {
      signal.removeEventListener('abort', onAbort);
    };
  }

  /**
   * Starts the transaction. Session settings need no privilege; those that only one of
   * MariaDB and MySQL knows are asked of that one.
   */
  async begin(): Promise<void> {
    const [server] = await this.rows(['version'], 'select version() as version');
    this.version = String(server?.version);
    await this.#ask('set session transaction isolation level repeatable read');
    await this.#ask(
      `set session time_zone = '+00:00', sql_mode = '', wait_timeout = 28800,
         net_write_timeout = 600, lock_wait_timeout = 60`,
    );
    await this.#ask(
      this.version.includes('MariaDB')
        ? `set session max_statement_time = ${statementTimeout}, idle_transaction_timeout = 0,
             idle_readonly_transaction_timeout = 0`
        : `set session max_execution_time = ${statementTimeout * 1000}`,
    );
    await this.#ask('start transaction with consistent snapshot, read only');
  }

  /**
   * All rows of a question, each with the named columns; the caller bounds their number.
   * Nothing but numbers made by this program may be written into `sql`.
   */
  async rows<const Column extends string>(
    columns: readonly Column[],
    sql: string,
  ): Promise<Record<Column, Cell>[]> {
    const rows = (await this.#ask(sql)) as Record<Column, Cell>[];
    const first = rows[0];
    const absent = first && columns.find((column) => !(column in first));
    if (absent !== undefined) throw new Error(`not a column of the answer: ${absent}`);
    return rows;
  }

  /** Lets go of the server, at once when it is still answering. */
  async close(): Promise<void> {
    if (this.#over === undefined && this.#interrupt === undefined) {
      this.#over = new Error('the reading was closed');
      this.#forget();
      await new Promise<void>((resolve) => {
        this.#connection.end(() => {
          resolve();
        });
      });
      this.#socket.destroy();
    } else {
      this.#end(new Error('the reading was closed'));
    }
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      this.#connection.once('connect', () => {
        this.#interrupt = undefined;
        resolve();
      });
    });
  }

  #ask(sql: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) {
        reject(this.#over);
        return;
      }
      this.#interrupt = reject;
      this.#connection.query(sql, (error, answer) => {
        this.#interrupt = undefined;
        if (error === null) {
          resolve(answer);
          return;
        }
        const failure = explain(error, this.address);
        if (error.fatal) this.#end(failure);
        reject(failure);
      });
    });
  }

  #end(error: Error | SourceError): void {
    if (this.#over === undefined) {
      this.#over = error;
      this.#forget();
      this.#connection.destroy();
    }
    this.#socket.destroy();
    this.#interrupt?.(this.#over);
    this.#interrupt = undefined;
  }
}
