import { createHmac } from 'node:crypto';
import { courseHeadFields, courseUrlPath, type CourseHead } from '../csv/course-columns.ts';
import { csvRecords } from '../csv/records.ts';
import type { Queryable } from '../db/connect.ts';
import type { Field, RowBatch } from '../db/copy-rows.ts';
import { courseSearchText } from '../db/queries/search-text.ts';
import {
  createStaging,
  finishStaging,
  stageRows,
  type StagingTable,
} from '../db/queries/staging.ts';
import { campaignSlugs } from '../db/queries/write-campaigns.ts';
import type {
  SourceActivity,
  SourceCampaign,
  SourceCourse,
  SourceEnrollment,
  SourceReading,
} from '../sources/source.ts';

export interface StageOptions {
  /** Keys the hash that stands for a person. */
  readonly personKeySecret: Buffer;
  readonly signal: AbortSignal;
}

/** Reads a source to its end into this session's staging tables; the store is untouched. */
export async function stageSource(
  sql: Queryable,
  reading: SourceReading,
  options: StageOptions,
): Promise<void> {
  const stage = <T>(
    table: StagingTable,
    batches: Batches<T>,
    toRows: (batch: readonly T[]) => RowBatch,
  ) => stageRows(sql, table, converted(batches, toRows, options.signal));

  await createStaging(sql);
  const slugs = new Map<number, string>();
  await stage('staged_campaigns', reading.campaigns(), (batch) => campaignRows(batch, slugs));
  await stage('staged_wikis', reading.wikis?.() ?? [], (batch) => ({
    columns: ['wiki'],
    rows: batch.map((wiki) => [wiki]),
  }));
  const kept = new Set<string>();
  await stage('staged_courses', reading.courses(), (batch) => {
    for (const { keeps = [] } of batch) for (const name of keeps) kept.add(name);
    return courseRows(batch, slugs);
  });
  await stage('staged_hidden', reading.hiddenCourseIds(), (batch) => ({
    columns: ['course_id'],
    rows: batch.map((courseId) => [courseId]),
  }));
  await stage('staged_enrollments', reading.enrollments(), (batch) =>
    enrollmentRows(batch, options.personKeySecret),
  );
  await stage('staged_activity', reading.activity(), activityRows);
  await finishStaging(sql, kept);
}

/** Sources give more at once; of their rows in every form, so many are in memory. */
const rowsAtOnce = 100;

type Batches<T> = AsyncIterable<readonly T[]> | Iterable<readonly T[]>;

async function* converted<T>(
  batches: Batches<T>,
  toRows: (batch: readonly T[]) => RowBatch,
  signal: AbortSignal,
): AsyncGenerator<RowBatch> {
  for await (const batch of batches) {
    signal.throwIfAborted();
    for (let first = 0; first < batch.length; first += rowsAtOnce) {
      yield toRows(batch.slice(first, first + rowsAtOnce));
    }
  }
}

/** Remembers the slugs, which the courses' rows hold. */
function campaignRows(campaigns: readonly SourceCampaign[], slugs: Map<number, string>): RowBatch {
  for (const { campaignId, slug } of campaigns) slugs.set(campaignId, slug);
  return {
    columns: ['campaign_id', 'slug', 'title', 'description', 'start_at', 'end_at', 'created_at'],
    rows: campaigns.map((campaign) => [
      campaign.campaignId,
      campaign.slug,
      campaign.title,
      campaign.description,
      campaign.start,
      campaign.end,
      campaign.createdAt,
    ]),
  };
}

/** Before the metrics; `courseRows` gives them in this order. */
const courseColumns = [
  'course_id',
  'slug',
  'title',
  'institution',
  'term',
  'type',
  'home_wiki',
  'wikis',
  'campaign_ids',
  'start_at',
  'end_at',
  'created_at',
  'new_or_returning',
  'csv_head',
  'url_path',
  'search_text',
  'marker',
  'keeps',
] as const;

function courseRows(
  courses: readonly SourceCourse[],
  slugs: ReadonlyMap<number, string>,
): RowBatch {
  const heads = csvRecords(courses.map((course) => courseHeadFields(headOf(course, slugs))));
  const metricNames = new Set<string>();
  for (const { metrics } of courses) for (const name in metrics) metricNames.add(name);
  const names = [...metricNames];
  return {
    columns: [...courseColumns, ...names],
    rows: courses.map((course, index) => {
      const row: Field[] = [
        course.courseId,
        course.slug,
        course.title,
        course.institution,
        course.term,
        course.type,
        course.homeWiki,
        course.wikis,
        course.campaignIds,
        course.start,
        course.end,
        course.createdAt,
        course.newOrReturning,
        heads[index],
        courseUrlPath(course.slug),
        courseSearchText(course.title, course.institution),
        course.marker,
        course.keeps,
      ];
      for (const name of names) row.push(course.metrics[name]);
      return row;
    }),
  };
}

function headOf(course: SourceCourse, slugs: ReadonlyMap<number, string>): CourseHead {
  return {
    courseId: course.courseId,
    slug: course.slug,
    title: course.title,
    institution: course.institution,
    term: course.term,
    type: course.type,
    homeWiki: course.homeWiki,
    wikis: course.wikis,
    campaigns: campaignSlugs(course.campaignIds.map((id) => slugOf(slugs, id))),
    start: course.start,
    end: course.end,
    createdAt: course.createdAt,
  };
}

function slugOf(slugs: ReadonlyMap<number, string>, campaignId: number): string {
  const slug = slugs.get(campaignId);
  if (slug === undefined) throw new Error(`campaign ${String(campaignId)} was not yielded`);
  return slug;
}

/** 128 bits of an HMAC-SHA-256 of the user's id, written as a UUID. */
function personKey(userId: number, secret: Buffer): string {
  return createHmac('sha256', secret).update(String(userId)).digest('hex').slice(0, 32);
}

function enrollmentRows(enrollments: readonly SourceEnrollment[], secret: Buffer): RowBatch {
  return {
    columns: ['course_id', 'person_key', 'role', 'new_editor', 'new_editor_60d'],
    rows: enrollments.map((enrollment) => [
      enrollment.courseId,
      personKey(enrollment.userId, secret),
      enrollment.role,
      enrollment.newEditor,
      enrollment.newEditor60d,
    ]),
  };
}

function activityRows(slices: readonly SourceActivity[]): RowBatch {
  return {
    columns: ['course_id', 'wiki', 'month', 'edits', 'bytes_added', 'references_added'],
    rows: slices.map((slice) => [
      slice.courseId,
      slice.wiki,
      `${slice.month}-01`,
      slice.edits,
      slice.bytesAdded,
      slice.referencesAdded,
    ]),
  };
}
