import { createHash } from 'node:crypto';
import type { Cell } from './cells.ts';

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
 *    - the latest and the earliest `updated_at` in `article_course_timeslices`;
 *    - the number and the greatest id of its rows in `course_wiki_timeslices`;
 * 3. whose turn it is: every course is read once in `rollingDays` days whatever its
 *    marker says. That finds what leaves no trace in the above, such as a page moved to
 *    another namespace. The turn depends on the course's id and the day (UTC) alone: a day
 *    without a reading passes over its courses until their next turn.
 *
 * Everything else is read whole each time.
 */
const rollingDays = 14;

/** Raised when what a marker is made of changes, so that every course is read once more. */
const markerVersion = 1;

/** Seconds that the Dashboard's clock may be ahead of or behind its database's. */
const settlingSeconds = 10;

const secondsPerDay = 86_400;

export interface Traces {
  /** Of the course's own row: times, dates, cached metrics. */
  readonly course: readonly Cell[];
  readonly wikis: readonly string[];
  readonly articleSlices: readonly Cell[];
  readonly wikiSlices: readonly Cell[];
}

export function markerOf(traces: Traces): string {
  const whole = JSON.stringify([
    markerVersion,
    traces.course,
    traces.wikis,
    traces.articleSlices,
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

export function isItsTurn(courseId: number, now: Date): boolean {
  const day = Math.floor(now.getTime() / 1000 / secondsPerDay);
  return (courseId + day) % rollingDays === 0;
}
