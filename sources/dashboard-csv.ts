import { type BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { CourseReader } from './dashboard-csv-course.ts';
import { Ending } from './dashboard-csv-ending.ts';
import { type CsvHeader, readHeader } from './dashboard-csv-header.ts';
import { Problems, quoted } from './dashboard-csv-problems.ts';
import { type ByteFindings, readRows } from './dashboard-csv-rows.ts';
import { SlugLines } from './dashboard-csv-slugs.ts';
import {
  type OpenOptions,
  type Source,
  type SourceCourse,
  SourceError,
  type SourceReading,
} from './source.ts';

export { courseIdOfSlug } from './dashboard-csv-course.ts';

/** So few that little of it is alive at a time, which garbage collection would copy each time. */
const batchCourses = 100;

/**
 * The Dashboard's own CSV export of courses: `campaign_courses`, `all_courses_csv` or the
 * system CSV, as the Dashboard writes it or saved again by a spreadsheet. UTF-8 with or
 * without a byte order mark; `,`, `;` or tab; LF, CRLF or CR; cells quoted or not; the
 * columns in any order, but each of them and no other; a first line `sep=;` is understood, and
 * lines that are blank but for separators are skipped.
 *
 * An export has no course ids (see `courseIdOfSlug`: a renamed course is another course),
 * no campaigns, no tracked wikis and no people.
 *
 * A file that is wrong anywhere is refused whole. It is read once: `courses()` yields batches
 * of valid courses, none after the first problem, and throws at the end with all problems; the
 * caller must drop what it was given by then. A file of no courses is refused too, because
 * nothing tells it from one that was cut after its header.
 */
export function dashboardCsvSource(path: string): Source {
  return {
    kind: 'dashboard_csv',
    async open(options) {
      options.signal.throwIfAborted();
      const file = await openFile(path);
      try {
        const stats = await file.stat({ bigint: true });
        const header = await readHeader(file, Number(stats.size), path);
        return new CsvReading({ path, file, stats, header, options });
      } catch (error) {
        await file.close();
        throw asSourceError(error, path);
      }
    },
  };
}

class CsvReading implements SourceReading {
  readonly readAt: Date;
  readonly countsPeople = false;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #stats: BigIntStats;
  readonly #header: CsvHeader;
  readonly #options: OpenOptions;
  readonly #warnings = new Map<string, number>();

  constructor(opened: {
    readonly path: string;
    readonly file: FileHandle;
    readonly stats: BigIntStats;
    readonly header: CsvHeader;
    readonly options: OpenOptions;
  }) {
    this.readAt = new Date(Math.floor(opened.options.now.getTime() / 1000) * 1000);
    this.#path = opened.path;
    this.#file = opened.file;
    this.#stats = opened.stats;
    this.#header = opened.header;
    this.#options = opened.options;
  }

  /** @throws {SourceError} at the end, when anything in the file is wrong. */
  async *courses(): AsyncGenerator<readonly SourceCourse[], void, undefined> {
    const { signal, onProgress } = this.#options;
    const problems = new Problems();
    const findings: ByteFindings = { notText: false };
    const onOddity = (message: string): void => this.#warn(message);
    const reader = new CourseReader(this.#header, { problems, findings, onOddity });
    const ending = new Ending(this.#header);
    const lineOfCourse = new Map<number, number>();
    const lineOfSlug = new SlugLines();
    let batch: SourceCourse[] = [];
    const lots = readRows(this.#file, this.#header, {
      signal,
      problems,
      findings,
      onBlankLine: () => {
        ending.seeBlank();
        this.#warn('A blank line was skipped.');
      },
    });
    try {
      for await (const rows of lots) {
        for (const row of rows) {
          ending.see(row);
          const course = reader.read(row);
          if (course.slug !== null && course.slug !== '') {
            const same = lineOfCourse.get(course.courseId);
            const alike = lineOfSlug.add(course.slug, row.line);
            if (same === undefined) lineOfCourse.set(course.courseId, row.line);
            if (same !== undefined || alike !== undefined) {
              const earlier = String(same ?? alike);
              const why = same === undefined ? ', but for case, accents or spaces at its end' : '';
              const text = `${quoted(course.slug)} is the same course as on line ${earlier}${why}`;
              reader.refuse(row, 'course_slug', text);
            }
          }
          if (problems.count > 0) continue;
          batch.push(course);
          if (batch.length === batchCourses) {
            yield batch;
            signal.throwIfAborted();
            onProgress?.({ part: 'courses', rows: lineOfCourse.size, total: null });
            batch = [];
          }
        }
      }
    } catch (error) {
      throw asSourceError(error, this.#path);
    }
    signal.throwIfAborted();
    await this.#checkUnchanged();
    if (ending.lastRow !== undefined && !this.#header.terminated && problems.count === 0) {
      const cut = ending.cut();
      const column = this.#header.columns.at(-1);
      if (cut !== undefined && column !== undefined) reader.refuse(ending.lastRow, column, cut);
    }
    problems.throwIfAny(this.#path);
    if (lineOfCourse.size === 0) throw new SourceError(`${this.#path} has a header and no courses`);
    if (batch.length === 0) return;
    yield batch;
    onProgress?.({ part: 'courses', rows: lineOfCourse.size, total: null });
  }

  campaigns(): AsyncIterable<never> {
    return nothing();
  }

  hiddenCourseIds(): AsyncIterable<never> {
    return nothing();
  }

  enrollments(): AsyncIterable<never> {
    return nothing();
  }

  activity(): AsyncIterable<never> {
    return nothing();
  }

  warnings(): ReadonlyMap<string, number> {
    return this.#warnings;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #warn(message: string): void {
    this.#warnings.set(message, (this.#warnings.get(message) ?? 0) + 1);
  }

  /**
   * A file replaced by another of the same name does not matter, because the one that was
   * opened is read to its end; one that is still being written does.
   */
  async #checkUnchanged(): Promise<void> {
    const now = await this.#file.stat({ bigint: true });
    if (now.size === this.#stats.size && now.mtimeNs === this.#stats.mtimeNs) return;
    throw new SourceError(`${this.#path} changed while it was being read`);
  }
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Before opening, because opening a named pipe would wait for a writer.
    const stats = await stat(path);
    if (!stats.isFile()) {
      throw new SourceError(
        `${path} is ${stats.isDirectory() ? 'a directory' : 'no regular file'}`,
      );
    }
    return await open(path, 'r');
  } catch (error) {
    throw asSourceError(error, path);
  }
}

/** A system error in an operator's words; any other error as it is. */
function asSourceError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const code = 'code' in error ? error.code : undefined;
  const reason =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EACCES' || code === 'EPERM'
        ? 'permission is denied'
        : error.message;
  return new SourceError(`${path} cannot be read: ${reason}`, [], { cause: error });
}
