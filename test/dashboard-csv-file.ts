import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { exportColumns, type ExportColumn } from '../sources/dashboard-csv-header.ts';
import { type OpenOptions, type SourceCourse, SourceError } from '../sources/source.ts';

export const samplePath = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url)
  .pathname;
export const sampleText = readFileSync(samplePath, 'utf8');

export const headerLine = exportColumns.join(',');

const ordinaryCells: Readonly<Record<ExportColumn, string>> = {
  course_slug: 'School/Title_(Term)',
  title: 'Title',
  institution: 'School',
  term: 'Term',
  home_wiki: 'id.wikipedia.org',
  created_at: '2025-08-22 14:46:47 UTC',
  start_date: '2025-08-26 17:00:00 UTC',
  end_date: '2025-08-29 16:59:00 UTC',
  new_or_returning: 'returning_instructor',
  editors: '6',
  new_editors: '1',
  articles_edited: '2',
  articles_created: '3',
  bytes_added: '4',
  references_added: '-5',
  total_edits: '7',
  mainspace_edits: '8',
  article_talk_edits: '9',
  userspace_edits: '10',
  article_views: '11',
  upload_count: '12',
  uploads_used_in_articles: '13',
  upload_usage_count_across_all_wikis: '14',
  training_completion_rate: '0.5',
};

/** The cells of a row; an ordinary course but for those given. */
export function cellsOf(cells: Partial<Record<ExportColumn, string>>): string[] {
  return exportColumns.map((column) => cells[column] ?? ordinaryCells[column]);
}

/** A row as the Dashboard writes it, where no given cell needs quotes. */
export function line(cells: Partial<Record<ExportColumn, string>> = {}): string {
  return cellsOf(cells).join(',');
}

/** A file as the Dashboard writes it, of the given lines below the header. */
export function exportOf(...lines: readonly string[]): string {
  return [headerLine, ...lines, ''].join('\n');
}

export function write(t: Test, content: string | Buffer): string {
  return `${t.testdir({ 'courses.csv': content })}/courses.csv`;
}

export function openOptions(options: Partial<OpenOptions> = {}): OpenOptions {
  return {
    signal: new AbortController().signal,
    now: new Date('2026-08-27T12:00:00.750Z'),
    markers: new Map(),
    ...options,
  };
}

export interface WholeReading {
  readonly courses: readonly SourceCourse[];
  readonly batchSizes: readonly number[];
  readonly warnings: ReadonlyMap<string, number>;
}

export async function readAll(
  path: string,
  options: Partial<OpenOptions> = {},
): Promise<WholeReading> {
  const reading = await dashboardCsvSource(path).open(openOptions(options));
  try {
    const courses: SourceCourse[] = [];
    const batchSizes: number[] = [];
    for await (const batch of reading.courses()) {
      courses.push(...batch);
      batchSizes.push(batch.length);
    }
    return { courses, batchSizes, warnings: reading.warnings() };
  } finally {
    await reading.close();
  }
}

/** The error that refuses the file. */
export async function refusalOf(path: string): Promise<SourceError> {
  try {
    await readAll(path);
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
  throw new Error('The file was not refused.');
}
