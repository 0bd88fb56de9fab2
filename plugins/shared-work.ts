interface Work<T> {
  readonly done: Promise<T>;
  /** Aborted: it is broken off, and nobody joins it. */
  readonly leaving: AbortController;
  waiting: number;
}

/** Work that several may wait for: done once, and broken off when nobody waits any more. */
export class SharedWork<T> {
  readonly #under = new Map<string, Work<T>>();

  /** @throws what the work throws, or the reason of the signal of who leaves */
  async join(
    name: string,
    work: (signal: AbortSignal) => Promise<T>,
    left?: AbortSignal,
  ): Promise<T> {
    left?.throwIfAborted();
    const under = this.#under.get(name) ?? this.#begin(name, work);
    under.waiting += 1;
    try {
      return await unlessAborted(under.done, left);
    } finally {
      under.waiting -= 1;
      if (under.waiting === 0) this.#leave(name, under);
    }
  }

  #begin(name: string, work: (signal: AbortSignal) => Promise<T>): Work<T> {
    const leaving = new AbortController();
    const begun = { done: work(leaving.signal), leaving, waiting: 0 };
    this.#under.set(name, begun);
    return begun;
  }

  /** Whether it is done or not: who comes later begins anew. */
  #leave(name: string, work: Work<T>): void {
    if (this.#under.get(name) === work) this.#under.delete(name);
    work.leaving.abort(new Error('nobody waits for it any more'));
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', leave);
    });
  });
}
