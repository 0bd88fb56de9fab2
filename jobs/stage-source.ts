import { createHmac } from 'node:crypto';
import { courseHeadFields, courseUrlPath } from '../csv/course-columns.ts';
import { csvRecords } from '../csv/records.ts';
import type { Queryable } from '../db/connect.ts';
import type { Row } from '../db/copy-rows.ts';
import { courseSearchText } from '../db/queries/search-text.ts';
import {
  createStaging,
  finishStaging,
  stageRows,
  type StagedCourse,
  type StagingTable,
} from '../db/queries/staging.ts';
import { campaignSlugs } from '../db/queries/write-campaigns.ts';
import type { SourceCourse, SourceEnrollment, SourceReading } from '../sources/source.ts';

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
    batches: AsyncIterable<readonly T[]>,
    rows: (batch: readonly T[]) => readonly Row[],
  ) => stageRows(sql, table, staged(batches, rows, options.signal));

  await createStaging(sql);
  const slugs = new Map<number, string>();
  await stage('staged_campaigns', reading.campaigns(), (batch) =>
    batch.map((campaign) => {
      slugs.set(campaign.campaignId, campaign.slug);
      return {
        campaign_id: campaign.campaignId,
        slug: campaign.slug,
        title: campaign.title,
        description: campaign.description,
        start_at: campaign.start,
        end_at: campaign.end,
        created_at: campaign.createdAt,
      };
    }),
  );
  await stage('staged_courses', reading.courses(), (batch) => courseRows(batch, slugs));
  await stage('staged_hidden', reading.hiddenCourseIds(), (batch) =>
    batch.map((courseId) => ({ course_id: courseId })),
  );
  await stage('staged_enrollments', reading.enrollments(), (batch) =>
    batch.map((enrollment) => enrollmentRow(enrollment, options.personKeySecret)),
  );
  await stage('staged_activity', reading.activity(), (batch) =>
    batch.map((slice) => ({
      course_id: slice.courseId,
      wiki: slice.wiki,
      month: `${slice.month}-01`,
      edits: slice.edits,
      bytes_added: slice.bytesAdded,
      references_added: slice.referencesAdded,
    })),
  );
  await finishStaging(sql);
}

async function* staged<T>(
  batches: AsyncIterable<readonly T[]>,
  rows: (batch: readonly T[]) => readonly Row[],
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  for await (const batch of batches) {
    signal.throwIfAborted();
    yield rows(batch);
  }
}

function courseRows(
  courses: readonly SourceCourse[],
  slugs: ReadonlyMap<number, string>,
): StagedCourse[] {
  const heads = csvRecords(
    courses.map((course) =>
      courseHeadFields({
        ...course,
        campaigns: campaignSlugs(course.campaignIds.map((id) => slugOf(slugs, id))),
      }),
    ),
  );
  return courses.map((course, index) => ({
    course_id: course.courseId,
    slug: course.slug,
    title: course.title,
    institution: course.institution,
    term: course.term,
    type: course.type,
    home_wiki: course.homeWiki,
    wikis: course.wikis,
    campaign_ids: course.campaignIds,
    start_at: course.start,
    end_at: course.end,
    created_at: course.createdAt,
    new_or_returning: course.newOrReturning,
    ...course.metrics,
    csv_head: heads[index],
    url_path: courseUrlPath(course.slug),
    search_text: courseSearchText(course.title, course.institution),
    marker: course.marker,
    keeps: course.keeps,
  }));
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

function enrollmentRow(enrollment: SourceEnrollment, secret: Buffer) {
  return {
    course_id: enrollment.courseId,
    person_key: personKey(enrollment.userId, secret),
    role: enrollment.role,
    new_editor: enrollment.newEditor,
    new_editor_60d: enrollment.newEditor60d,
  };
}
