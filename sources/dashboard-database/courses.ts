import { sumMetrics } from '../../metrics/registry.ts';
import type { Marker, SourceCourse } from '../source.ts';
import { count, key, seconds, text, time, wholeNumber, type Cell } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import {
  readArticleSlices,
  readCampaignLinks,
  readNamespaceEdits,
  readNewEditors,
  readTags,
  readTrackedWikis,
  readWikidata,
  readWikiSlices,
  type NamespaceEdits,
} from './course-parts.ts';
import { isSettled, markerOf } from './rereading.ts';
import type { Warnings } from './warnings.ts';
import type { WikiDomains } from './wikis.ts';

/** Bounded by `course_stats`, whose texts are of up to 64 kB. */
const coursesPerBatch = 500;

const metricColumns = [
  ['revision_count', 'edits'],
  ['character_sum', 'bytes_added'],
  ['references_count', 'references_added'],
  ['article_count', 'articles_edited'],
  ['new_article_count', 'articles_created'],
  ['view_sum', 'article_views'],
  ['upload_count', 'uploads'],
  ['uploads_in_use_count', 'uploads_in_use'],
  ['upload_usages_count', 'upload_usages'],
  ['user_count', 'enrollments'],
  ['trained_count', 'trained_enrollments'],
] as const;

const columns = [
  'id',
  'slug',
  'title',
  'school',
  'term',
  'type',
  'start',
  'end',
  'created_at',
  'updated_at',
  'home_wiki_id',
  ...metricColumns.map(([column]) => column),
] as const;
type Row = Record<(typeof columns)[number], Cell>;

const signedMetrics = new Set(
  sumMetrics.filter((metric) => metric.signed).map((metric) => metric.name),
);

const knownTypes = new Set([
  'ArticleScopedProgram',
  'BasicCourse',
  'ClassroomProgramCourse',
  'Editathon',
  'FellowsCohort',
  'LegacyCourse',
  'SingleUser',
  'VisitingScholarship',
]);

/** What a filter calls the courses that have no type. */
const nameOfNone = 'none';

const namespaceMetrics: readonly (keyof NamespaceEdits)[] = [
  'mainspace_edits',
  'article_talk_edits',
  'userspace_edits',
];
const notCollected: NamespaceEdits = {
  mainspace_edits: null,
  article_talk_edits: null,
  userspace_edits: null,
};
const none: NamespaceEdits = { mainspace_edits: 0, article_talk_edits: 0, userspace_edits: 0 };

/** Seconds since 1970, both NaN unless the course has a start and an end. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

export interface Reread {
  /** The tracked ones. */
  readonly wikis: readonly string[];
  /** How many time slices of wikis there are. */
  readonly slices: number;
}

export interface CoursesContext {
  readonly database: DashboardConnection;
  readonly warnings: Warnings;
  readonly domains: WikiDomains;
  readonly campaignIds: ReadonlySet<number>;
  readonly markers: ReadonlyMap<number, Marker>;
  /** The courses whose time slices are read whatever their markers say. */
  readonly turns: ReadonlySet<number>;
  /** The database's own time when the transaction began, `2026-08-27 14:46:47`. */
  readonly readAt: string;
  /** Filled: the window of every course, for its enrolments. */
  readonly windows: Map<number, Window>;
  /** Filled: every course whose time slices are to be read. */
  readonly reread: Map<number, Reread>;
}

