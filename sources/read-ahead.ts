/**
 * Asks for the next batch while the one before it is being used, so that the source and
 * the store work at the same time. One batch ahead, never more.
 */
export async function* readAhead<Batch>(batches: AsyncGenerator<Batch>): AsyncGenerator<Batch> {
  let next = batches.next();
  try {
    for (let batch = await next; batch.done !== true; batch = await next) {
      next = batches.next();
      // Its failure is met when it is awaited; until then it must not count as unhandled.
      next.catch(() => undefined);
      yield batch.value;
    }
  } finally {
    // Whoever stops early must not leave a question under way: the next one is another's.
    await next.catch(() => undefined);
    await batches.return(undefined);
  }
}
