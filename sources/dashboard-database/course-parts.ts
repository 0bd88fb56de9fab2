import { newOrReturningValues, type NewOrReturning } from '../source.ts';
import { count, key, negativeNumber, text, type Cell } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import { wikidataValues } from './course-stats.ts';
import type { Warnings } from './warnings.ts';
import type { WikiDomains } from './wikis.ts';

/**
 * The parts of some courses that other tables hold, by course id; what has none is absent.
 * `ids` are those of public courses only, so nothing of another course is ever asked for.
 */
type ByCourse<Part> = ReadonlyMap<number, Part>;

export async function readTags(
  database: DashboardConnection,
  ids: readonly number[],
): Promise<ByCourse<NewOrReturning>> {
  const [firstTime, returning] = newOrReturningValues;
  const rows = await database.rows(
    ['course_id', 'first_time'],
    `select course_id, max(tag = '${firstTime}') as first_time from tags
     where course_id in (${list(ids)}) and tag in ('${firstTime}', '${returning}')
     group by course_id`,
  );
  return new Map(
    rows.map((row) => [key(row.course_id), Number(row.first_time) === 1 ? firstTime : returning]),
  );
}

/** Ascending. Links to a campaign that is not known are left out. */
export async function readCampaignLinks(
  database: DashboardConnection,
  ids: readonly number[],
  known: ReadonlySet<number>,
  warnings: Warnings,
): Promise<ByCourse<number[]>> {
  const rows = await database.rows(
    ['course_id', 'campaign_id'],
    `select course_id, campaign_id from campaigns_courses
     where course_id in (${list(ids)}) order by course_id, campaign_id`,
  );
  const links = new Map<number, number[]>();
  for (const row of rows) {
    const campaignId = key(row.campaign_id);
    if (known.has(campaignId)) added(links, key(row.course_id)).push(campaignId);
    else warnings.add('Links to campaigns that are missing or left out');
  }
  return links;
}

/** Domains, sorted, each once. */
export async function readTrackedWikis(
  database: DashboardConnection,
  ids: readonly number[],
  domains: WikiDomains,
  warnings: Warnings,
): Promise<ByCourse<string[]>> {
  const rows = await database.rows(
    ['course_id', 'wiki_id'],
    `select course_id, wiki_id from courses_wikis where course_id in (${list(ids)})`,
  );
  const tracked = new Map<number, string[]>();
  for (const row of rows) {
    const domain = domains.get(key(row.wiki_id));
    if (domain === undefined) warnings.add('Links to wikis that are missing');
    else if (domain === null) warnings.add('Tracked wikis of no known domain, left out');
    else added(tracked, key(row.course_id)).push(domain);
  }
  for (const [courseId, wikis] of tracked) tracked.set(courseId, [...new Set(wikis)].sort());
  return tracked;
}

/** The Wikidata metrics. Of several rows for a course the Dashboard reads the first; so do we. */
export async function readWikidata(
  database: DashboardConnection,
  ids: readonly number[],
  warnings: Warnings,
): Promise<ByCourse<Readonly<Record<string, number | null>>>> {
  const rows = await database.rows(
    ['course_id', 'stats_hash'],
    `select course_id, stats_hash from course_stats
     where course_id in (${list(ids)}) order by course_id, id`,
  );
  const values = new Map<number, Record<string, number | null>>();
  for (const row of rows) {
    const courseId = key(row.course_id);
    if (values.has(courseId)) {
      warnings.add('Courses with several rows in course_stats, of which the first was read');
    } else {
      const yaml = text(row.stats_hash, warnings);
      values.set(courseId, yaml === null ? {} : wikidataValues(yaml, warnings));
    }
  }
  return values;
}

/**
 * Editors registered between the start and the end of the course, both included; a
 * registration date that does not exist is no registration.
 */
