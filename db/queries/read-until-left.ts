import type { Sql, TransactionSql } from '../connect.ts';

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
    let cancelling: Promise<unknown> = Promise.resolve();
    const cancel = () => {
      cancelling = others`select pg_cancel_backend(${pid}::integer)`;
      // Told below.
      cancelling.catch(() => undefined);
    };
    left.addEventListener('abort', cancel, { once: true });
    try {
      return await read(tx);
    } finally {
      left.removeEventListener('abort', cancel);
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
