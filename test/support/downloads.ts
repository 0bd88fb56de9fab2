import { createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { readdir } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import type { Sql } from '../../db/connect.ts';
import { isAbsence } from '../../exports/stored-file.ts';
import type { SourceCourse } from '../../sources/source.ts';
import { course } from './courses.ts';

/** Longer than the buffers between the database and a reader hold, gzipped too. */
export function largeCourses(count: number, characters = 5000): SourceCourse[] {
  return Array.from({ length: count }, (_, index) =>
    course(index + 1, {
      institution: randomBytes((characters * 3) / 4).toString('base64'),
      metrics: { edits: index, references_added: -index },
    }),
  );
}

/** The address of the app, listening on a port of its own. */
export async function listen(app: FastifyInstance): Promise<URL> {
  return new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
}

export interface Downloaded {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** As it was sent: not decompressed. */
  readonly bytes: Buffer;
}

/** What came before any of the body. */
export async function request(
  url: URL,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const asking = get(url, { headers, method, agent: false });
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  // What breaks later is told by the answer too, which is where it is looked for.
  asking.on('error', () => undefined);
  return answer;
}

/** @throws when the connection breaks before the end */
export async function download(
  url: URL,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Downloaded> {
  const answer = await request(url, headers, method);
  const bytes = await buffer(answer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, bytes };
}

/** As `Repr-Digest` has it. */
export function reprDigest(bytes: Buffer): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
}

/** The names of the files in a folder and the folders in it; none where there is none. */
export async function filesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

/** How many connections for downloads are in a transaction. */
export async function downloadsUnderWay(sql: Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name like '%downloads'
      and state <> 'idle'`;
  return row.count;
}

/** Ends the connections for downloads that are in a transaction. */
export async function terminateDownloads(sql: Sql): Promise<number> {
  const ended = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like '%downloads'
      and state <> 'idle'`;
  return ended.count;
}

const gateLock = 4_242;

/** How many wait at the gate. */
export async function waitingAtGate(sql: Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;
  return row.count;
}

/** Has whoever reads the rows of a store wait at the course that starts then, if a gate is closed. */
export async function buildGate(sql: Sql, start: string): Promise<void> {
  await sql.unsafe(`
    alter function course_status(timestamptz, timestamptz, timestamptz)
      rename to course_status_itself;
    create function course_status(start_at timestamptz, end_at timestamptz, at timestamptz)
    returns text language plpgsql as $$
    begin
      if start_at = '${start}' then
        perform pg_advisory_xact_lock_shared(${String(gateLock)});
      end if;
      return course_status_itself(start_at, end_at, at);
    end
    $$`);
}

/** Closes the gate of a store, which the returned function opens. */
export async function closeGate(sql: Sql): Promise<() => Promise<void>> {
  const keeper = await sql.reserve();
  await keeper`select pg_advisory_lock(${gateLock}::bigint)`;
  return async () => {
    await keeper`select pg_advisory_unlock(${gateLock}::bigint)`;
    keeper.release();
  };
}
