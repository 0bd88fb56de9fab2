import { courseColumns } from '../../csv/course-columns.ts';
import {
  courseMetricsAt,
  definitionsVersion,
  metrics,
  sumMetrics,
} from '../../metrics/registry.ts';
import type { SourceEnrollment } from '../../sources/source.ts';
import { valuesOf } from './world-source.ts';
import { createdAtOf, type Window, type World, type WorldCourse } from './world.ts';

export type Values = Readonly<Record<string, number | null>>;

/** A course as it was at a publication. */
export interface ModelRow {
  readonly id: number;
  readonly slug: string;
  readonly title: string | null;
  readonly institution: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly number[];
  readonly window: Window;
  readonly tag: string;
  readonly values: Values;
}

export function rowOf(world: World, course: WorldCourse): ModelRow {
  const { id, slug, title, institution, type, homeWiki, window, tag } = course;
  return {
    ...{ id, slug, title, institution, type, homeWiki, window, tag },
    wikis: [...course.wikis].sort(),
    campaigns: [...course.campaigns].sort((a, b) => a - b),
    values: valuesOf(world, course),
  };
}

export interface Changes {
  readonly added: number;
  readonly changed: number;
  readonly withdrawn: number;
}

/** Everything that a snapshot says, made in the plainest way from all of its rows. */
export interface ModelSnapshot {
  readonly id: number;
  readonly computedAt: Date;
  readonly changes: Changes;
  /** How many it had when it was published. */
  readonly courses: number;
  readonly totals: Values;
  /** Counts of people, by dimension and key; none once one of its courses is erased. */
  readonly people: Map<string, Values>;
  /** Of every course that was not erased since. */
  readonly rows: Map<number, ModelRow>;
}

export interface Publication {
  readonly id: number;
  readonly computedAt: Date;
  readonly changes: Changes;
  readonly rows: ReadonlyMap<number, ModelRow>;
  readonly people: readonly SourceEnrollment[];
  readonly slugs: ReadonlyMap<number, string>;
}

export function modelSnapshot(publication: Publication): ModelSnapshot {
  const { id, computedAt, changes, people, slugs } = publication;
  const rows = [...publication.rows.values()];
  const groups = new Map<string, ModelRow[]>();
  for (const row of rows) {
    for (const name of groupsOf(row, computedAt, slugs)) {
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
  }
  return {
    ...{ id, computedAt, changes },
    courses: rows.length,
    totals: { ...totalsOf(rows, computedAt), ...peopleOf(rows, people, computedAt) },
    people: new Map([...groups].map(([name, of]) => [name, peopleOf(of, people, computedAt)])),
    rows: new Map(publication.rows),
  };
}

/** `dimension key`, of every group that a course is in. */
function groupsOf(row: ModelRow, at: Date, slugs: ReadonlyMap<number, string>): string[] {
  const [start] = row.window;
  return [
    ...each('wiki', row.wikis),
    ...each('campaign', slugsOf(row, slugs)),
    ...each('home_wiki', [row.homeWiki]),
    ...each('type', [row.type]),
    ...each('status', [statusOf(row.window, at)]),
    ...each('start_year', [start === null ? null : start.slice(0, 4)]),
  ];
}

function each(dimension: string, keys: readonly (string | null)[]): string[] {
  return (keys.length === 0 ? [null] : keys).map((key) => groupName(dimension, key));
}

export function groupName(dimension: string, key: string | null): string {
  return `${dimension} ${JSON.stringify(key)}`;
}

function slugsOf(row: ModelRow, slugs: ReadonlyMap<number, string>): string[] {
  return [...new Set(row.campaigns.map((id) => slugs.get(id) ?? ''))].sort();
}

/** Of the metrics of courses, the derived ones included. */
export function totalsOf(rows: readonly ModelRow[], at: Date): Values {
  const totals: Record<string, number | null> = {};
  for (const { name } of sumMetrics) {
    const values = rows.map((row) => row.values[name] ?? null).filter((value) => value !== null);
    totals[name] =
      rows.length > 0 && values.length === 0 ? null : values.reduce((sum, more) => sum + more, 0);
  }
  const statuses = rows.map((row) => statusOf(row.window, at));
  return {
    ...totals,
    words_added: wordsOf(totals['bytes_added'] ?? null),
    courses: rows.length,
    active_courses: statuses.filter((status) => status === 'current').length,
    archived_courses: statuses.filter((status) => status === 'archived').length,
  };
}

function wordsOf(bytes: number | null): number | null {
  return bytes === null ? null : Number((BigInt(bytes) * 1000n) / 5175n);
}

function peopleOf(
  rows: readonly ModelRow[],
  people: readonly SourceEnrollment[],
  at: Date,
): Values {
  const members = new Map(rows.map((row) => [row.id, row]));
  const distinct = (want: (enrollment: SourceEnrollment, row: ModelRow) => boolean) =>
    new Set(
      people
        .filter((enrollment) => {
          const row = members.get(enrollment.courseId);
          return row !== undefined && want(enrollment, row);
        })
        .map(({ userId }) => userId),
    ).size;
  return {
    editors: distinct(({ role }) => role === 0),
    new_editors: distinct(({ newEditor }) => newEditor),
    new_editors_60d: distinct(({ newEditor60d }) => newEditor60d),
    facilitators: distinct(({ role }) => role === 1),
    active_facilitators: distinct(
      ({ role }, row) => role === 1 && statusOf(row.window, at) === 'current',
    ),
  };
}

const thirtyDays = 30 * 24 * 60 * 60 * 1000;

function statusOf([start, end]: Window, at: Date): string {
  if (start === null || end === null) return 'undated';
  if (Date.parse(start) > at.getTime()) return 'upcoming';
  if (Date.parse(end) >= at.getTime()) return 'current';
  return Date.parse(end) > at.getTime() - thirtyDays ? 'ended_recently' : 'archived';
}

/** The fields of a course's line, by column; null is an empty field. */
export function lineOf(
  row: ModelRow,
  at: Date,
  slugs: ReadonlyMap<number, string>,
  dashboardUrl: string,
): Record<string, string | null> {
  const [start, end] = row.window;
  const path = row.slug.split('/').map(encodeURIComponent).join('/');
  const described: Record<string, string | null> = {
    course_id: String(row.id),
    slug: row.slug,
    title: row.title,
    institution: row.institution,
    term: null,
    type: row.type,
    home_wiki: row.homeWiki,
    wikis: row.wikis.join('|'),
    campaigns: slugsOf(row, slugs).join('|'),
    ...{ start, end, created_at: createdAtOf(row.id) },
    status: statusOf(row.window, at),
    new_or_returning: row.tag,
    url: `${dashboardUrl}/courses/${path}`,
  };
  const values: Values = {
    ...row.values,
    words_added: wordsOf(row.values['bytes_added'] ?? null),
  };
  for (const { name } of courseMetricsAt(definitionsVersion)) {
    const value = values[name] ?? null;
    described[name] = value === null ? null : String(value);
  }
  return Object.fromEntries(
    courseColumns(definitionsVersion).map((column) => [column, described[column] ?? null]),
  );
}

/** Every metric, those of nobody's as null: in the order of publication. */
export function completed(totals: Values): Values {
  return Object.fromEntries(metrics.map(({ name }) => [name, totals[name] ?? null]));
}
