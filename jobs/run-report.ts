import type { RunCounts } from '../db/queries/job-runs.ts';
import type { ReadingProgress } from '../sources/source.ts';
import type { JobLog } from './run-publication.ts';

/** Often enough to see that something happens, seldom enough for a log. */
const millisecondsBetweenLines = 5000;

interface Part {
  readonly name: string;
  readonly began: number;
  rows: number | undefined;
  lastLine: number;
}

/**
 * What a run has done so far, however it ends: of each part of its source the rows and the
 * seconds. A long part is logged as it goes, with its rate and what is left.
 */
export class RunReport {
  warnings: ReadonlyMap<string, number> = new Map();
  readonly #log: JobLog;
  readonly #clock: () => Date;
  readonly #rows: Record<string, number> = {};
  readonly #seconds: Record<string, number> = {};
  #part: Part | undefined;

  constructor(log: JobLog, clock: () => Date) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Ends the part before. */
  begin(name: string): void {
    this.end();
    const now = this.#clock().getTime();
    this.#part = { name, began: now, rows: undefined, lastLine: now };
  }

  progress({ part: name, rows, total }: ReadingProgress): void {
    if (this.#part?.name !== name) this.begin(name);
    const part = this.#part;
    if (part === undefined) return;
    part.rows = rows;
    this.#keep(part);
    const now = this.#clock().getTime();
    if (now - part.lastLine < millisecondsBetweenLines) return;
    part.lastLine = now;
    const rate = rows / ((now - part.began) / 1000);
    const left =
      total === null || rate === 0 ? {} : { total, seconds_left: Math.ceil((total - rows) / rate) };
    this.#log.info(
      { part: name, rows, ...left, rows_per_second: Math.round(rate) },
      'reading the source',
    );
  }

  end(): void {
    const part = this.#part;
    if (part === undefined) return;
    this.#keep(part);
    this.#part = undefined;
    if (part.rows === undefined) return;
    const seconds = this.#seconds[part.name];
    this.#log.info({ part: part.name, rows: part.rows, seconds }, 'read of the source');
  }

  /** Empty where nothing is known. */
  counts(): RunCounts {
    if (this.#part !== undefined) this.#keep(this.#part);
    return {
      ...(Object.keys(this.#rows).length > 0 ? { rows_read: { ...this.#rows } } : {}),
      ...(Object.keys(this.#seconds).length > 0 ? { seconds: { ...this.#seconds } } : {}),
      ...(this.warnings.size > 0 ? { warnings: Object.fromEntries(this.warnings) } : {}),
    };
  }

  #keep({ name, began, rows }: Part): void {
    if (rows !== undefined) this.#rows[name] = rows;
    this.#seconds[name] = (this.#clock().getTime() - began) / 1000;
  }
}
