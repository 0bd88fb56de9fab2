import { courseHeadFields } from '../../csv/course-columns.ts';
import { csvRecords } from '../../csv/records.ts';
import type { Queryable } from '../connect.ts';
import { identifiers } from '../fragments.ts';

export interface CampaignChanges {
  /** Campaigns that are new or that changed. */
  readonly written: number;
  /** Campaigns known before that changed or went: answers about the past change with them. */
  readonly revised: number;
}

/**
 * Brings the campaigns up to date, in the stored CSV lines of their courses too. New ones are
 * known from `snapshotId` on, the snapshot to come. Those that were not staged are gone: a
 * store belongs to one kind of source, so one that tells no campaigns has none here.
 */
export async function writeCampaigns(sql: Queryable, snapshotId: number): Promise<CampaignChanges> {
  const revised = await sql<{ campaignId: number; before: string; after: string }[]>`
    select c.campaign_id as "campaignId", c.slug as before, s.slug as after
    from campaigns c join staged_campaigns s using (campaign_id)
    where c.is_gone or (${details(sql, 'c')}) is distinct from (${details(sql, 's')})`;
  const written = await sql`
    insert into campaigns (campaign_id, slug, title, description, start_at, end_at, created_at,
      first_snapshot_id)
    select campaign_id, ${details(sql, 's')}, ${snapshotId} from staged_campaigns s
    on conflict (campaign_id) do update set
      slug = excluded.slug, title = excluded.title, description = excluded.description,
      start_at = excluded.start_at, end_at = excluded.end_at, created_at = excluded.created_at,
      is_gone = false
    where campaigns.is_gone
      or (${details(sql, 'campaigns')}) is distinct from (${details(sql, 'excluded')})`;
  const gone = await sql`
    update campaigns c set is_gone = true
    where not is_gone
      and not exists (select from staged_campaigns s where s.campaign_id = c.campaign_id)`;
  const renamed = revised.filter((row) => row.before !== row.after);
  if (renamed.length > 0) {
    const ids = renamed.map((row) => row.campaignId);
    await rewriteCsvHeads(sql, 'course_versions', ids);
    await rewriteCsvHeads(sql, 'withdrawn_course_versions', ids);
    await sql`
      insert into campaign_slug_changes (slug, snapshot_id)
      select distinct slug, ${snapshotId}::bigint
      from unnest(${renamed.flatMap((row) => [row.before, row.after])}::text[]) slug
      on conflict do nothing`;
  }
  return { written: written.count, revised: revised.length + gone.count };
}

/**
 * Erases the campaigns that are gone and that no version has now, be it public or in its grace;
 * after the versions are written.
 */
export async function eraseGoneCampaigns(sql: Queryable): Promise<void> {
  await sql`
    delete from campaigns c
    where is_gone
      and not exists (
        select from course_versions v where v.campaign_ids @> array[c.campaign_id])
      and not exists (
        select from withdrawn_course_versions v where c.campaign_id = any(v.campaign_ids))`;
  // A campaign that takes such a slug later has no course in an earlier snapshot.
  await sql`
    delete from campaign_slug_changes s
    where not exists (select from campaigns c where c.slug = s.slug)`;
}

/** What is said of a campaign, under a table's alias. */
function details(sql: Queryable, alias: string) {
  return identifiers(
    sql,
    ['slug', 'title', 'description', 'start_at', 'end_at', 'created_at'].map(
      (column) => `${alias}.${column}`,
    ),
  );
}

interface HeadRow {
  readonly courseId: number;
  readonly validFrom: number;
  readonly slug: string | null;
  readonly title: string | null;
  readonly institution: string | null;
  readonly term: string | null;
  readonly type: string | null;
  readonly homeWiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly string[];
  readonly start: string | null;
  readonly end: string | null;
  readonly createdAt: string | null;
}

/** RFC 3339 UTC, whole seconds; null stays null. */
function timestampText(sql: Queryable, column: string) {
  return sql`to_char(${sql(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
}

/** The slugs a course shows for its campaigns: sorted, and one where campaigns share it. */
export function campaignSlugs(slugs: Iterable<string>): string[] {
  return [...new Set(slugs)].sort();
}

const rowsAtOnce = 1000;

async function rewriteCsvHeads(
  sql: Queryable,
  table: 'course_versions' | 'withdrawn_course_versions',
  campaignIds: readonly number[],
): Promise<void> {
  let last: Pick<HeadRow, 'courseId' | 'validFrom'> = { courseId: 0, validFrom: 0 };
  for (;;) {
    const batch: readonly HeadRow[] = await sql<HeadRow[]>`
      select course_id as "courseId", valid_from as "validFrom", v.slug, v.title, institution,
        term, type, home_wiki as "homeWiki", wikis,
        array(select c.slug from campaigns c
          where c.campaign_id = any(v.campaign_ids)) as campaigns,
        ${timestampText(sql, 'v.start_at')} as start, ${timestampText(sql, 'v.end_at')} as end,
        ${timestampText(sql, 'v.created_at')} as "createdAt"
      from ${sql(table)} v
      where campaign_ids && ${campaignIds}::bigint[]
        and (course_id, valid_from) > (${last.courseId}, ${last.validFrom})
      order by course_id, valid_from limit ${rowsAtOnce}`;
    const end = batch.at(-1);
    if (end === undefined) return;
    last = end;
    const heads = csvRecords(
      batch.map((row) => courseHeadFields({ ...row, campaigns: campaignSlugs(row.campaigns) })),
    );
    await sql`
      update ${sql(table)} v set csv_head = new.head
      from unnest(
        ${batch.map((row) => row.courseId)}::bigint[],
        ${batch.map((row) => row.validFrom)}::bigint[],
        ${heads}::text[]
      ) as new (course_id, valid_from, head)
      where v.course_id = new.course_id and v.valid_from = new.valid_from`;
  }
}
