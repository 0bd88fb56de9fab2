/**
 * Questions about slices of a large store: new ones against hand-written SQL for the same
 * numbers, repeated ones against a bare Fastify route, deep pages against the first, and what
 * the newest snapshot's readers notice of heavy questions.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Sql } from '../db/connect.ts';
import { commaSeparated, type Fragment } from '../db/fragments.ts';
import { sumMetrics } from '../metrics/registry.ts';
import { fillLargeStore, size } from './large-store.ts';
import { median, printRow, ratioText, timed } from './measure.ts';
import { load, startServer } from './servers.ts';
import { openTemporaryStore } from './temporary-store.ts';

const rounds = 9;

const store = await openTemporaryStore();
const sql = connect(store.address, { max: 1, applicationName: 'bench', statementTimeout: 0 });
await fillLargeStore(sql);
const service = await startServer('service', store.directory);

async function ask(path: string): Promise<string> {
  const answer = await fetch(service.address + path);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${path}: ${text}`);
  return text;
}

function day(round: number): string {
  return new Date(Date.UTC(2024, 0, 1 + round)).toISOString().slice(0, 10);
}

function sums(sql: Sql) {
  return commaSeparated(
    sql,
    sumMetrics.flatMap(({ name }) => [sql`sum(${sql(name)})`, sql`count(${sql(name)})`]),
  );
}

const millisecondsText = (times: readonly number[]) => `${median(times).toFixed(1)} ms`;

const first = ([value]: readonly [number, number]) => value;
const second = ([, value]: readonly [number, number]) => value;

/** Each round asks a new question, so that none is answered from memory; a row for each floor. */
async function compareAll(
  target: string,
  question: (round: number) => Promise<unknown>,
  bare: Readonly<Record<string, (round: number) => Promise<unknown>>>,
): Promise<void> {
  const floors = Object.entries(bare).map(([what, run]) => ({ what, run, times: [] as number[] }));
  const asked: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    for (const { run, times } of floors) times.push((await timed(() => run(round)))[0]);
    asked.push((await timed(() => question(round)))[0]);
  }
  const warm = asked.slice(1);
  for (const { what, times } of floors) {
    const floor = times.slice(1);
    printRow({
      what,
      measured: millisecondsText(warm),
      against: millisecondsText(floor),
      ratio: ratioText(warm.map((time, index) => time / (floor[index] ?? NaN))),
      target,
    });
  }
}

const compare = (
  what: string,
  target: string,
  question: (round: number) => Promise<unknown>,
  bare: (round: number) => Promise<unknown>,
) => compareAll(target, question, { [what]: bare });

/** The distinct people of the newest snapshot's courses under a condition on `course_versions v`. */
const barePeople = (condition: Fragment) => sql`
  with people as (
    select person_key, bool_or(role = 0) as editor, bool_or(role = 0 and new_editor) as is_new,
      bool_or(role = 0 and new_editor_60d) as is_new_60d, bool_or(role = 1) as facilitator
    from course_versions v join enrollments e using (course_id)
    where valid_to is null and ${condition}
    group by person_key
  )
  select count(*) filter (where editor), count(*) filter (where is_new),
    count(*) filter (where is_new_60d), count(*) filter (where facilitator) from people`;

const createdSince = (since: string) =>
  sql`created_at >= ${since}::date::timestamp at time zone 'UTC'`;

/** The sums and the distinct people of the newest snapshot's courses that began since a day. */
async function bareTotals(since: string): Promise<void> {
  await sql`
    select count(*), count(*) filter (where start_at <= t and end_at >= t),
      count(*) filter (where end_at <= t - interval '720 hours' and start_at <= t), ${sums(sql)}
    from course_versions v, (select max(computed_at) as t from snapshots) s
    where valid_to is null and home_wiki = 'en.wikipedia.org'
      and start_at >= ${since}::date::timestamp at time zone 'UTC'`;
  await sql`
    with people as (
      select person_key, bool_or(role = 0) as editor, bool_or(role = 0 and new_editor) as is_new,
        bool_or(role = 0 and new_editor_60d) as is_new_60d, bool_or(role = 1) as facilitator,
        bool_or(role = 1 and start_at <= t and end_at >= t) as active
      from course_versions v join enrollments e using (course_id),
        (select max(computed_at) as t from snapshots) s
      where valid_to is null and home_wiki = 'en.wikipedia.org'
        and start_at >= ${since}::date::timestamp at time zone 'UTC'
      group by person_key
    )
    select count(*) filter (where editor), count(*) filter (where is_new),
      count(*) filter (where is_new_60d), count(*) filter (where facilitator),
      count(*) filter (where active)
    from people`;
}

await compare(
  'new totals of a slice of 30,000 courses, their people counted',
  '≤ 1.5',
  (round) => ask(`/v1/totals?home_wiki=en.wikipedia.org&start_from=${day(round)}`),
  (round) => bareTotals(day(round)),
);
await compare(
  'new totals of all courses but few, their people counted',
  '≤ 1.5',
  (round) => ask(`/v1/totals?created_from=${day(round)}&type=none&type=Editathon&type=BasicCourse`),
  async (round) => {
    const condition = sql`${createdSince(day(round))}
      and (type is null or type in ('Editathon', 'BasicCourse'))`;
    await sql`
      select count(*), ${sums(sql)} from course_versions where valid_to is null and ${condition}`;
    await barePeople(condition);
  },
);
await compare(
  'new totals of a slice of a campaign at a past snapshot',
  '≤ 1.5',
  (round) => ask(`/v1/totals?campaign=campaign_${String(round * 7 + 1)}&snapshot=700`),
  (round) => sql`
    select count(*), ${sums(sql)} from course_versions
    where campaign_ids && array[${round * 7 + 1}]::bigint[] and valid_from <= 700
      and (valid_to is null or valid_to > 700)`,
);

