/** Too many wait, or it would be for too long: nothing was begun. */
export class QueueFull extends Error {
  constructor(message = 'too many are waiting') {
    super(message);
    this.name = 'QueueFull';
  }
}

export interface FairQueueOptions {
  /** How many run at once. */
  readonly atOnce: number;
  /** How many wait at most. */
  readonly waiting: number;
  /** Milliseconds that they wait at most; for ever without. */
  readonly patience?: number | undefined;
}

/**
 * Runs a bounded number of jobs at once. Those that wait get their turns client by client,
 * so that whoever asks for much waits for itself; where the queue is full, it is the client
 * with the most jobs in it that is refused.
 */
export class FairQueue {
  readonly #options: FairQueueOptions;
  /** In the order of turns: a client that had its turn goes to the end. */
  readonly #clients = new Map<string, Waiter[]>();
  #running = 0;
  #waiting = 0;
  #forRest: (() => void)[] = [];

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get running(): number {
    return this.#running;
  }

  /** Resolves when nothing runs and nothing waits. */
  async atRest(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#forRest.push(resolve));
  }

  /** @throws {QueueFull} */
  async run<T>(client: string, job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const leave = await this.enter(client, signal);
    try {
      return await job();
    } finally {
      leave();
    }
  }

  /**
   * For what does not end with a promise: resolves when it is the client's turn, with what is
   * to be called, once or more often, when that is over.
   *
   * @throws {QueueFull}, or the signal's reason where it is aborted while waiting
   */
  async enter(client: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#running < this.#options.atOnce) this.#running += 1;
    else await this.#wait(client, signal);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#passOn();
    };
  }

  #wait(client: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting >= this.#options.waiting) this.#makeRoom(client);
    const { patience } = this.#options;
    return new Promise((begin, refuse) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const withdraw = (error: Error) => {
        this.#remove(client, waiter);
        waiter.refuse(error);
      };
      const giveUp = () => {
        withdraw(signal?.reason as Error);
      };
      const waiter: Waiter = {
        begin: () => {
          settle();
          begin();
        },
        refuse: (error) => {
          settle();
          refuse(error);
        },
      };
      if (patience !== undefined) {
        timer = setTimeout(() => {
          withdraw(new QueueFull('the queue is too slow'));
        }, patience);
      }
      const own = this.#clients.get(client);
      if (own === undefined) this.#clients.set(client, [waiter]);
      else own.push(waiter);
      this.#waiting += 1;
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  #remove(client: string, waiter: Waiter): void {
    const own = this.#clients.get(client) ?? [];
    const others = own.filter((one) => one !== waiter);
    this.#waiting -= own.length - others.length;
    if (others.length === 0) this.#clients.delete(client);
    else this.#clients.set(client, others);
  }

  #makeRoom(client: string): void {
    let greedy = client;
    let most = (this.#clients.get(client)?.length ?? 0) + 1;
    for (const [other, own] of this.#clients) {
      if (own.length > most) {
        greedy = other;
        most = own.length;
      }
    }
    const refused = greedy === client ? undefined : this.#clients.get(greedy)?.at(-1);
    if (refused === undefined) throw new QueueFull();
    this.#remove(greedy, refused);
    refused.refuse(new QueueFull());
  }

  /** The place of a job that ended goes to the client whose turn it is. */
  #passOn(): void {
    const turn = this.#clients.entries().next().value;
    if (turn === undefined) {
      this.#running -= 1;
      if (this.#running === 0) for (const resolve of this.#forRest.splice(0)) resolve();
      return;
    }
    const [client, own] = turn;
    const next = own.shift();
    this.#clients.delete(client);
    if (own.length > 0) this.#clients.set(client, own);
    this.#waiting -= 1;
    next?.begin();
  }
}

interface Waiter {
  readonly begin: () => void;
  readonly refuse: (error: Error) => void;
}
