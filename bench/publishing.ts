/**
 * Publishing 100,000 courses of which 1 % changed, already staged, against the bare statements
 * that compare and sum the same rows on the same connection; and how much a process grows
 * that reads, stages and publishes them and has done nothing else.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Sql, StoreAddress } from '../db/connect.ts';
import { stateOf } from '../db/queries/course-state.ts';
import { startRun } from '../db/queries/job-runs.ts';
import { connectPublisher, waitForLock } from '../jobs/publisher-session.ts';
import { runPublication } from '../jobs/run-publication.ts';
import { publishSnapshot } from '../jobs/publish-snapshot.ts';
import { stageSource } from '../jobs/stage-source.ts';
import { sumMetrics } from '../metrics/registry.ts';
import { madeCourses } from './made-courses.ts';
import { MemoryWatch, printRow, ratioText, secondsText, timed } from './measure.ts';
import { openTemporaryStore } from './temporary-store.ts';

const courses = 100_000;
const rounds = 7;

const signal = new AbortController().signal;

async function stage(sql: Sql, edition: number): Promise<void> {
  const reading = await madeCourses(courses, edition).open({
    signal,
    now: new Date(),
    markers: new Map(),
  });
  await stageSource(sql, reading, { personKeySecret: Buffer.alloc(32), signal });
}

async function publish(sql: Sql): Promise<void> {
  await waitForLock(sql, { signal });
  const run = await startRun(sql, 'command', new Date());
  await publishSnapshot(sql, {
    sourceKind: 'dashboard_database',
    readAt: new Date(),
    countsPeople: false,
    warnings: new Map(),
    now: new Date(),
    clock: () => new Date(),
    confirmWithdrawals: false,
    purged: 0,
    runId: run.runId,
  });
  // The process whose memory is watched takes it in between.
  await sql`select pg_advisory_unlock_all()`;
}

async function compareAndSum(sql: Sql): Promise<void> {
  await sql`
    select count(*) from staged_courses s
    join course_versions v on v.course_id = s.course_id and v.valid_to is null
    where (${stateOf(sql, 's')}) is distinct from (${stateOf(sql, 'v')})`;
  const names = sumMetrics.map((metric) => metric.name);
  const sums = names.flatMap((name) => [sql`, sum(${sql(name)})`, sql`, count(${sql(name)})`]);
  await sql`select count(*) ${sums} from course_versions where valid_to is null`;
}

async function growth(address: StoreAddress): Promise<number> {
  const memory = new MemoryWatch();
  await runPublication({
    address,
    source: madeCourses(courses, 1),
    trigger: 'command',
    clock: () => new Date(),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    signal,
    wait: true,
  });
  return memory.stop();
}

const [, self = '', given] = process.argv;
if (given === undefined) await measure();
else console.log(await growth(JSON.parse(given) as StoreAddress));

async function measure(): Promise<void> {
  const store = await openTemporaryStore();
  const sql = connectPublisher(store.address);
  await stage(sql, 0);
  await publish(sql);
  await sql`vacuum analyze course_versions`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    self,
    JSON.stringify(store.address),
  ]);
  const megabytes = Number(stdout);

  const bare: number[] = [];
  const published: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await stage(sql, round + 2);
    await compareAndSum(sql);
    bare.push((await timed(() => compareAndSum(sql)))[0]);
    published.push((await timed(() => publish(sql)))[0]);
  }
  printRow({
    what: 'publishing 100,000 courses, 1 % changed',
    measured: secondsText(published),
    against: secondsText(bare),
    ratio: ratioText(published.map((time, round) => time / (bare[round] ?? NaN))),
    target: '≤ 3',
  });
  printRow({
    what: 'growth of a process that reads, stages and publishes them',
    measured: `${megabytes.toFixed(0)} MB`,
    against: '',
    ratio: '',
    target: '< 100 MB',
  });
  await sql.end();
  await store.release();
}