/** Every public course, by id, in ranges of the primary key. */
export async function* readCourses(context: CoursesContext): AsyncGenerator<SourceCourse[]> {
  for (let after = 0; ;) {
    const rows = await context.database.rows(
      columns,
      `select ${columns.map((column) => `\`${column}\``).join(', ')} from courses
       where id > ${after} and private = 0 order by id limit ${coursesPerBatch}`,
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    after = key(last.id);
    yield await completed(rows, context);
  }
  await countDanglingLinks(context);
}

async function completed(rows: readonly Row[], context: CoursesContext): Promise<SourceCourse[]> {
  const { database, warnings, windows, reread } = context;
  const ids = rows.map((row) => key(row.id));
  const tags = await readTags(database, ids);
  const campaigns = await readCampaignLinks(database, ids, context.campaignIds, warnings);
  const wikis = await readTrackedWikis(database, ids, context.domains, warnings);
  const wikidata = await readWikidata(database, ids, warnings);
  const articleSlices = await readArticleSlices(database, ids);
  const wikiSlices = await readWikiSlices(database, ids, context.domains);

  const markers = new Map<number, string>();
  for (const row of rows) {
    const id = key(row.id);
    const tracked = wikis.get(id) ?? [];
    const touched = articleSlices.get(id);
    const sliced = wikiSlices.get(id) ?? [];
    const marker = markerOf({
      course: [row.updated_at, row.start, row.end, ...metricColumns.map(([column]) => row[column])],
      wikis: tracked,
      articleSlices: touched,
      wikiSlices: sliced,
    });
    const times = [row.updated_at, touched?.latest ?? null, touched?.earliest ?? null];
    if (isSettled(times, context.readAt)) markers.set(id, marker);
    if (context.markers.get(id)?.marker !== marker || context.turns.has(id)) {
      const slices = sliced.reduce((sum, each) => sum + each.slices, 0);
      reread.set(id, { wikis: tracked, slices });
    }
  }
  const edits = await readNamespaceEdits(
    database,
    ids.filter((id) => reread.has(id)),
    warnings,
  );

  const courses = rows.map((row): SourceCourse => {
    const id = key(row.id);
    const read = reread.has(id);
    const marker = markers.get(id);
    const course = {
      ...described(row, context),
      courseId: id,
      wikis: wikis.get(id) ?? [],
      campaignIds: campaigns.get(id) ?? [],
      newOrReturning: tags.get(id) ?? ('unknown' as const),
      metrics: {
        ...cachedMetrics(row, warnings),
        ...(read ? (edits.get(id) ?? (articleSlices.has(id) ? none : notCollected)) : {}),
        ...wikidata.get(id),
      },
    };
    windows.set(id, { start: seconds(course.start), end: seconds(course.end) });
    return {
      ...course,
      ...(marker === undefined ? {} : { marker }),
      ...(read ? {} : { keeps: namespaceMetrics }),
    };
  });

  const dated = ids.filter((id) => {
    const window = windows.get(id);
    return window !== undefined && window.end >= window.start;
  });
  const newEditors = await readNewEditors(database, dated);
  return courses.map((course) => ({
    ...course,
    metrics: { ...course.metrics, new_editor_enrollments: newEditors.get(course.courseId) ?? 0 },
  }));
}

function described(row: Row, { warnings, domains }: CoursesContext) {
  if (row.slug === null) warnings.add('Courses without a slug, so without an address');
  if (row.title === null) warnings.add('Courses without a title');
  const type = typeOf(row.type, warnings);
  const home = row.home_wiki_id === null ? null : domains.get(key(row.home_wiki_id));
  if (home === undefined) warnings.add('Home wikis that are missing, read as none');
  else if (home === null && row.home_wiki_id !== null) {
    warnings.add('Home wikis of no known domain, read as none');
  }
  return {
    slug: text(row.slug, warnings),
    title: text(row.title, warnings),
    institution: text(row.school, warnings),
    term: text(row.term, warnings),
    type,
    homeWiki: home ?? null,
    start: time(row.start, warnings),
    end: time(row.end, warnings),
    createdAt: time(row.created_at, warnings),
  };
}

/** Null for none: for '' too, which no filter could name, and for the name of having none. */
function typeOf(cell: Cell, warnings: Warnings): string | null {
  const type = text(cell, warnings);
  if (type === null || type === '') return null;
  if (type === nameOfNone) {
    warnings.add(`Course types named ${nameOfNone}, read as none`);
    return null;
  }
  if (!knownTypes.has(type)) warnings.addNamed('Unknown course types, kept as they are', type);
  return type;
}

function cachedMetrics(row: Row, warnings: Warnings): Record<string, number | null> {
  return Object.fromEntries(
    metricColumns.map(([column, metric]) => {
      const number = signedMetrics.has(metric) ? wholeNumber : count;
      return [metric, number(row[column], warnings)];
    }),
  );
}

/** Links whose course is gone are never asked for; this only counts them. */
async function countDanglingLinks({ database, warnings }: CoursesContext): Promise<void> {
  for (const table of ['campaigns_courses', 'courses_wikis', 'tags', 'course_stats'] as const) {
    const [row] = await database.rows(
      ['dangling'],
      `select count(*) as dangling from ${table} l left join courses c on c.id = l.course_id
       where c.id is null`,
    );
    warnings.add(`Rows of ${table} whose course is missing, left out`, Number(row?.dangling ?? 0));
  }
}
