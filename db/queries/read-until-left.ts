import { setTimeout as delay } from 'node:timers/promises';
import type { Sql, TransactionSql } from '../connect.ts';

/** Milliseconds between two cancels. */
const again = 50;

/**
 * Reads in one consistent transaction for as long as somebody waits for it: the signal ends it
 * at once, in the middle of a statement too, and frees its connection.
 *
 * @param others connections that do not wait for this one, to cancel it from
 * @throws the signal's reason where it is aborted
 */
export async function readUntilLeft<T>(
  sql: Sql,
  others: Sql,
  left: AbortSignal,
  read: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  left.throwIfAborted();
  const reading = sql.begin('isolation level repeatable read read only', async (tx) => {
    const [{ pid }] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
    left.throwIfAborted();
    const ended = new AbortController();
    let cancelling: Promise<unknown> = Promise.resolve();
    // More than once: between two statements there is nothing to cancel.
    const cancelUntilEnded = async () => {
      while (!ended.signal.aborted) {
        await others`select pg_cancel_backend(${pid}::integer)`;
        await delay(again, undefined, { signal: ended.signal });
      }
    };
    const cancel = () => {
      // What fails here is told below, or is the end of the wait.
      cancelling = cancelUntilEnded().catch(() => undefined);
    };
    left.addEventListener('abort', cancel, { once: true });
    try {
      return await read(tx);
    } finally {
      left.removeEventListener('abort', cancel);
      ended.abort();
      // Within the transaction: afterwards the connection is somebody else's.
      await cancelling;
    }
  });
  try {
    return (await reading) as T;
  } catch (error) {
    left.throwIfAborted();
    throw error;
  }
}
