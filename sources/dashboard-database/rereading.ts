import { createHash } from 'node:crypto';
import type { Marker } from '../source.ts';
import type { Cell } from './cells.ts';
import type { ArticleSlices, WikiSlices } from './course-parts.ts';

/**
 * # Which courses' time slices are read again
 *
 * Edits by namespace and the activity by month come from the two tables of time slices,
 * by far the largest of the Dashboard. They are read again only for a course
 *
 * 1. that has no marker from an earlier reading: it is new, returned, or was changed so
 *    shortly before that reading that a second change could hide in the same second;
 * 2. whose marker differs. A marker is a digest of what moves when slices do, all of it
 *    answered by `courses` or from an index:
 *    - `courses.updated_at`, the course's dates and its cached metrics, which the Dashboard
 *      computes from the slices;
 *    - the domains of its tracked wikis, as activity is kept for tracked wikis only;
 *    - the number of its rows in `article_course_timeslices`, and the latest and the earliest
 *      `updated_at` of them;
 *    - of each wiki in `course_wiki_timeslices` its domain, the number of the course's rows and
 *      the greatest id of them;
 * 3. whose turn it is: those that were read the longest ago, a fourteenth of all for each day
 *    (UTC) since any was read, so that none is older than `rollingDays` days, whatever the
 *    schedule. That finds what leaves no trace in the above, such as a page moved to another
 *    namespace. After a long pause it is `greatestShare` of all at once, and the rest in the
 *    days after.
 *
 * Everything else is read whole each time.
 */
const rollingDays = 14;
const greatestShare = 1 / 2;

/** Raised when what a marker is made of changes, so that every course is read once more. */
const markerVersion = 2;

/** Seconds that the Dashboard's clock may be ahead of or behind its database's. */
const settlingSeconds = 10;

const millisecondsPerDay = 86_400_000;

export interface Traces {
  /** Of the course's own row: times, dates, cached metrics. */
  readonly course: readonly Cell[];
  readonly wikis: readonly string[];
  readonly articleSlices: ArticleSlices | undefined;
  readonly wikiSlices: readonly WikiSlices[];
}

export function markerOf(traces: Traces): string {
  const whole = JSON.stringify([
    markerVersion,
    traces.course,
    traces.wikis,
    traces.articleSlices ?? null,
    traces.wikiSlices,
  ]);
  return createHash('sha256').update(whole).digest('base64url').slice(0, 22);
}

/**
 * Whether something was last changed long enough before a reading for any further change
 * to leave a later time. Times as MariaDB writes them.
 */
export function isSettled(times: readonly Cell[], readAt: string): boolean {
  const limit = Date.parse(`${readAt.replace(' ', 'T')}Z`) - settlingSeconds * 1000;
  const settled = new Date(limit).toISOString().slice(0, 19).replace('T', ' ');
  return times.every((time) => time === null || String(time) < settled);
}

/** The courses that are to be read whatever their markers say. */
export function turnsOf(markers: ReadonlyMap<number, Marker>, now: Date): ReadonlySet<number> {
  const today = Math.floor(now.getTime() / millisecondsPerDay);
  const ages = Array.from(markers, ([courseId, { readOn }]) => {
    const days = today - Date.parse(readOn) / millisecondsPerDay;
    // A day that is still to come was written by a clock that was wrong.
    return { courseId, days: days < 0 ? Infinity : days };
  });
  const sinceAny = ages.reduce((least, { days }) => Math.min(least, days), Infinity);
  const share = Math.min(sinceAny / rollingDays, greatestShare);
  const turns = ages
    .sort((a, b) => (a.days === b.days ? a.courseId - b.courseId : b.days > a.days ? 1 : -1))
    .slice(0, Math.ceil(ages.length * share));
  return new Set(turns.map(({ courseId }) => courseId));
}
