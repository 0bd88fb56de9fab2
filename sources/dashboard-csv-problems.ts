import { SourceError } from './source.ts';

/** How many problems an operator is shown; a wrong column makes one for every row. */
const shownProblems = 50;

/** The longest stretch of a cell that a problem quotes, in UTF-16 units. */
const shownCell = 60;

/** What is wrong with a file: the first problems in words, the others counted. */
export class Problems {
  readonly #shown: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** `line` is a physical line, from 1; `column` is a column's name. */
  add(line: number, column: string | null, text: string): void {
    this.#count += 1;
    if (this.#count > shownProblems) return;
    const place = column === null ? `line ${line}` : `line ${line}, column ${quoted(column)}`;
    this.#shown.push(`${place}: ${text}`);
  }

  /** @throws {SourceError} when there is any problem. */
  throwIfAny(path: string): void {
    if (this.#count === 0) return;
    const more = this.#count - this.#shown.length;
    throw new SourceError(
      `${path} was not imported: ${this.#count} ${this.#count === 1 ? 'problem' : 'problems'}`,
      more > 0 ? [...this.#shown, `… and ${more} more`] : this.#shown,
    );
  }
}

/** A cell's text for a message on one line: in quotes, control characters escaped, not too long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > shownCell ? `${text.slice(0, shownCell)}…` : text);
}
