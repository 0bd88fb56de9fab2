import { rateOf } from './dashboard-csv-course.ts';
import type { CsvHeader } from './dashboard-csv-header.ts';
import type { CsvRecord } from './dashboard-csv-records.ts';

/** How far a rate that is printed in full, as the Dashboard does, may be from the exact one. */
const fullPrecisionError = 1e-9;

/**
 * Tells whether a last line without a line end was cut within its last cell. Spreadsheets
 * do save whole files so, so that only the cell's form against the file's other rates can tell:
 *
 * - it is blank although the course has editors;
 * - it is shorter than every other rate (`01.0` among `01.00`);
 * - it has fewer decimals than another rate, and is not that of a whole number of editors to
 *   as many decimals (0.83 of 6 editors, among 0.8333333333333334 or 0.833).
 *
 * A cut that leaves none of these traces goes unnoticed, as in a file of one row: it changes
 * the trained enrolments of one course. So does a cut exactly between two rows, because
 * nothing marks the end of an export, and one between the quotes of a doubled one where a text
 * is the last column, because it closes the cell. A whole file of few rows may show a trace by
 * chance: it is refused, and a line end after its last row lets it pass.
 */
export class Ending {
  readonly #rateAt: number;
  readonly #editorsAt: number;
  readonly #rateIsLast: boolean;
  #last: CsvRecord | undefined;
  #isEnded = false;
  #shortestBefore = Infinity;
  #longestBefore = '';

  constructor(header: CsvHeader) {
    this.#rateAt = header.columns.indexOf('training_completion_rate');
    this.#editorsAt = header.columns.indexOf('editors');
    this.#rateIsLast = this.#rateAt === header.columns.length - 1;
  }

  /** To be called with every row, in order. */
  see(row: CsvRecord): void {
    const rate = this.#last?.cells[this.#rateAt] ?? '';
    if (rate !== '') {
      if (rate.length < this.#shortestBefore) this.#shortestBefore = rate.length;
      if (rate.length > this.#longestBefore.length) this.#longestBefore = rate;
    }
    this.#last = row;
    this.#isEnded = false;
  }

  /** To be called with every line that has nothing on it: the row before it ends with a line end. */
  seeBlank(): void {
    this.#isEnded = true;
  }

  get lastRow(): CsvRecord | undefined {
    return this.#last;
  }

  /** Why the last row, which no line end follows, seems cut; undefined when it does not. */
  cut(): string | undefined {
    if (this.#isEnded) return undefined;
    if (!this.#rateIsLast) return 'no line end follows the last cell, so it may be cut';
    return this.#rateSeemsCut()
      ? 'the file seems to be cut here (if not, end its last line)'
      : undefined;
  }

  #rateSeemsCut(): boolean {
    const rate = this.#last?.cells[this.#rateAt] ?? '';
    const editors = Number(this.#last?.cells[this.#editorsAt] ?? '');
    if (rate === '') return editors > 0;
    if (this.#longestBefore !== '' && rate.length < this.#shortestBefore) return true;
    const decimals = decimalsOf(this.#longestBefore);
    return decimalsOf(rate) < decimals && !isShare(rateOf(rate), editors, decimals);
  }
}

/** Of a cell that has the form of a rate, `8.3e-05` included. */
function decimalsOf(rate: string): number {
  const [, decimals = '', exponent = '0'] = /^\d+(?:[.,](\d+))?(?:[eE]-(\d+))?$/.exec(rate) ?? [];
  return decimals.length + Number(exponent);
}

/** Whether the rate, rounded to so many decimals, is that of a whole number out of `editors`. */
function isShare(rate: number, editors: number, decimals: number): boolean {
  const trained = rate * editors;
  const error = 10 ** -decimals / 2 + fullPrecisionError;
  return Math.abs(trained - Math.round(trained)) <= error * editors;
}
