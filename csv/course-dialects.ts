import { courseMetricsAt } from '../metrics/registry.ts';
import { derive } from '../metrics/totals.ts';
import { courseColumns, courseHeadFields } from './course-columns.ts';
import { type CourseDialect } from './dialects.ts';
import { csvRecords, csvText, lineEnd, type CsvField } from './records.ts';

/** A course with its status at a moment; its metrics lack the derived ones. */
export interface CourseValues {
  readonly courseId: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  /** Slugs, in any order, with any repetitions. */
  readonly campaigns: readonly string[];
  readonly start: Date | null;
  readonly end: Date | null;
  readonly createdAt: Date | null;
  readonly status: string;
  readonly newOrReturning: string;
  readonly urlPath: string | null;
  readonly metrics: Readonly<Record<string, number | null>>;
}

export interface CourseFile {
  readonly dialect: CourseDialect;
  readonly definitionsVersion: number;
  readonly dashboardUrl: string;
}

/** The columns of the Dashboard's own export, in its order, and where their values are. */
const dashboardFields: Readonly<Record<string, (course: CourseValues) => CsvField>> = {
  course_slug: (course) => course.slug,
  title: (course) => course.title,
  institution: (course) => course.institution,
  term: (course) => course.term,
  home_wiki: (course) => course.homeWiki,
  created_at: (course) => dashboardTime(course.createdAt),
  start_date: (course) => dashboardTime(course.start),
  end_date: (course) => dashboardTime(course.end),
  new_or_returning: (course) => course.newOrReturning,
  editors: metric('enrollments'),
  new_editors: metric('new_editor_enrollments'),
  articles_edited: metric('articles_edited'),
  articles_created: metric('articles_created'),
  bytes_added: metric('bytes_added'),
  references_added: metric('references_added'),
  total_edits: metric('edits'),
  mainspace_edits: metric('mainspace_edits'),
  article_talk_edits: metric('article_talk_edits'),
  userspace_edits: metric('userspace_edits'),
  article_views: metric('article_views'),
  upload_count: metric('uploads'),
  uploads_used_in_articles: metric('uploads_in_use'),
  upload_usage_count_across_all_wikis: metric('upload_usages'),
  training_completion_rate: ({ metrics }) => {
    const trained = metrics['trained_enrollments'] ?? null;
    const enrollments = metrics['enrollments'] ?? null;
    if (trained === null || enrollments === null || enrollments === 0) return null;
    return rubyFloat(trained / enrollments);
  },
};

/** What stands above the rows, its line ended. */
export function courseFileHead({ dialect, definitionsVersion }: CourseFile): string {
  if (dialect === 'dashboard') return `${Object.keys(dashboardFields).join(',')}\n`;
  return csvText(courseColumns(definitionsVersion), [], dialect);
}

/** The rows, their lines ended. */
export function courseFileLines(file: CourseFile, courses: readonly CourseValues[]): string {
  if (file.dialect === 'dashboard') {
    const fields = Object.values(dashboardFields);
    const records = courses.map((course) => fields.map((field) => field(course)));
    return joined(csvRecords(records), '\n');
  }
  const records = courses.map((course) => courseFields(file, course));
  return joined(csvRecords(records, file.dialect), lineEnd);
}

function joined(records: readonly string[], end: string): string {
  return records.map((record) => record + end).join('');
}

function courseFields(file: CourseFile, course: CourseValues): CsvField[] {
  const head = courseHeadFields({
    ...course,
    campaigns: [...new Set(course.campaigns)].sort(),
    start: time(course.start),
    end: time(course.end),
    createdAt: time(course.createdAt),
  });
  const url = course.urlPath === null ? null : file.dashboardUrl + course.urlPath;
  const values = courseMetricsAt(file.definitionsVersion).map((metric) => {
    const value = course.metrics[metric.kind === 'derived' ? metric.input : metric.name] ?? null;
    return metric.kind === 'derived' ? derive(metric, value) : value;
  });
  return [...head, course.status, course.newOrReturning, url, ...values];
}

function metric(name: string) {
  return ({ metrics }: CourseValues): number | null => metrics[name] ?? null;
}

/** RFC 3339, UTC, whole seconds. */
function time(moment: Date | null): string | null {
  return moment === null ? null : `${moment.toISOString().slice(0, 19)}Z`;
}

/** As Ruby on Rails prints a time in UTC: `2025-08-22 14:46:47 UTC`. */
function dashboardTime(moment: Date | null): string | null {
  return moment === null ? null : `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** As Ruby prints a Float: `0.5`, `1.0`, and below 0.0001 `5.0e-05`. */
function rubyFloat(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  const mantissa = digits.includes('.') ? digits : `${digits}.0`;
  if (value !== 0 && (power < -4 || power >= 16)) {
    const sign = power < 0 ? '-' : '+';
    return `${mantissa}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}
