/** The queue is full: nothing was begun. */
export class QueueFull extends Error {
  constructor() {
    super('too many are waiting');
    this.name = 'QueueFull';
  }
}

export interface FairQueueOptions {
  /** How many run at once. */
  readonly atOnce: number;
  /** How many wait at most. */
  readonly waiting: number;
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

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @throws {QueueFull} */
  async run<T>(client: string, job: () => Promise<T>): Promise<T> {
    if (this.#running < this.#options.atOnce) this.#running += 1;
    else await this.#wait(client);
    try {
      return await job();
    } finally {
      this.#passOn();
    }
  }

  #wait(client: string): Promise<void> {
    if (this.#waiting >= this.#options.waiting) this.#makeRoom(client);
    return new Promise((begin, refuse) => {
      const own = this.#clients.get(client);
      if (own === undefined) this.#clients.set(client, [{ begin, refuse }]);
      else own.push({ begin, refuse });
      this.#waiting += 1;
    });
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
    const refused = greedy === client ? undefined : this.#clients.get(greedy)?.pop();
    if (refused === undefined) throw new QueueFull();
    this.#waiting -= 1;
    refused.refuse(new QueueFull());
  }

  /** The place of a job that ended goes to the client whose turn it is. */
  #passOn(): void {
    const turn = this.#clients.entries().next().value;
    if (turn === undefined) {
      this.#running -= 1;
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
  readonly refuse: (error: QueueFull) => void;
}
