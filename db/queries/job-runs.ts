import type { Queryable } from '../connect.ts';
import { isPublishing } from './store.ts';

export const runTriggers = ['start', 'schedule', 'admin', 'command'] as const;
export type RunTrigger = (typeof runTriggers)[number];
export const runStates = ['running', 'succeeded', 'unchanged', 'refused', 'failed'] as const;
export type RunState = (typeof runStates)[number];

/**
 * Counts of a run by name; `warnings` counts oddities of the source by their sentence, which
 * names what it is about, if at all, at its end, after `: `.
 */
export interface RunCounts {
  readonly [name: string]: number | Readonly<Record<string, number>>;
}

export interface RunRow {
  readonly runId: number;
  readonly trigger: RunTrigger;
  readonly state: RunState;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly snapshotId: number | null;
  readonly counts: RunCounts | null;
  readonly problem: string | null;
}

function runColumns(sql: Queryable) {
  return sql`run_id as "runId", trigger, state, started_at as "startedAt",
    finished_at as "finishedAt", snapshot_id as "snapshotId", counts, problem`;
}

export async function startRun(sql: Queryable, trigger: RunTrigger, at: Date): Promise<RunRow> {
  const [row] = await sql<[RunRow]>`
    insert into job_runs (trigger, state, started_at) values (${trigger}, 'running', ${at})
    returning ${runColumns(sql)}`;
  return row;
}

/** @returns the run as it has ended, which may be better than this end. */
export async function finishRun(
  sql: Queryable,
  runId: number,
  end: Pick<RunRow, 'snapshotId' | 'counts' | 'problem'> & {
    readonly state: Exclude<RunState, 'running'>;
    readonly at: Date;
    /** The problem without what it quotes of the source; the same where it quotes nothing. */
    readonly problemWithoutNames: string | null;
  },
): Promise<RunRow> {
  // One that was committed without anybody's hearing of it has ended: it stays as it is.
  await sql`
    update job_runs set state = ${end.state}, finished_at = ${end.at},
      snapshot_id = ${end.snapshotId}, problem = ${end.problem},
      problem_without_names = ${end.problemWithoutNames},
      counts = ${end.counts === null ? null : JSON.stringify(end.counts)}::text::jsonb
    where run_id = ${runId} and state not in ('succeeded', 'unchanged')`;
  const [row] = await sql<[RunRow]>`
    select ${runColumns(sql)} from job_runs where run_id = ${runId}`;
  return row;
}

/** What a run says whose process could not. */
export const abandonedProblem = 'The process ended before the run did.';

/** For whoever holds the publisher's lock: runs still marked running have lost their process. */
export async function failAbandonedRuns(sql: Queryable, at: Date): Promise<void> {
  await sql`
    update job_runs set state = 'failed', finished_at = ${at}, problem = ${abandonedProblem}
    where state = 'running'`;
}

/**
 * Takes out of the reports of runs that have ended what they name, and leaves what they count:
 * it may be of a course that is not public any more.
 */
export async function forgetNames(sql: Queryable): Promise<void> {
  await sql`
    update job_runs set
      problem = problem_without_names,
      counts = case when counts ? 'warnings' then counts || jsonb_build_object('warnings', (
        select jsonb_object_agg(sentence, times) from (
          select split_part(key, ': ', 1) as sentence, sum(value::bigint) as times
          from jsonb_each_text(counts->'warnings') group by 1
        ) w)) else counts end
    where state <> 'running' and (problem <> problem_without_names or exists (
      select from jsonb_object_keys(counts->'warnings') k where k like '%: %'))`;
}

/**
 * The same for whoever reads runs: nothing while any session holds the publisher's lock. In
 * one statement, because a run that ends meanwhile is not running when its row is looked at
 * again, and one that begins has the lock before it has a row.
 */
export async function failRunsWithoutPublisher(sql: Queryable, at: Date): Promise<void> {
  await sql`
    update job_runs set state = 'failed', finished_at = ${at}, problem = ${abandonedProblem}
    where state = 'running' and not ${isPublishing(sql)}`;
}

export async function findRun(sql: Queryable, runId: number): Promise<RunRow | undefined> {
  const [row] = await sql<RunRow[]>`
    select ${runColumns(sql)} from job_runs where run_id = ${runId}`;
  return row;
}

/** The run whose process holds the publisher's lock, if any. */
export async function findRunningRun(sql: Queryable): Promise<RunRow | undefined> {
  const [row] = await sql<RunRow[]>`
    select ${runColumns(sql)} from job_runs where state = 'running' order by run_id desc limit 1`;
  return row;
}

/** Newest first, those before run `before`. */
export async function listRuns(
  sql: Queryable,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<RunRow[]> {
  return sql<RunRow[]>`
    select ${runColumns(sql)} from job_runs
    where ${page.before ?? null}::bigint is null or run_id < ${page.before ?? null}::bigint
    order by run_id desc limit ${page.limit}`;
}

/** The newest run that has ended, however it ended. */
export async function findLastRun(sql: Queryable): Promise<RunRow | undefined> {
  const [row] = await sql<RunRow[]>`
    select ${runColumns(sql)} from job_runs where state <> 'running' order by run_id desc limit 1`;
  return row;
}

/**
 * When the last good run ended. One that is due while a run is at work is that run: it is not
 * missed, however early the other began.
 */
export async function findLastSuccess(sql: Queryable): Promise<Date | undefined> {
  const [row] = await sql<{ finishedAt: Date }[]>`
    select finished_at as "finishedAt" from job_runs
    where state in ('succeeded', 'unchanged') order by run_id desc limit 1`;
  return row?.finishedAt;
}
