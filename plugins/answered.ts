/** Nothing has come back in time. */
class Unanswered extends Error {
  readonly code = 'CONNECTION_CLOSED';

  constructor() {
    super(`no answer within ${String(answerTimeout / 1000)} s`);
  }
}

/** Milliseconds that a question for a few rows by their key may take, even of a busy server. */
const answerTimeout = 10_000;

/**
 * What is asked of the database for a few rows, so that nobody waits for an answer that will
 * not come as long as for a large one.
 *
 * @throws {Unanswered} after ten seconds
 */
export async function answered<T>(asked: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Unanswered());
    }, answerTimeout);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
