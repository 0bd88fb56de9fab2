import { setTimeout as delay } from 'node:timers/promises';
import type { Sql, TransactionSql } from './connect.ts';

/**
 * Makes losing a connection an error of what was on it, and no more. The driver (postgres 3.4.9)
 * ends the process when anything is asked of a transaction whose connection has gone, its own
 * rollback, a savepoint's and the rest of a cursor included (porsager/postgres#1208), and takes
 * a cursor that was interrupted for one that has come to its end. What it makes of the connection
 * that comes after is mended in `patches/`.
 */
export function surviveLostConnections(sql: Sql): Sql {
  const begin: (mode: string, work: Work) => Promise<unknown> = sql.begin.bind(sql);

  async function surviving(...given: [Work] | [string, Work]): Promise<unknown> {
    const [mode, work] = given.length === 1 ? ['', given[0]] : given;
    const connection = { lost: false };
    const ended = begin(mode, (tx) => unlessLost(connection, () => work(guarded(tx, connection))));
    // It only ends before the work in it does when the connection has gone.
    ended.catch(() => (connection.lost = true));
    return ended;
  }

  const endPool = sql.end.bind(sql);
  const end: Sql['end'] = ({ timeout = endTimeout } = {}) => endPool({ timeout });
  return Object.assign(sql, { begin: surviving, end });
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