export async function readNewEditors(
  database: DashboardConnection,
  ids: readonly number[],
): Promise<ByCourse<number>> {
  const rows = await database.rows(
    ['course_id', 'new_editors'],
    `select e.course_id, count(*) as new_editors
     from courses_users e
     join courses c on c.id = e.course_id
     join users u on u.id = e.user_id
     where e.course_id in (${list(ids)}) and e.role = 0
       and u.registered_at between c.start and c.end
       and u.registered_at + interval 0 second is not null
     group by e.course_id`,
  );
  return new Map(rows.map((row) => [key(row.course_id), Number(row.new_editors)]));
}

export interface NamespaceEdits {
  readonly mainspace_edits: number | null;
  readonly article_talk_edits: number | null;
  readonly userspace_edits: number | null;
}

/** Edits of tracked pages by namespace, of the courses that have slices of such pages. */
export async function readNamespaceEdits(
  database: DashboardConnection,
  ids: readonly number[],
  warnings: Warnings,
): Promise<ByCourse<NamespaceEdits>> {
  const rows = await database.rows(
    ['course_id', 'main', 'talk', 'user', 'negative', 'dangling'],
    `select s.course_id,
       coalesce(sum(greatest(s.revision_count, 0) * (a.namespace = 0)), 0) as main,
       coalesce(sum(greatest(s.revision_count, 0) * (a.namespace = 1)), 0) as talk,
       coalesce(sum(greatest(s.revision_count, 0) * (a.namespace = 2)), 0) as user,
       coalesce(sum(s.revision_count < 0), 0) as negative,
       count(*) - count(a.id) as dangling
     from article_course_timeslices s
     left join articles a on a.id = s.article_id
     where s.course_id in (${list(ids)}) and s.tracked = 1
     group by s.course_id order by null`,
  );
  const edits = new Map<number, NamespaceEdits>();
  for (const row of rows) {
    edits.set(key(row.course_id), {
      mainspace_edits: count(row.main, warnings),
      article_talk_edits: count(row.talk, warnings),
      userspace_edits: count(row.user, warnings),
    });
    warnings.add(negativeNumber, Number(row.negative));
    warnings.add('Time slices of articles that are missing, left out', Number(row.dangling));
  }
  return edits;
}

export interface ArticleSlices {
  readonly slices: Cell;
  /** When they were last and first touched. */
  readonly latest: Cell;
  readonly earliest: Cell;
}

/** How many slices of articles there are and when they were touched, from an index alone. */
export async function readArticleSlices(
  database: DashboardConnection,
  ids: readonly number[],
): Promise<ByCourse<ArticleSlices>> {
  const rows = await database.rows(
    ['course_id', 'slices', 'latest', 'earliest'],
    `select course_id, count(*) as slices, max(updated_at) as latest,
       min(updated_at) as earliest
     from article_course_timeslices where course_id in (${list(ids)}) group by course_id`,
  );
  return new Map(rows.map(({ course_id: courseId, ...slices }) => [key(courseId), slices]));
}

export interface WikiSlices {
  /** Null for a wiki that is missing, or of no known domain. */
  readonly domain: string | null;
  readonly slices: number;
  /** The greatest id. */
  readonly newest: Cell;
}

/** The slices of each wiki that a course has slices of, from an index alone. */
export async function readWikiSlices(
  database: DashboardConnection,
  ids: readonly number[],
  domains: WikiDomains,
): Promise<ByCourse<WikiSlices[]>> {
  const rows = await database.rows(
    ['course_id', 'wiki_id', 'slices', 'newest'],
    `select course_id, wiki_id, count(*) as slices, max(id) as newest
     from course_wiki_timeslices where course_id in (${list(ids)})
     group by course_id, wiki_id order by course_id, wiki_id`,
  );
  const slices = new Map<number, WikiSlices[]>();
  for (const row of rows) {
    added(slices, key(row.course_id)).push({
      domain: domains.get(key(row.wiki_id)) ?? null,
      slices: Number(row.slices),
      newest: row.newest,
    });
  }
  return slices;
}

/** Ids as SQL; 0, which no row has, stands for none. */
export function list(ids: readonly number[]): string {
  return ids.length === 0 ? '0' : ids.join(', ');
}

function added<Part>(parts: Map<number, Part[]>, courseId: number): Part[] {
  const part = parts.get(courseId) ?? [];
  parts.set(courseId, part);
  return part;
}
