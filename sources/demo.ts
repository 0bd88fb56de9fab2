/**
 * An invented Dashboard, for whoever has none at hand: plausible courses of no real
 * organisation. What it holds at a moment depends on the seed and that moment only, so
 * that publishing it again and again gives a history.
 */
import { inventCampaigns } from './demo-campaigns.ts';
import { inventCourses, type InventedCourse } from './demo-courses.ts';
import { randomNumbers } from './demo-random.ts';
import { wikis } from './demo-vocabulary.ts';
import { day, hour, iso, wholeSeconds } from './demo-time.ts';
import {
  editorRole,
  type Source,
  type SourceActivity,
  type SourceCampaign,
  type SourceCourse,
  type SourceEnrollment,
} from './source.ts';

const batchSize = 1000;
/** Longer than this a course is not meant to end, and grows ever more slowly. */
const openEnded = 3650 * day;
/** Views of an ended course are counted anew this often, this many times. */
const viewsInterval = 30 * day;
const viewsUpdates = 12;

/**
 * @param options.seed another seed, another Dashboard.
 * @param options.courses about how many courses there are by the end of 2026.
 */
export function demoSource(options: { seed?: number; courses?: number } = {}): Source {
  const { seed = 1, courses = 2500 } = options;
  const inventUntil = (lastYear: number) => {
    const campaigns = inventCampaigns(lastYear);
    return { lastYear, campaigns, courses: inventCourses({ seed, courses, lastYear }, campaigns) };
  };
  // Inventing takes longer than reading, and a history reads the same year again and again.
  let invented: ReturnType<typeof inventUntil> | undefined;
  return {
    kind: 'demo',
    async open({ signal, now }) {
      signal.throwIfAborted();
      const time = wholeSeconds(now.getTime());
      const lastYear = now.getUTCFullYear();
      if (invented?.lastYear !== lastYear) invented = inventUntil(lastYear);
      const created = invented.courses.filter((course) => course.created <= time);
      const present = created.filter((course) => course.removedAt > time);
      const hidden = created.filter((course) => course.removedAt <= time && course.turnsPrivate);
      const campaigns = invented.campaigns.filter(
        ({ createdAt }) => (createdAt ?? '') <= iso(time),
      );
      return {
        readAt: new Date(time),
        countsPeople: true,
        campaigns: () =>
          batches(campaigns, ({ theme: _, ...campaign }): SourceCampaign[] => [campaign], signal),
        wikis: () => batches(wikis, ([domain]) => [domain], signal),
        courses: () => batches(present, (course) => [courseAt(course, time)], signal),
        hiddenCourseIds: () => batches(hidden, ({ courseId }) => [courseId], signal),
        enrollments: () => batches(present, (course) => enrollmentsAt(course, time), signal),
        activity: () => batches(present, (course) => activityAt(course, time), signal),
        warnings: () => new Map(),
        close: async () => {},
      };
    },
  };
}

/**
 * When a new installation publishes the demonstration to begin with a history: 20 weekly
 * moments, then 10 daily ones, ascending, each at 04:00 UTC and before `now`.
 */
export function demoPublicationTimes(now: Date): Date[] {
  const last = Math.floor((now.getTime() - 1 - 4 * hour) / day) * day + 4 * hour;
  const daysAgo = [
    ...Array.from({ length: 20 }, (_, week) => 9 + 7 * (20 - week)),
    ...Array.from({ length: 10 }, (_, index) => 9 - index),
  ];
  return daysAgo.map((days) => new Date(last - days * day));
}

