import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';

export interface StoreRow {
  /** The kind of source that the store belongs to; null before the first publication. */
  readonly sourceKind: string | null;
  readonly revision: number;
  /** When that, or the form of answers, last changed. */
  readonly revisedAt: Date | null;
}

export async function readStore(sql: Queryable): Promise<StoreRow> {
  const [row] = await sql<[StoreRow]>`
    select source_kind as "sourceKind", revision, revised_at as "revisedAt" from store`;
  return row;
}

export async function claimStore(sql: Queryable, sourceKind: string): Promise<void> {
  await sql`update store set source_kind = ${sourceKind} where source_kind is null`;
}

/**
 * Says that answers computed from rows of past snapshots, or from the history, are not what
 * they were.
 */
export async function raiseRevision(sql: Queryable, now: Date): Promise<void> {
  await sql`update store set revision = revision + 1, revised_at = ${nextRevisedAt(sql, now)}`;
}

/**
 * Says in which form answers are written: by which release, with which settings. Where it is not
 * the one that they had, those that are dated before are not what would be sent now.
 */
export async function noteForm(sql: Queryable, form: string, now: Date): Promise<void> {
  await sql`
    update store set form = ${form},
      revised_at = case when form is null then revised_at else ${nextRevisedAt(sql, now)} end
    where form is distinct from ${form}`;
}

/**
 * A second apart from every moment before: dates of answers have whole seconds, and two different
 * answers must not have the same.
 */
function nextRevisedAt(sql: Queryable, now: Date): Fragment {
  return sql`greatest(
    date_trunc('second', ${now}::timestamptz),
    revised_at + interval '1 second',
    (select max(computed_at) + interval '1 second' from snapshots))`;
}

/** The secret of this installation, kept from the first time it is needed. */
export async function keepPersonKeySecret(sql: Queryable, fresh: Buffer): Promise<Buffer> {
  const [row] = await sql<[{ secret: Buffer }]>`
    update store set person_key_secret = coalesce(person_key_secret, ${fresh})
    returning person_key_secret as secret`;
  return row.secret;
}

/** What cursors are sealed with, on every instance. */
export async function readCursorSecret(sql: Queryable): Promise<Buffer> {
  const [row] = await sql<[{ secret: Buffer }]>`select cursor_secret as secret from store`;
  return row.secret;
}

/** Where publishers tell readers that there is something new. */
export const publicationChannel = 'dashboard_open_data_publication';

/** Delivered to listeners when the transaction commits, and not at all if it does not. */
export async function notifyReaders(sql: Queryable): Promise<void> {
  await sql`select pg_notify(${publicationChannel}, '')`;
}

/** Held by the session of the one publisher; any constant that nothing else uses. */
const publishingLock = 7_303_014_100_002n;

/** Whether any session of this database holds the publisher's lock, as an expression. */
export function isPublishing(sql: Queryable) {
  return sql`exists (${publishingLocks(sql)})`;
}

function publishingLocks(sql: Queryable) {
  return sql`
    select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and classid = (${publishingLock}::bigint >> 32)::oid
      and objid = (${publishingLock}::bigint & 4294967295)::oid`;
}

/** Takes the publisher's lock for this session, which loses it when it ends, however it ends. */
export async function lockPublishing(sql: Queryable): Promise<boolean> {
  const [row] = await sql<[{ locked: boolean }]>`
    select pg_try_advisory_lock(${publishingLock}::bigint) as locked`;
  return row.locked;
}

/** Whether it is this session that holds the publisher's lock. */
export async function holdsPublishingLock(sql: Queryable): Promise<boolean> {
  const [row] = await sql<[{ held: boolean }]>`
    select exists (${publishingLocks(sql)} and pid = pg_backend_pid()) as held`;
  return row.held;
}
