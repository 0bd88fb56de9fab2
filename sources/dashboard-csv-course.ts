import { hash } from 'node:crypto';
import type { CsvHeader, ExportColumn } from './dashboard-csv-header.ts';
import { type Problems, quoted } from './dashboard-csv-problems.ts';
import type { CsvRecord } from './dashboard-csv-records.ts';
import { type ByteFindings, lineBreaks } from './dashboard-csv-rows.ts';
import type { NewOrReturning, SourceCourse } from './source.ts';

const wholeNumber = /^-?\d+$/;
const utcTime = /^\d{4}-\d{2}-\d{2} (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d UTC$/;
/** The days that every month of every year has. */
const commonDay = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])$/;
const domain = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;
/** Ruby prints a rate below 0.0001 with an exponent, as in `5.0e-05`. */
const rateWithPoint = /^\d+(?:\.\d+)?(?:[eE]-\d+)?$/;
const rateWithPointOrComma = /^\d+(?:[.,]\d+)?(?:[eE]-\d+)?$/;

/** The longest domain name that DNS allows. */
const maxDomainLength = 253;

/**
 * Turns rows of the export into courses. What a cell must not hold goes to `problems`, and
 * the course is then of no use: the caller must not publish it. A blank cell is null, never 0.
 */
export class CourseReader {
  readonly #at: Readonly<Record<ExportColumn, number>>;
  readonly #columns: readonly ExportColumn[];
  readonly #rate: RegExp;
  readonly #problems: Problems;
  readonly #findings: Readonly<ByteFindings>;
  readonly #onOddity: (message: string) => void;

