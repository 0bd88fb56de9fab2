/*
 * Measures the first publication of a large Dashboard's database and a second one with 1 % of
 * its courses changed, against streaming the very questions they ask to nowhere:
 *
 *   node --import tsx bench/first-sync.ts [courses] [enrolments] [slices]
 *
 * Wants MariaDB at 127.0.0.1 (root, without a password); PostgreSQL is the embedded one.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2';
import { openStore } from '../db/open-store.ts';
import type { StoreAddress } from '../db/connect.ts';
import { runPublication } from '../jobs/run-publication.ts';
import { DashboardConnection } from '../sources/dashboard-database/connection.ts';
import { dashboardDatabaseSource } from '../sources/dashboard-database/dashboard-database.ts';
import { createTestDatabase } from '../test/dashboard-database/database.ts';
import { generate } from '../test/dashboard-database/generator.ts';

interface Sync {
  readonly seconds: number;
  readonly megabytes: number;
  readonly state: string;
  /** Seconds into the sync at which each part of the source had been read. */
  readonly parts: Readonly<Record<string, number>>;
  readonly questions: readonly string[];
}

type Rows = (columns: readonly string[], sql: string) => Promise<unknown>;

const self = fileURLToPath(import.meta.url);

if (process.argv[2] === 'sync') {
  const [, , , url = '', address = '', now = ''] = process.argv;
  const result = await sync(url, JSON.parse(address) as StoreAddress, new Date(now));
  process.stdout.write(JSON.stringify(result));
} else {
  const [courses = 50_000, enrollments = 500_000, slices = 1_000_000] = process.argv
    .slice(2)
    .map(Number);
  await measure(courses, enrollments, slices);
}

/** One publication, in a process that has done nothing else. */
async function sync(url: string, address: StoreAddress, now: Date): Promise<Sync> {
  const questions: string[] = [];
  const { prototype } = DashboardConnection;
  const rows = Reflect.get(prototype, 'rows') as Rows;
  const listening: Rows = function (this: DashboardConnection, columns, sql) {
    questions.push(sql);
    return rows.call(this, columns, sql);
  };
  Object.assign(prototype, { rows: listening });
  const parts: Record<string, number> = {};
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const start = performance.now();
  const { run } = await runPublication({
    address,
    source: dashboardDatabaseSource({ url }),
    trigger: 'command',
    clock: () => now,
    log: {
      info: (fields) => {
        if ('part' in fields) parts[String(fields.part)] = secondsSince(start);
      },
      warn: () => undefined,
      error: (_fields, message) => process.stderr.write(`${message}\n`),
    },
    signal: new AbortController().signal,
    wait: true,
  });
  const seconds = secondsSince(start);
  clearInterval(watch);
  const megabytes = Math.round((peak - before) / 2 ** 20);
  return { seconds, megabytes, state: run.state, parts, questions };
}

async function measure(courses: number, enrollments: number, slices: number): Promise<void> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'dod-bench-'));
  // PostgreSQL does not run as root: whoever it runs as must be able to get in.
  await chmod(dataDirectory, 0o755);
  const database = await createTestDatabase();
  const store = await openStore({
    databaseUrl: undefined,
    dataDirectory,
    purpose: 'data',
    onProgress: () => undefined,
  });
  try {
    await generate(database.root, {
      courses,
      enrollmentsPerCourse: Math.round(enrollments / courses),
      slicesPerCourse: Math.round(slices / courses / 0.85),
    });
    const inChild = async (now: string): Promise<Sync> => {
      const args = ['--import', 'tsx', self, 'sync', database.url, JSON.stringify(store.address)];
      const output = await promisify(execFile)(process.execPath, [...args, now], {
        maxBuffer: 2 ** 28,
      });
      process.stderr.write(output.stderr);
      return JSON.parse(output.stdout) as Sync;
    };
    console.log(`| ${courses} courses | s | to nowhere, s | ratio | memory, MB |`);
    console.log('|---|---|---|---|---|');
    const first = await inChild('2026-11-22T12:00:00Z');
    const base = await toNowhere(database.url, first.questions);
    report('first sync', first, base);
    await database.root.query(
      `update courses set revision_count = coalesce(revision_count, 0) + 1,
         updated_at = '2026-03-01' where id % 100 = 7`,
    );
    const second = await inChild('2026-11-23T12:00:00Z');
    report('second sync, 1 % changed', second, await toNowhere(database.url, second.questions));
    report('the same, against the first’s questions', second, base);
  } finally {
    await store.release();
    await database.drop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** Seconds that the questions take alone: row by row, thrown away; the better of two rounds. */
async function toNowhere(url: string, questions: readonly string[]): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < 2; round += 1) {
    const start = performance.now();
    const connection = createConnection({ uri: url, dateStrings: true });
    for (const question of questions) {
      const rows = connection.query(question).stream({ highWaterMark: 1000 });
      for await (const _row of rows);
    }
    await new Promise<void>((resolve) => {
      connection.end(() => {
        resolve();
      });
    });
    best = Math.min(best, secondsSince(start));
  }
  return best;
}

function report(name: string, sync: Sync, nowhere: number): void {
  const { seconds, megabytes, parts, state } = sync;
  const ratio = (seconds / nowhere).toFixed(2);
  console.log(`| ${name} | ${seconds} | ${nowhere} | ${ratio} | ${megabytes} |`);
  process.stderr.write(`${state}, read by: ${JSON.stringify(parts)}\n`);
}

function secondsSince(start: number): number {
  return Math.round(performance.now() - start) / 1000;
}