async function* batches<From, To>(
  items: readonly From[],
  rowsOf: (item: From) => readonly To[],
  signal: AbortSignal,
): AsyncGenerator<To[]> {
  let batch: To[] = [];
  for (const item of items) {
    for (const row of rowsOf(item)) {
      batch.push(row);
      if (batch.length < batchSize) continue;
      signal.throwIfAborted();
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

const isoOrNull = (time: number | null) => (time === null ? null : iso(time));

function courseAt(course: InventedCourse, time: number): SourceCourse {
  const { institution, term } = course;
  const title = time < course.renamedAt ? `${course.title} (draft)` : course.title;
  const name = term === null ? `${institution}/${title}` : `${institution}/${title}_(${term})`;
  return {
    courseId: course.courseId,
    slug: name.replaceAll(' ', '_'),
    title,
    institution,
    term,
    type: course.type,
    homeWiki: course.homeWiki,
    wikis: course.wikis,
    campaignIds: course.campaignIds,
    start: isoOrNull(course.start),
    end: isoOrNull(course.end),
    createdAt: iso(course.created),
    newOrReturning: course.newOrReturning,
    metrics: valuesAt(course, time),
  };
}

function valuesAt(course: InventedCourse, time: number): Record<string, number | null> {
  const { results, updated } = course;
  const editors = enrolledAt(course, time).filter(({ role }) => role === editorRole);
  const collected = updated === 'never' ? null : progressAt(course, time);
  const sliced = hasTimeSlices(course, time) ? collected : null;
  const values: Record<string, number | null> = {
    edits: part(results.edits, collected),
    bytes_added: part(results.bytesAdded, collected),
    references_added: part(results.referencesAdded, collected),
    articles_edited: part(results.articlesEdited, collected),
    articles_created: part(results.articlesCreated, collected),
    article_views: part(results.articleViews * viewsFactorAt(course, time), collected),
    uploads: part(results.uploads, collected),
    uploads_in_use: part(results.uploadsInUse, collected),
    upload_usages: part(results.uploadUsages, collected),
    enrollments: editors.length + (course.countsOneMore ? 1 : 0),
    trained_enrollments: editors.filter(({ trained }) => trained).length,
    new_editor_enrollments: editors.filter(({ newEditor }) => newEditor).length,
    mainspace_edits: part(results.mainspaceEdits, sliced),
    article_talk_edits: part(results.articleTalkEdits, sliced),
    userspace_edits: part(results.userspaceEdits, sliced),
  };
  for (const [name, result] of Object.entries(course.wikidata)) {
    values[name] = part(result, collected);
  }
  return values;
}

function hasTimeSlices({ updated, start }: InventedCourse, time: number): boolean {
  return updated === 'fully' && start !== null && start <= time;
}

/** How far along a course is, from 0 to 1; never less at a later time. */
function progressAt({ start, end }: InventedCourse, time: number): number {
  if (start === null || end === null || time < start) return 0;
  if (time >= end) return 1;
  return end - start > openEnded
    ? 1 - Math.exp((start - time) / (730 * day))
    : 1 - (1 - (time - start) / (end - start)) ** 1.5;
}

/** Of a result, what there is at a progress; null where no progress is known. */
function part(result: number, progress: number | null): number | null {
  return progress === null ? null : whole(result * progress);
}

/** Towards zero, and never to the negative zero. */
function whole(value: number): number {
  return Math.trunc(value) + 0;
}

/** Views are an estimate, made anew now and then after the end: it grows, and at times falls. */
function viewsFactorAt({ courseId, end }: InventedCourse, time: number): number {
  const sinceEnd = end === null ? 0 : Math.max(0, time - end);
  const update = Math.min(viewsUpdates, Math.floor(sinceEnd / viewsInterval));
  if (update === 0) return 1;
  return (1 + 0.06 * update) * (0.94 + 0.12 * randomNumbers(courseId, update)());
}

function enrolledAt({ participations }: InventedCourse, time: number) {
  return participations.filter(({ since }) => since <= time);
}

function enrollmentsAt(course: InventedCourse, time: number): SourceEnrollment[] {
  return enrolledAt(course, time).map(({ userId, role, newEditor, newEditor60d }) => ({
    courseId: course.courseId,
    userId,
    role,
    newEditor,
    newEditor60d,
  }));
}

/** Adds up to the course's edits, bytes and references: the home wiki has what is left. */
function activityAt(course: InventedCourse, time: number): SourceActivity[] {
  const { courseId, start, end, results } = course;
  if (!hasTimeSlices(course, time) || start === null || end === null) return [];
  const main = course.homeWiki ?? course.wikis[0];
  if (main === undefined) return [];
  const others = course.wikis.filter((wiki) => wiki !== main);
  const totals = [results.edits, results.bytesAdded, results.referencesAdded];
  const activity: SourceActivity[] = [];
  let before = totals.map(() => 0);
  const year = new Date(start).getUTCFullYear();
  for (
    let month = new Date(start).getUTCMonth();
    Date.UTC(year, month) <= Math.min(time, end);
    month += 1
  ) {
    const progress = progressAt(course, Math.min(time, Date.UTC(year, month + 1)));
    const after = totals.map((total) => whole(total * progress));
    let left = after.map((total, index) => total - (before[index] ?? 0));
    before = after;
    for (const wiki of [...others, main]) {
      const share = wiki === main ? left : left.map((value) => whole(value / 10));
      left = left.map((value, index) => value - (share[index] ?? 0));
      if (share.every((value) => value === 0)) continue;
      const [edits = 0, bytesAdded = 0, referencesAdded = 0] = share;
      const name = iso(Date.UTC(year, month)).slice(0, 7);
      activity.push({ courseId, wiki, month: name, edits, bytesAdded, referencesAdded });
    }
  }
  return activity;
}
