import { setTimeout as delay } from 'node:timers/promises';
import type { Sql, TransactionSql } from './connect.ts';

/**
 * Makes losing a connection an error of what was on it, and no more. The driver (postgres 3.4.9)
 *
 * - ends the process when anything is asked of a transaction whose connection has gone, its own
 *   rollback, a savepoint's and the rest of a cursor included (porsager/postgres#1208), and takes
 *   a cursor that was interrupted for one that has come to its end;
 * - keeps the last words of a server that ended a connection in the middle of a query, and fails
 *   with them the first query of the next connection in its place, before that is even sent;
 * - waits for ever, when it is ended, for a connection that had gone.
 */
export function surviveLostConnections(sql: Sql): Sql {
  const begin: (mode: string, work: Work) => Promise<unknown> = sql.begin.bind(sql);

  function attempt(mode: string, work: Work, progress: { begun: boolean }): Promise<unknown> {
    const connection = { lost: false };
    const ended = begin(mode, (tx) => {
      progress.begun = true;
      return unlessLost(connection, () => work(guarded(tx, connection)));
    });
    // It only ends before the work in it does when the connection has gone.
    ended.catch(() => (connection.lost = true));
    return ended;
  }

  async function surviving(...given: [Work] | [string, Work]): Promise<unknown> {
    const [mode, work] = given.length === 1 ? ['', given[0]] : given;
    for (let left = sql.options.max; ; left -= 1) {
      const progress = { begun: false };
      try {
        return await attempt(mode, work, progress);
      } catch (error) {
        if (progress.begun || left === 0 || !isOfEndedConnection(error)) throw error;
      }
    }
  }

  const endPool = sql.end.bind(sql);
  const end: Sql['end'] = ({ timeout = endTimeout } = {}) => endPool({ timeout });

  // Without asking for types, the driver never gives a connection that it makes for this.
  const reserveOpen = sql.reserve.bind(sql);
  async function reserve() {
    await sql`select 1`;
    return reserveOpen();
  }

  return new Proxy(Object.assign(sql, { begin: surviving, end, reserve }), {
    apply(target, self, args) {
      const made: unknown = Reflect.apply(target, self, args);
      if (isQuery(made)) sendAgain(made, sql.options.max);
      return made;
    },
  });
}

/** Seconds that a pool waits, when it is ended, for what is under way. */
const endTimeout = 5;

type Work = (tx: TransactionSql) => unknown;

interface ConnectionState {
  lost: boolean;
}

interface Cursor {
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

class LostConnection extends Error {
  readonly code = 'CONNECTION_CLOSED';

  constructor() {
    super('the connection has gone in the middle of a transaction');
  }
}

/** SQLSTATEs of a connection that the server has ended, or crashed with. */
const endedStates: readonly unknown[] = ['57P01', '57P02'];

function isOfEndedConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && endedStates.includes(error.code);
}

/** What fails with the last words of a connection that it was never on is asked once more. */
function sendAgain(query: Query, times: number): void {
  const reject = query.reject.bind(query);
  let left = times;
  query.reject = (error) => {
    if (query.state !== null || left === 0 || !isOfEndedConnection(error)) {
      reject(error);
      return;
    }
    left -= 1;
    query.handler(query);
  };
}

async function unlessLost(connection: ConnectionState, work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    // A loss is known by the next turn of the event loop. There is nothing to roll back then,
    // and nobody waits for this any more: the transaction has failed already.
    await delay(0);
    if (connection.lost) await new Promise<never>(() => undefined);
    throw error;
  }
}

function guarded(tx: TransactionSql, connection: ConnectionState): TransactionSql {
  function guardedMaking<Args extends readonly unknown[]>(make: (...args: Args) => unknown) {
    return (...args: Args): unknown => {
      if (connection.lost) throw new LostConnection();
      const made = make(...args);
      if (isQuery(made)) guardCursors(made, connection);
      return made;
    };
  }
  const tagged = guardedMaking(tx as (...args: unknown[]) => unknown);
  const unsafe = guardedMaking((...args: Parameters<TransactionSql['unsafe']>) =>
    tx.unsafe(...args),
  );
  function savepoint(work: Work): Promise<unknown> {
    if (connection.lost) throw new LostConnection();
    return tx.savepoint((inner) => unlessLost(connection, () => work(guarded(inner, connection))));
  }
  return new Proxy(tx, {
    apply: (_target, _self, args: unknown[]) => tagged(...args),
    get(target, name): unknown {
      if (name === 'unsafe') return unsafe;
      return name === 'savepoint' ? savepoint : Reflect.get(target, name);
    },
  });
}

function isQuery(made: unknown): made is Query {
  return made instanceof Promise && 'cursor' in made;
}

/** As the driver makes it. */
interface Query extends Promise<unknown> {
  cursor(rows: number): Cursor;
  reject: (error: unknown) => void;
  /** Null until it is sent. */
  readonly state: unknown;
  readonly handler: (query: Query) => void;
}

function guardCursors(query: Query, connection: ConnectionState): void {
  const open = query.cursor.bind(query);
  query.cursor = (rows) => ({
    [Symbol.asyncIterator]() {
      const rest = open(rows)[Symbol.asyncIterator]();
      return {
        async next() {
          if (connection.lost) throw new LostConnection();
          return rest.next();
        },
        async return() {
          if (connection.lost) return { done: true, value: undefined };
          return (await rest.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  });
}
