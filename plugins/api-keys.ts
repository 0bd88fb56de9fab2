import type { FastifyBaseLogger } from 'fastify';
import { listWorkingKeys, noteKeyUse, type WorkingKey } from '../db/queries/api-keys.ts';
import { SharedReading } from './shared-reading.ts';

type Queryable = Parameters<typeof listWorkingKeys>[0];

/** Milliseconds after which the keys are read again: a revocation takes effect within them. */
const keptMilliseconds = 30_000;
/** Milliseconds between readings for the sake of keys that nobody knows. */
const patienceMilliseconds = 1_000;

/** A token as `npm run keys` makes them: nothing else is looked up. */
const tokenForm = /^dod_[\w-]{43}$/;

interface KnownKey extends WorkingKey {
  lastUsedOn: string | null;
}

/** The keys that work, in memory: an installation has few, and most requests have none. */
export class ApiKeys {
  readonly #sql: Queryable;
  readonly #clock: () => Date;
  readonly #log: FastifyBaseLogger;
  readonly #reading: SharedReading<void>;
  #byDigest = new Map<string, KnownKey>();
  #readAt = -Infinity;

  constructor(sql: Queryable, clock: () => Date, log: FastifyBaseLogger) {
    this.#sql = sql;
    this.#clock = clock;
    this.#log = log;
    this.#reading = new SharedReading(async () => {
      const keys = await listWorkingKeys(this.#sql);
      this.#byDigest = new Map(keys.map((key) => [key.digest.toString('hex'), key]));
      this.#readAt = this.#clock().getTime();
    });
  }

  /**
   * The key of a token, by the token's SHA-256; undefined where there is none. While the
   * database is away the keys last read go on working, and for others it throws.
   */
  async find(token: string, digest: Buffer): Promise<WorkingKey | undefined> {
    if (!tokenForm.test(token)) return undefined;
    const name = digest.toString('hex');
    if (this.#age() > keptMilliseconds) {
      await this.#reading.read().catch((error: unknown) => {
        if (!this.#byDigest.has(name)) throw error;
        this.#log.warn({ err: error }, 'the keys could not be read again');
      });
    } else if (!this.#byDigest.has(name) && this.#age() > patienceMilliseconds) {
      await this.#reading.read();
    }
    const key = this.#byDigest.get(name);
    if (key !== undefined) this.#note(key);
    return key;
  }

  #age(): number {
    return this.#clock().getTime() - this.#readAt;
  }

  /** Writes the day down, once a day: when a key was used is nobody's business in more detail. */
  #note(key: KnownKey): void {
    const day = this.#clock().toISOString().slice(0, 10);
    if (key.lastUsedOn === day) return;
    key.lastUsedOn = day;
    noteKeyUse(this.#sql, key.name, day).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the day on which a key was used could not be written');
    });
  }
}
