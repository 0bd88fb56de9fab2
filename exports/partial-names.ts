import { createHash, randomInt } from 'node:crypto';
import { hostname } from 'node:os';

const form = /^partial-([0-9a-f]{8})-(\d+)-(\d+)-\d+$/;

/** Milliseconds without a write after which a file of another process is nobody's. */
const patience = 10 * 60 * 1000;

/**
 * Names of files that are being written, which tell whose they are: several processes, of
 * several machines even, may share the folder, and what a killed one leaves must go.
 */
export class PartialNames {
  readonly #host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  /** Tells this process from an earlier one of the same number. */
  readonly #began = String(Math.round(performance.timeOrigin));

  next(): string {
    return `partial-${this.#host}-${String(process.pid)}-${this.#began}-${randomInt(1e12)}`;
  }

  static has(name: string): boolean {
    return form.test(name);
  }

  /** Whether nobody will go on writing to a file of that name. */
  isLeftover(name: string, lastWrittenAt: Date): boolean {
    const match = form.exec(name);
    if (match === null) return false;
    const [, host, pid, began] = match;
    // Of this process it is, however long it waits for its turn, or for its readers.
    if (host === this.#host && Number(pid) === process.pid) return began !== this.#began;
    if (host === this.#host && !isAlive(Number(pid))) return true;
    return Date.now() - lastWrittenAt.getTime() > patience;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
