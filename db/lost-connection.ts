import { setTimeout as delay } from 'node:timers/promises';
import type { Sql, TransactionSql } from './connect.ts';

/**
 * Makes losing a connection an error of the transaction that was on it, and no more. The
 * driver (postgres 3.4.9, porsager/postgres#1208) ends the process when anything is asked of
 * a transaction whose connection has gone, its own rollback and the rest of a cursor included,
 * and takes a cursor that was interrupted for one that has come to its end.
 */
export function surviveLostConnections(sql: Sql): Sql {
  const begin: (mode: string, work: Work) => Promise<unknown> = sql.begin.bind(sql);
  const surviving = (...given: [Work] | [string, Work]): Promise<unknown> => {
    const [mode, work] = given.length === 1 ? ['', given[0]] : given;
    const connection = { lost: false };
    const ended = begin(mode, async (tx) => {
      try {
        return await work(guarded(tx, connection));
      } catch (error) {
        // A loss is known by the next turn of the event loop. There is nothing to roll back
        // then, and nobody waits for this any more: the transaction has failed already.
        await delay(0);
        if (connection.lost) await new Promise<never>(() => undefined);
        throw error;
      }
    });
    // It only ends before the work in it does when the connection has gone.
    ended.catch(() => (connection.lost = true));
    return ended;
  };
  return Object.assign(sql, { begin: surviving });
}

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

function guarded(tx: TransactionSql, connection: ConnectionState): TransactionSql {
  return new Proxy(tx, {
    apply(target, self, args) {
      if (connection.lost) throw new LostConnection();
      const made: unknown = Reflect.apply(target, self, args);
      if (made instanceof Promise && 'cursor' in made) guardCursors(made as Query, connection);
      return made;
    },
  });
}

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