const trendOf = (since: string) => sql`home_wiki = 'en.wikipedia.org' and ${createdSince(since)}`;
/** The sums of every version, ever, of the slice. */
const bareTrend = (since: string) =>
  sql`select count(*), ${sums(sql)} from course_versions where ${trendOf(since)}`;
const trend = `a slice over ${String(size.snapshots)} snapshots, 300,000 versions`;

await compareAll(
  '≤ 2.5',
  (round) => ask(`/v1/trends?interval=all&home_wiki=en.wikipedia.org&created_from=${day(round)}`),
  {
    [`${trend}, of its sums`]: (round) => bareTrend(day(round)),
    // A trend counts people, too, at its last point.
    [`${trend}, of its sums and the count of its people`]: async (round) => {
      await bareTrend(day(round));
      await barePeople(trendOf(day(round)));
    },
  },
);

/** A walk goes on at a page deep in the list; each is asked with another limit, so is new. */
async function deepCursor(sort: string, pages: number): Promise<string> {
  let cursor = '';
  for (let page = 0; page < pages; page += 1) {
    const after = cursor === '' ? '' : `&cursor=${cursor}`;
    const body = await ask(`/v1/courses?sort=${sort}&limit=1000${after}`);
    cursor = encodeURIComponent((JSON.parse(body) as { next_cursor: string }).next_cursor);
  }
  return cursor;
}
for (const sort of ['course_id', '-edits', 'title']) {
  const cursor = await deepCursor(sort, 90);
  await compare(
    `a page of 100 courses by ${sort}, 90,000 down the list, of the first`,
    '≤ 1.2',
    (round) => ask(`/v1/courses?sort=${sort}&limit=${String(100 + round)}&cursor=${cursor}`),
    (round) => ask(`/v1/courses?sort=${sort}&limit=${String(100 + round)}`),
  );
}

const repeated = `/v1/totals?home_wiki=fr.wikipedia.org&group_by=type`;
const recorded = join(store.directory, 'answer.json');
await writeFile(recorded, JSON.stringify({ fields: {}, body: await ask(repeated) }));
const bare = await startServer('bare', recorded);
const each = { status: '2xx', connections: 64, seconds: 3 } as const;
const [reached, floors]: [number[], number[]] = [[], []];
for (let round = 0; round < 9; round += 1) {
  floors.push((await load({ ...each, address: bare.address })).perSecond);
  reached.push((await load({ ...each, address: service.address + repeated })).perSecond);
}
printRow({
  what: 'a repeated question, of a bare route with the same bytes',
  measured: `${(median(reached) / 1000).toFixed(1)} k/s`,
  against: `${(median(floors) / 1000).toFixed(1)} k/s`,
  ratio: ratioText(reached.map((value, index) => value / (floors[index] ?? NaN))),
  target: '≥ 0.5',
});
await bare.stop();

/** Many clients ask wide questions that nobody asked before, as long as the signal allows. */
async function askHeavily(signal: AbortSignal): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let round = 1000;
  const client = async () => {
    while (!signal.aborted) {
      const since = day((round += 1) % 20_000);
      const answer = await fetch(
        `${service.address}/v1/trends?interval=all&group_by=campaign&created_to=${since}&end_from=${day(round % 300)}`,
      );
      await answer.arrayBuffer();
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 32 }, client));
  return statuses;
}

const latest = {
  address: `${service.address}/v1/snapshots/latest`,
  status: '2xx',
  connections: 8,
  seconds: 10,
  rate: 400,
} as const;
const answered = await fetch(latest.address);
await writeFile(recorded, JSON.stringify({ fields: {}, body: await answered.text() }));
const bareLatest = await startServer('bare', recorded);
/** Of both in the same seconds: what else the machine does, it does to both. */
const both = () => Promise.all([load(latest), load({ ...latest, address: bareLatest.address })]);
const [alone, beside]: [[number, number][], [number, number][]] = [[], []];
const statuses = new Map<number, number>();
for (let round = 0; round < 7; round += 1) {
  const quiet = await both();
  const stop = new AbortController();
  const asking = askHeavily(stop.signal);
  const busy = await both();
  stop.abort();
  alone.push([quiet[0].p99, quiet[1].p99]);
  beside.push([busy[0].p99, busy[1].p99]);
  for (const [status, count] of await asking) {
    statuses.set(status, (statuses.get(status) ?? 0) + count);
  }
}
const asked = [...statuses].map(([status, count]) => `${String(count)} × ${String(status)}`);
for (const [what, measured, floor] of [
  ['alone, of a bare route’s in a process of its own', alone.map(first), alone.map(second)],
  [
    `while 32 clients ask for wide trends (${asked.join(', ')}), of the bare route’s meanwhile`,
    beside.map(first),
    beside.map(second),
  ],
  // The questions and their readers have the processors, too.
  ['meanwhile, of its own alone', beside.map(first), alone.map(first)],
  ['of the bare route meanwhile, of its own alone', beside.map(second), alone.map(second)],
] as const) {
  printRow({
    what: `p99 of the newest snapshot, 400 a second, ${what}`,
    measured: `${median(measured).toFixed(0)} ms`,
    against: `${median(floor).toFixed(0)} ms`,
    ratio: ratioText(measured.map((value, index) => value / (floor[index] ?? NaN))),
    target: '',
  });
}

await service.stop();
await bareLatest.stop();
await sql.end();
await store.release();
