/**
 * Downloads of 1,000,000 courses: uncached against psql's \copy of the same rows, stored
 * against a bare Node file stream, and what ten at once take of memory and of the event loop.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect, type StoreAddress } from '../db/connect.ts';
import { courseMetricsAt } from '../metrics/registry.ts';
import type { Question, Watched } from './download-server.ts';
import { printRow, ratioText, secondsText, timed } from './measure.ts';
import { openTemporaryStore } from './temporary-store.ts';

const courses = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 3);
const dashboardUrl = 'https://outreachdashboard.wmflabs.org';

/** Rows of some 450 bytes, their lines as a publication would have stored them. */
async function fill(address: StoreAddress): Promise<void> {
  const sql = connect(address, { max: 1, applicationName: 'bench', statementTimeout: 0 });
  const fields = courseMetricsAt(1).length;
  await sql`
    insert into course_versions (course_id, valid_from, slug, title, institution, wikis,
      campaign_ids, start_at, end_at, created_at, new_or_returning, csv_head, csv_tail,
      csv_definitions_version, url_path)
    select c, 1, 'School/Course_' || c, 'Course ' || c, 'School', '{}', '{}',
      timestamptz '2024-01-01' + c * interval '1 minute', timestamptz '2024-06-01'
        + c * interval '1 minute', timestamptz '2023-12-01', 'unknown',
      c || ',School/Course_' || c || ',' || repeat(md5(c::text), 5)
        || ',School,,Editathon,en.wikipedia.org,en.wikipedia.org|www.wikidata.org,spring,'
        || '2024-01-01T00:00:00Z,2024-06-01T00:00:00Z,2023-12-01T00:00:00Z',
      ',' || c || repeat(',12', ${fields - 1}::integer), 1, '/courses/School/Course_' || c
    from generate_series(1, ${courses}::integer) c`;
  await sql`
    insert into snapshots (snapshot_id, computed_at, source_kind, source_read_at,
      definitions_version, added, changed, withdrawn, totals, coverage, has_course_rows)
    values (1, '2025-01-01T00:00:00Z', 'dashboard_database', '2025-01-01T00:00:00Z', 1,
      ${courses}, 0, 0, jsonb_build_object('courses', ${courses}::integer), '{}', true)`;
  await sql`update store set source_kind = 'dashboard_database'`;
  await sql`vacuum analyze course_versions`;
  await sql.end();
}

