import cron, { type ScheduledTask } from 'node-cron';

const dayMilliseconds = 24 * 60 * 60 * 1000;
/** Days looked through: a 29th of February on a certain weekday comes every 28 years, or 40. */
const mostDays = 366 * 100;

/**
 * When a task of node-cron runs, by node-cron's own reading of its schedule, after any given
 * moment: the library itself tells only what comes after now. The task's time zone is UTC.
 */
export class PublicationTimes {
  readonly #task: Pick<ScheduledTask, 'match'>;
  readonly #months: readonly number[];
  /** Milliseconds since midnight, ascending. */
  readonly #timesOfDay: readonly number[];
  #known: { readonly after: number; readonly next: number } | undefined;

  constructor(task: Pick<ScheduledTask, 'match' | 'getPattern'>) {
    const { month, hour, minute, second } = cron.parse(task.getPattern());
    this.#task = task;
    this.#months = month;
    this.#timesOfDay = hour
      .flatMap((h) => minute.flatMap((m) => second.map((s) => ((h * 60 + m) * 60 + s) * 1000)))
      .sort((a, b) => a - b);
  }

  /** The first time after the moment. @throws {RangeError} when none is within a hundred years */
  next(after: Date): Date {
    const from = after.getTime();
    const known = this.#known;
    if (known !== undefined && known.after <= from && from < known.next) {
      return new Date(known.next);
    }
    const next = this.#find(from);
    this.#known = { after: from, next };
    return new Date(next);
  }

  #find(from: number): number {
    const midnight = Math.floor(from / dayMilliseconds) * dayMilliseconds;
    for (let days = 0; days < mostDays; days += 1) {
      const day = midnight + days * dayMilliseconds;
      if (!this.#isDue(day)) continue;
      const time = this.#timesOfDay.find((each) => day + each > from);
      if (time !== undefined) return day + time;
    }
    throw new RangeError('the schedule is never due');
  }

  /** Every time of a day matches, or none. */
  #isDue(day: number): boolean {
    const [first] = this.#timesOfDay;
    if (first === undefined || !this.#months.includes(new Date(day).getUTCMonth() + 1))
      return false;
    return this.#task.match(new Date(day + first));
  }
}
