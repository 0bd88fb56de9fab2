/**
 * The batches of a cursor, the next of which is under way while one is worked on, so that the
 * database does not wait for who reads, nor who reads for it.
 */
export async function* oneAhead<T>(batches: AsyncIterable<T>): AsyncGenerator<T> {
  const cursor = batches[Symbol.asyncIterator]();
  let next = ask(cursor);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = ask(cursor);
      yield value;
    }
  } finally {
    // A cursor can be closed between two batches only.
    await next.catch(() => undefined);
    await cursor.return?.();
  }
}

function ask<T>(cursor: AsyncIterator<T>): Promise<IteratorResult<T, unknown>> {
  // The driver gives the end without a promise.
  const next = Promise.resolve(cursor.next());
  // It is told when it is waited for, which may be later.
  next.catch(() => undefined);
  return next;
}