async function run(program: string, args: readonly string[]): Promise<number> {
  const [took] = await timed(async () => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} ended with ${String(code)}`);
  });
  return took;
}

function copy(address: StoreAddress): Promise<number> {
  if ('url' in address) throw new Error('the store is not the embedded one');
  const question =
    `select v.csv_head || ',' || course_status(v.start_at, v.end_at, '2025-01-01T00:00:00Z') ` +
    `|| ',' || v.new_or_returning || ',' || '${dashboardUrl}'::text || v.url_path || v.csv_tail ` +
    'from course_versions v where v.valid_from <= 1 and (v.valid_to is null or v.valid_to > 1) ' +
    'order by v.course_id';
  const { host, port, user, database } = address;
  const place = ['-h', host, '-p', String(port), '-U', user, '-d', database];
  return run('psql', ['-qX', ...place, '-c', `\\copy (${question}) to /dev/null`]);
}

const fetchFile = (url: string, ...more: string[]) =>
  run('curl', ['-sSf', '-o', '/dev/null', ...more, url]);

class Server {
  readonly #child: ChildProcess;
  readonly addresses: { readonly service: string; readonly bare: string };

  private constructor(child: ChildProcess, addresses: Server['addresses']) {
    this.#child = child;
    this.addresses = addresses;
  }

  static async start(directory: string): Promise<Server> {
    const file = fileURLToPath(new URL('download-server.ts', import.meta.url));
    const child = fork(file, [directory], { execArgv: ['--import', 'tsx'] });
    const [addresses] = (await once(child, 'message')) as [Server['addresses']];
    return new Server(child, addresses);
  }

  async ask(question: Question): Promise<unknown> {
    this.#child.send(question);
    const [found] = (await once(this.#child, 'message')) as [unknown];
    return found;
  }

  async stop(): Promise<void> {
    this.#child.send({ ask: 'stop' } satisfies Question);
    await once(this.#child, 'exit');
  }
}

/** Ten files with the same lines. */
const orders = ['course_id', 'start', 'end', 'created_at', 'title'].flatMap((by) => [by, `-${by}`]);

/** Downloads at once, the last of them at 1 MB/s until the others are done. */
async function atOnce(server: Server, urls: readonly string[], what: string): Promise<void> {
  await server.ask({ ask: 'watch' });
  const slow = spawn('curl', ['-sS', '-o', '/dev/null', '--limit-rate', '1M', urls.at(-1) ?? ''], {
    stdio: 'ignore',
  });
  await Promise.all(urls.slice(0, -1).map((url) => fetchFile(url)));
  // As much as it may still grow while only the slow one is left.
  await delay(2000);
  const { idle, peak, delay: behind } = (await server.ask({ ask: 'watched' })) as Watched;
  slow.kill();
  printRow({
    what: `memory of ten downloads at once, one at 1 MB/s, ${what}`,
    measured: `${peak.toFixed(0)} MB`,
    against: `${idle.toFixed(0)} MB idle`,
    ratio: `+${(peak - idle).toFixed(0)} MB`,
    target: '≤ 64 MB',
  });
  printRow({
    what: `event-loop delay meanwhile, p99, ${what}`,
    measured: `${behind.toFixed(1)} ms`,
    against: '',
    ratio: '',
    target: '< 20 ms',
  });
}

const store = await openTemporaryStore();
try {
  await fill(store.address);
  const exports = join(store.directory, 'exports');
  const server = await Server.start(store.directory);
  try {
    const url = `${server.addresses.service}/v1/courses.csv`;
    const clear = async () => {
      await server.ask({ ask: 'settle' });
      await rm(exports, { recursive: true, force: true });
    };
    await copy(store.address);
    const [streamed, copied, stored, bare]: number[][] = [[], [], [], []];
    for (let round = 0; round < rounds; round += 1) {
      await clear();
      streamed?.push(await fetchFile(url));
      await server.ask({ ask: 'settle' });
      copied?.push(await copy(store.address));
    }
    const pairs = (of: number[] = [], to: number[] = []) =>
      of.map((value, index) => value / (to[index] ?? NaN));
    printRow({
      what: `uncached download of ${String(courses)} courses, rows a second, of psql \\copy`,
      measured: secondsText(streamed ?? []),
      against: secondsText(copied ?? []),
      ratio: ratioText(pairs(copied, streamed)),
      target: '≥ 0.7',
    });

    const [folder = ''] = await readdir(exports);
    const names = await readdir(join(exports, folder));
    const file = join(exports, folder, names.find((name) => name.endsWith('.csv')) ?? '');
    await server.ask({ ask: 'bare', file });
    for (let round = 0; round < rounds * 3; round += 1) {
      stored?.push(await fetchFile(url));
      bare?.push(await fetchFile(server.addresses.bare));
    }
    printRow({
      what: 'a stored file, of a bare Node file stream with 1 MB reads',
      measured: secondsText(stored ?? []),
      against: secondsText(bare ?? []),
      ratio: ratioText(pairs(bare, stored)),
      target: '≥ 0.8',
    });
    await atOnce(server, Array<string>(10).fill(url), 'stored');
  } finally {
    await server.stop();
  }

  for (const [what, sorts] of [
    ['uncached, of one file', Array<string>(10).fill('course_id')],
    ['uncached, of ten files', orders],
  ] as const) {
    await rm(exports, { recursive: true, force: true });
    const fresh = await Server.start(store.directory);
    try {
      const url = `${fresh.addresses.service}/v1/courses.csv?sort=`;
      const urls = sorts.map((sort) => url + sort);
      await atOnce(fresh, urls, what);
    } finally {
      await fresh.stop();
    }
  }
} finally {
  await store.release();
}