  constructor(
    header: CsvHeader,
    options: {
      readonly problems: Problems;
      readonly findings: Readonly<ByteFindings>;
      readonly onOddity: (message: string) => void;
    },
  ) {
    this.#columns = header.columns;
    this.#at = Object.fromEntries(
      header.columns.map((column, position) => [column, position]),
    ) as Record<ExportColumn, number>;
    // Between commas, `0,5` is either two cells or a slip.
    this.#rate = header.delimiter === ',' ? rateWithPoint : rateWithPointOrComma;
    this.#problems = options.problems;
    this.#findings = options.findings;
    this.#onOddity = options.onOddity;
  }

  read(row: CsvRecord): SourceCourse {
    const at = this.#at;
    const slug = this.#text(row, at.course_slug);
    if (slug === null) this.refuse(row, 'course_slug', 'is blank');
    const start = this.#time(row, at.start_date);
    const end = this.#time(row, at.end_date);
    if (start !== null && end !== null && end < start) {
      this.#onOddity('A course ends before it starts: kept as it is.');
    }
    const enrollments = this.#count(row, at.editors);
    return {
      courseId: courseIdOfSlug(slug ?? ''),
      slug: slug ?? '',
      title: this.#text(row, at.title),
      institution: this.#text(row, at.institution),
      term: this.#text(row, at.term),
      type: null,
      homeWiki: this.#domain(row, at.home_wiki),
      wikis: [],
      campaignIds: [],
      start,
      end,
      createdAt: this.#time(row, at.created_at),
      newOrReturning: this.#newOrReturning(row, at.new_or_returning),
      metrics: {
        edits: this.#count(row, at.total_edits),
        bytes_added: this.#count(row, at.bytes_added),
        references_added: this.#number(row, at.references_added),
        articles_edited: this.#count(row, at.articles_edited),
        articles_created: this.#count(row, at.articles_created),
        article_views: this.#count(row, at.article_views),
        uploads: this.#count(row, at.upload_count),
        uploads_in_use: this.#count(row, at.uploads_used_in_articles),
        upload_usages: this.#count(row, at.upload_usage_count_across_all_wikis),
        enrollments,
        trained_enrollments: this.#trained(row, at.training_completion_rate, enrollments),
        new_editor_enrollments: this.#count(row, at.new_editors),
        mainspace_edits: this.#count(row, at.mainspace_edits),
        article_talk_edits: this.#count(row, at.article_talk_edits),
        userspace_edits: this.#count(row, at.userspace_edits),
      },
    };
  }

  /** Notes a problem of the row's cell in that column, on the line where the cell begins. */
  refuse(row: CsvRecord, column: ExportColumn, text: string): void {
    const line = row.line + lineBreaks(row.cells, this.#at[column]);
    this.#problems.add(line, column, text);
  }

  #refuseCell(row: CsvRecord, position: number, text: string): null {
    const column = this.#columns[position];
    if (column !== undefined) {
      this.refuse(row, column, `${quoted(row.cells[position] ?? '')} ${text}`);
    }
    return null;
  }

  #text(row: CsvRecord, position: number): string | null {
    const cell = row.cells[position] ?? '';
    if (this.#findings.notText) {
      if (cell.includes('\u{fffd}')) return this.#refuseCell(row, position, 'is not UTF-8');
      if (cell.includes('\0')) return this.#refuseCell(row, position, 'holds a NUL character');
    }
    return cell.trim() === '' ? null : cell;
  }

  #number(row: CsvRecord, position: number): number | null {
    const cell = row.cells[position] ?? '';
    if (cell === '') return null;
    if (!wholeNumber.test(cell)) return this.#refuseCell(row, position, 'is not a whole number');
    // `-0` is a number of its own; published numbers know only 0.
    const value = Number(cell) + 0;
    if (Number.isSafeInteger(value)) return value;
    return this.#refuseCell(row, position, `is beyond ±${Number.MAX_SAFE_INTEGER}`);
  }

  #count(row: CsvRecord, position: number): number | null {
    const value = this.#number(row, position);
    if (value === null || value >= 0) return value;
    return this.#refuseCell(row, position, 'is negative');
  }

  /** `rate × enrollments`, rounded: the export gives no number of trained enrolments. */
  #trained(row: CsvRecord, position: number, enrollments: number | null): number | null {
    const cell = row.cells[position] ?? '';
    if (cell === '') {
      if (enrollments === 0) return 0;
      this.#onOddity('A course with editors has no training completion rate: kept as unknown.');
      return null;
    }
    if (!this.#rate.test(cell)) return this.#refuseCell(row, position, 'is not a decimal number');
    const rate = rateOf(cell);
    if (rate > 1) return this.#refuseCell(row, position, 'is not between 0 and 1');
    return enrollments === null ? null : Math.round(rate * enrollments);
  }

  #time(row: CsvRecord, position: number): string | null {
    const cell = row.cells[position] ?? '';
    if (cell === '') return null;
    if (!utcTime.test(cell)) {
      return this.#refuseCell(row, position, 'is not a time like 2025-08-22 14:46:47 UTC');
    }
    const day = cell.slice(0, 10);
    if (!isDay(day)) return this.#refuseCell(row, position, 'is not a day of the calendar');
    return `${day}T${cell.slice(11, 19)}Z`;
  }

  #domain(row: CsvRecord, position: number): string | null {
    const cell = row.cells[position] ?? '';
    if (cell === '') return null;
    if (domain.test(cell) && cell.length <= maxDomainLength) return cell;
    return this.#refuseCell(row, position, 'is not a wiki’s domain, like id.wikipedia.org');
  }

  #newOrReturning(row: CsvRecord, position: number): NewOrReturning {
    const cell = row.cells[position] ?? '';
    if (cell === 'first_time_instructor' || cell === 'returning_instructor') return cell;
    // The Dashboard writes “unknown” for courses without either tag.
    if (cell !== 'unknown' && cell !== '') {
      this.#refuseCell(
        row,
        position,
        'is neither first_time_instructor nor returning_instructor nor unknown nor blank',
      );
    }
    return 'unknown';
  }
}

/**
 * The id of a course that has none, from its slug alone, so that it is the same in every
 * import: the first 53 bits of the SHA-256 of the slug in UTF-8, normalised to NFC; 1 for 0.
 * In 1 … 2^53 − 1. Of 100,000 slugs two share an id once in about two million times.
 */
export function courseIdOfSlug(slug: string): number {
  // In hexadecimal, which is had in half the time of a buffer: 13 digits and a bit of the next.
  const digest = hash('sha256', slug.normalize('NFC'), 'hex');
  return parseInt(digest.slice(0, 13), 16) * 2 + ((digest[13] ?? '') >= '8' ? 1 : 0) || 1;
}

/** Of a cell that has the form of a rate. */
export function rateOf(cell: string): number {
  return Number(cell.replace(',', '.'));
}

/** Whether `YYYY-MM-DD` is a day of the proleptic Gregorian calendar, which has no year 0. */
function isDay(text: string): boolean {
  if (commonDay.test(text)) return true;
  const year = Number(text.slice(0, 4));
  const month = text.slice(5, 7);
  const day = Number(text.slice(8));
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (year === 0 || day < 29) return false;
  if (month === '02') return day === 29 && isLeap;
  if (['04', '06', '09', '11'].includes(month)) return day <= 30;
  return day <= 31 && month >= '01' && month <= '12';
}
