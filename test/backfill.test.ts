import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { readStore } from '../db/queries/store.ts';
import { backfillSnapshots } from '../jobs/backfill-snapshots.ts';
import {
  dashboardSystemStats,
  systemStatsGrant,
} from '../sources/dashboard-database/system-stats.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { quoted } from '../sources/dashboard-database/tables.ts';
import {
  createTestDatabase,
  unreachable,
  type TestDatabase,
} from './dashboard-database/database.ts';
import { course, emptyState, sourceOf, type SourceState } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const skip = await unreachable();
const project = fileURLToPath(new URL('..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** What Rails writes for a hash, as the Dashboard's worker makes it. */
const wikiStats = `---
en.wikipedia.org:
  edits: 800
  programs: 2
  articles_created: 5
  new_editors_with_preregistration: 4
  retained_editors: 1
www.wikidata.org:
  edits: 0
  programs: 1
  articles_created: 0
  new_editors_with_preregistration: 0
`;

interface Day {
  readonly date: string;
  readonly edits?: number | string | null;
  readonly wikiStats?: string | null;
  /** When the row was written; at 05:00 of its day unless told. */
  readonly at?: string;
}

async function createDashboard(t: Test, ...days: Day[]): Promise<TestDatabase> {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await addDays(database, days);
  return database;
}

async function addDays({ root }: TestDatabase, days: readonly Day[]): Promise<void> {
  for (const { date, edits = 1000, wikiStats: yaml = null, at = `${date} 05:00:00` } of days) {
    await root.query('insert into system_stats set ?', [
      {
        snapshot_date: date,
        total_edits: edits,
        total_article_views: 5_000_000_000,
        total_articles_improved: 60,
        total_articles_created: 7,
        active_programs_count: 3,
        archived_programs_count: 40,
        new_editors_count: 11,
        new_editors_count_with_preregistration: 12,
        active_facilitators_count: 2,
        total_characters_added: 207_000,
        wiki_stats: yaml,
        created_at: at,
        updated_at: at,
      },
    ]);
  }
}

function backfill(store: TestStore, { url }: { readonly url: string }, clock: TestClock) {
  return backfillSnapshots({
    address: { url: store.url },
    systemStats: dashboardSystemStats({ url }),
    clock: clock.read,
    signal: new AbortController().signal,
  });
}

function ownSource() {
  return sourceOf({ ...emptyState(), courses: [course(1), course(2)] });
}

interface Snapshot {
  snapshot_id: number;
  computed_at: string;
  source: { kind: string };
  previous_snapshot_id: number | null;
  changes: Record<string, number | null>;
  totals: Record<string, number | null>;
  coverage: Record<string, number | null>;
}
interface History {
  items: (Snapshot & { deltas: Record<string, number | null> | null })[];
}

async function allSnapshots({ sql }: TestStore): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select to_jsonb(s)::text as line from snapshots s order by snapshot_id`;
  return rows.map((row) => row.line);
}

void t.test(
  'the Dashboard’s own totals become snapshots without course rows',
  { skip },
  async (t) => {
    const database = await createDashboard(
      t,
      { date: '2026-11-20', wikiStats },
      { date: '2026-11-19', edits: 900 },
      { date: '2026-11-21', edits: 1100, at: '2026-11-22 00:10:00' },
    );
    const store = await createStore(t);
    const clock = new TestClock('2026-11-22T12:00:00Z');
    await publish(store, ownSource(), clock);
    const published = await allSnapshots(store);
    const service = await createService(t, store, clock);
    const etag = (await service.inject('/v1/snapshots')).headers.etag ?? '';
    clock.advance(60);

    const result = await backfill(store, database, clock);
    t.match(result, {
      carried: ['2026-11-19', '2026-11-20', '2026-11-21'],
      present: 0,
      tooLate: 0,
    });
    t.same((await allSnapshots(store)).slice(0, 1), published, 'what was published is untouched');
    await service.published.refresh();

    const history = await service.inject({
      url: '/v1/snapshots?order=asc',
      headers: { 'if-none-match': etag },
    });
    const { items } = history.json<History>();
    t.same(
      items.map((item) => [item.computed_at, item.source.kind, item.previous_snapshot_id]),
      [
        ['2026-11-19T05:00:00Z', 'dashboard_system_stats', null],
        ['2026-11-20T05:00:00Z', 'dashboard_system_stats', 2],
        ['2026-11-21T23:59:59Z', 'dashboard_system_stats', 3],
        ['2026-11-22T12:00:00Z', 'dashboard_database', null],
      ],
    );
    t.equal(items[1]?.deltas?.['edits'], 100);
    t.equal(items[3]?.deltas, null, 'never a difference between two kinds of source');

    const one = (await service.inject('/v1/snapshots/3')).json<Snapshot>();
    const known = Object.entries(one.totals).filter(([, value]) => value !== null);
    t.same(Object.fromEntries(known), {
      edits: 1000,
      article_views: 5_000_000_000,
      articles_edited: 60,
      articles_created: 7,
      active_courses: 3,
      archived_courses: 40,
      new_editors: 11,
      new_editors_60d: 12,
      active_facilitators: 2,
      bytes_added: 207_000,
      words_added: 40_000,
    });
    t.ok('courses' in one.totals && 'editors' in one.totals, 'the others are null, not absent');
    t.same(one.changes, { added: null, changed: null, withdrawn: null });
    t.ok(Object.values(one.coverage).every((value) => value === null));

    const rows = await service.inject('/v1/courses.csv?snapshot=3');
    t.equal(rows.statusCode, 404);
    t.match(rows.json(), { type: /no-course-rows/ });
    t.match((await service.inject('/v1/snapshots/latest')).json(), { snapshot_id: 1 });

    const groups = await store.sql`
    select key, totals from snapshot_groups
    where snapshot_id = 3 and dimension = 'home_wiki' order by key`;
    t.same(
      [...groups],
      [
        {
          key: 'en.wikipedia.org',
          totals: { edits: 800, courses: 2, articles_created: 5, new_editors_60d: 4 },
        },
        {
          key: 'www.wikidata.org',
          totals: { edits: 0, courses: 1, articles_created: 0, new_editors_60d: 0 },
        },
      ],
    );
  },
);

interface Sums {
  readonly totals: Record<string, number | null>;
  readonly coverage: Record<string, number | null>;
}
interface Answer extends Sums {
  readonly additive: boolean;
  readonly groups: (Sums & { key: string | null })[];
}
interface Trend {
  readonly groups_left_out: number;
  readonly items: (Answer & {
    snapshot_id: number;
    deltas: Record<string, number | null> | null;
  })[];
}

void t.test('what was carried over of home wikis is in trends, told apart', { skip }, async (t) => {
  const database = await createDashboard(
    t,
    { date: '2026-11-18', edits: 900, wikiStats: '---\nta.wikipedia.org:\n  edits: 7\n' },
    { date: '2026-11-19', edits: 950 },
    { date: '2026-11-20', wikiStats },
    { date: '2026-11-21', wikiStats: wikiStats.replace('edits: 800', 'edits: 850') },
  );
  const store = await createStore(t);
  const clock = new TestClock('2026-11-22T12:00:00Z');
  await backfill(store, database, clock);
  await publish(store, ownSource(), clock);
  const service = await createService(t, store, clock);
  const read = async <Body>(url: string) => {
    const response = await service.inject(url);
    t.equal(response.statusCode, 200, `${url}: ${response.body}`);
    return response.json<Body>();
  };
  const ask = (query: string) => read<Trend>(`/v1/trends?${query}`);
  const column = ({ items }: Trend, name: string) => items.map(({ totals }) => totals[name]);

  const english = await ask('home_wiki=en.wikipedia.org');
  t.same(
    english.items.map(({ snapshot_id }) => snapshot_id),
    [3, 4, 5],
    'the days that have it, and the snapshots of here',
  );
  t.same(column(english, 'edits'), [800, 850, 3]);
  t.same(column(english, 'courses'), [2, 2, 2]);
  t.same(column(english, 'new_editors_60d'), [4, 4, 0]);
  t.same(column(english, 'bytes_added'), [null, null, 300]);
  t.same(
    english.items.map(({ deltas }) => deltas && deltas['edits']),
    [null, 50, null],
    'never a difference between two kinds of source',
  );
  for (const [index, { coverage }] of english.items.entries()) {
    const values = Object.values(coverage);
    if (index < 2) t.ok(values.every((courses) => courses === null));
    else t.notOk(values.includes(null));
  }

  const grouped = await ask('group_by=home_wiki');
  t.same(
    grouped.items.map(({ totals, groups }) => [
      totals['edits'],
      groups.map(({ key, totals }) => [key, totals['edits']]),
    ]),
    [
      [900, [['ta.wikipedia.org', 7]]],
      [
        1000,
        [
          ['en.wikipedia.org', 800],
          ['www.wikidata.org', 0],
        ],
      ],
      [
        1000,
        [
          ['en.wikipedia.org', 850],
          ['www.wikidata.org', 0],
        ],
      ],
      [3, [['en.wikipedia.org', 3]]],
    ],
  );
  t.equal(grouped.groups_left_out, 0);
  t.ok(grouped.items[0]?.groups[0]?.coverage['edits'] === null);
  const before = await ask('group_by=home_wiki&to=2026-11-20');
  t.same(before.items.at(-1)?.groups, grouped.items[1]?.groups, 'where there are no others too');

  const both = 'home_wiki=en.wikipedia.org&home_wiki=www.wikidata.org';
  const together = await ask(`${both}&group_by=home_wiki&to=2026-11-21`);
  t.same(column(together, 'edits'), [800, 850]);
  t.same(column(together, 'courses'), [3, 3]);
  t.same(column(together, 'new_editors_60d'), [null, null], 'people do not add up');
  t.equal(together.items[0]?.groups.length, 2);
  t.same(column(await ask('home_wiki=ta.wikipedia.org'), 'edits'), [7, 0], 'known by that alone');
  for (const query of [
    'home_wiki=en.wikipedia.org&type=Editathon',
    'home_wiki=none',
    'group_by=type',
  ]) {
    const { items } = await ask(query);
    t.same(
      items.map(({ snapshot_id }) => snapshot_id),
      [5],
      query,
    );
  }
  const file = await service.inject('/v1/trends.csv?group_by=home_wiki');
  t.equal(file.headers['row-count'], '6');

  const totals = await read<Answer>('/v1/totals?snapshot=3&group_by=home_wiki');
  t.match(totals, { additive: false, totals: { edits: 1000 }, withdrawn_since: 0 });
  t.same(totals.groups, grouped.items[1]?.groups);
  t.same(totals.totals, grouped.items[1]?.totals);
  const ofBoth = await read<Answer>(`/v1/totals?snapshot=3&${both}&group_by=home_wiki`);
  t.same(ofBoth.totals, together.items[0]?.totals);
  t.same(ofBoth.groups, together.items[0]?.groups);
  const ofOne = await read<Answer>('/v1/totals?snapshot=3&home_wiki=en.wikipedia.org');
  t.same(ofOne.totals, english.items[0]?.totals);
  t.same(ofOne.coverage, english.items[0]?.coverage);
  const groupsFile = await service.inject(
    '/v1/totals.csv?snapshot=3&home_wiki=en.wikipedia.org&group_by=home_wiki',
  );
  t.equal(groupsFile.headers['row-count'], '1');
  t.equal(groupsFile.body.trim().split('\r\n').length, 2);
  for (const [query, status] of [
    ['snapshot=2&group_by=home_wiki', 404],
    ['snapshot=3&home_wiki=ta.wikipedia.org', 404],
    ['snapshot=3&home_wiki=en.wikipedia.org&home_wiki=ta.wikipedia.org', 404],
    ['snapshot=3&home_wiki=none', 404],
    ['snapshot=3&home_wiki=en.wikipedia.org&type=Editathon', 404],
    ['snapshot=3&group_by=home_wiki&type=Editathon', 404],
    ['snapshot=3&group_by=wiki', 404],
    ['snapshot=3', 200],
    ['home_wiki=ta.wikipedia.org', 200],
    ['wiki=ta.wikipedia.org', 400],
  ] as const) {
    t.equal((await service.inject(`/v1/totals?${query}`)).statusCode, status, query);
  }
});

void t.test('a day is carried over once, and never changed', { skip }, async (t) => {
  const database = await createDashboard(t, { date: '2026-11-18' }, { date: '2026-11-20' });
  const store = await createStore(t);
  const clock = new TestClock('2026-11-22T12:00:00Z');
  await publish(store, ownSource(), clock);
  await backfill(store, database, clock);
  const before = await allSnapshots(store);
  const revision = async () => (await readStore(store.sql)).revision;
  t.equal(await revision(), 1, 'the history is not what it was');

  await database.root.query('update system_stats set total_edits = 5, updated_at = now()');
  t.match(await backfill(store, database, clock), { carried: [], present: 2 });
  t.same(await allSnapshots(store), before);
  t.equal(await revision(), 1);

  await addDays(database, [{ date: '2026-11-19' }, { date: '2026-11-22' }, { date: '2026-11-23' }]);
  t.match(await backfill(store, database, clock), {
    carried: ['2026-11-19', '2026-11-22'],
    present: 2,
    tooLate: 1,
  });
  const after = await store.sql<{ id: number; previous: number | null }[]>`
    select snapshot_id as id, previous_snapshot_id as previous from snapshots
    order by computed_at`;
  t.same(
    after.map((row) => [row.id, row.previous]),
    [
      [2, null],
      [4, 2],
      [3, 2],
      [5, 3],
      [1, null],
    ],
  );
});

void t.test(
  'what was carried over first leaves what is published later alone',
  { skip },
  async (t) => {
    const database = await createDashboard(t, { date: '2026-11-20' }, { date: '2026-11-22' });
    const store = await createStore(t);
    const clock = new TestClock('2026-11-22T12:00:00Z');
    t.match(await backfill(store, database, clock), { carried: ['2026-11-20', '2026-11-22'] });
    const service = await createService(t, store, clock);
    t.match((await service.inject('/v1/snapshots/latest')).json(), { snapshot_id: 2 });
    const rows = await service.inject('/v1/courses.csv');
    t.equal(rows.statusCode, 404, 'of the newest snapshot neither');

    const { run } = await publish(store, ownSource(), clock);
    t.match(run, { state: 'succeeded', snapshotId: 3, counts: { added: 2, withdrawn: 0 } });
    await service.published.refresh();
    t.match((await service.inject('/v1/snapshots/latest')).json(), {
      snapshot_id: 3,
      previous_snapshot_id: null,
      totals: { courses: 2 },
    });
    await addDays(database, [{ date: '2026-11-23' }]);
    clock.set('2026-11-30T12:00:00Z');
    t.match(await backfill(store, database, clock), { carried: [], tooLate: 1 });
  },
);

/** Ten courses were published, some were withdrawn by a refused publication, and days carried over. */
async function withdrawnBeforeBackfill(t: Test, hidden: readonly number[]) {
  const database = await createDashboard(t, { date: '2026-11-19' }, { date: '2026-11-20' });
  const store = await createStore(t);
  const clock = new TestClock();
  const everyone = Array.from({ length: 10 }, (_, index) => course(index + 1));
  const publishNow = async (state: Partial<SourceState>) => {
    clock.advance(60);
    return (await publish(store, sourceOf({ ...emptyState(), ...state }), clock)).run;
  };
  await publishNow({ courses: everyone });
  const refused = await publishNow({ courses: [], hidden: [...hidden] });
  if (refused.state !== 'refused') throw new Error(`a run is ${refused.state}`);
  await backfill(store, database, clock);
  return { store, clock, everyone, publishNow };
}

void t.test(
  'days carried over between two publications are no part of either',
  { skip },
  async (t) => {
    const { store, everyone, publishNow } = await withdrawnBeforeBackfill(t, [1, 2]);
    const run = await publishNow({ courses: everyone.slice(1), hidden: [1] });
    t.match(run, { snapshotId: 4, counts: { withdrawn: 1, returned: 1, versions_written: 0 } });
    t.same(
      [...(await store.sql`select snapshot_id as id, courses from snapshot_withdrawals`)],
      [{ id: 1, courses: 1 }],
    );
  },
);

void t.test(
  'a state ends at a snapshot that has rows, when its course returns',
  { skip },
  async (t) => {
    const { store, clock, everyone, publishNow } = await withdrawnBeforeBackfill(t, [1]);
    t.match(await publishNow({ courses: everyone.slice(1) }), { snapshotId: 4 });
    t.match(await publishNow({ courses: everyone }), { snapshotId: 5, counts: { returned: 1 } });

    const service = await createService(t, store, clock);
    const history = (await service.inject('/v1/courses/1/history')).json<{ items: object[] }>();
    t.match(history.items, [
      { from_snapshot_id: 5, to_snapshot_id: null },
      { from_snapshot_id: 1, to_snapshot_id: 4 },
    ]);
    // Totals without a filter are stored ones.
    const filter = 'created_from=2001-01-01';
    const trend = await service.inject(`/v1/trends?interval=all&${filter}`);
    const { items } = trend.json<{ items: { snapshot_id: number; totals: object }[] }>();
    t.same(
      items.map(({ snapshot_id: id }) => id),
      [1, 4, 5],
    );
    for (const { snapshot_id: id, totals } of items) {
      const alone = await service.inject(`/v1/totals?snapshot=${id}&${filter}`);
      t.same(totals, alone.json<{ totals: object }>().totals, `at snapshot ${id}`);
    }
  },
);

void t.test('oddities are counted and do not stop it', { skip }, async (t) => {
  const database = await createDashboard(
    t,
    { date: '2026-11-10', wikiStats: '--- [unclosed' },
    { date: '2026-11-11', wikiStats: 'words' },
    { date: '2026-11-12', wikiStats: '--- {}\n' },
    { date: '2026-11-13', edits: '9223372036854775807', wikiStats: '---\nen.wikipedia.org: 3\n' },
    { date: '2026-11-14', edits: null, wikiStats: '---\n:sym:\n  edits: few\n  programs: 2\n' },
    {
      date: '2026-11-15',
      wikiStats:
        '--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n"t\\0a\\ud83c": {edits: 3}\nta.wikipedia.org: !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n  edits: 3\n  new_editors: 1\n',
    },
  );
  await addDays(database, [{ date: '2026-00-15', at: '2026-11-15 05:00:00' }]);
  const store = await createStore(t);
  const { carried, warnings } = await backfill(store, database, new TestClock());
  t.equal(carried.length, 6);
  t.same(
    new Map([...warnings].sort()),
    new Map([
      ['Entries of wiki_stats that are no totals of a wiki, left out', 1],
      ['Impossible dates, read as null', 1],
      ['Numbers beyond 2^53 - 1, read as null', 1],
      ['Numbers of wiki_stats that are no counts, read as null', 1],
      ['Texts with characters that cannot be stored, read without them', 1],
      ['Unreadable YAML in system_stats, taken for none', 2],
    ]),
  );
  const edits =
    await store.sql`select totals->'edits' as edits from snapshots order by computed_at`;
  t.same(
    edits.map((row) => row['edits'] as unknown),
    [1000, 1000, 1000, null, null, 1000],
  );
  const groups = await store.sql`select key, totals from snapshot_groups order by key`;
  t.same(
    [...groups],
    [
      { key: ':sym', totals: { edits: null, courses: 2 } },
      { key: 'ta.wikipedia.org', totals: { edits: 3, new_editors_60d: 1 } },
      { key: 'ta\ufffd', totals: { edits: 3 } },
    ],
  );
});

void t.test('what stands in the way is a sentence, and changes nothing', { skip }, async (t) => {
  const database = await createDashboard(t, { date: '2026-11-20' });
  const store = await createStore(t);
  const clock = new TestClock();

  const user = await database.addUser();
  await database.root.query(`grant select (id) on ${database.name}.courses to ${user.account}`);
  await t.rejects(backfill(store, user, clock), {
    message: /may not read the table system_stats\.$/,
    problems: [/grant select \(`snapshot_date`/],
  });
  const granted = systemStatsGrant.columns.filter((column) => column !== 'wiki_stats').map(quoted);
  await database.root.query(
    `grant select (${granted.join(', ')}) on ${database.name}.system_stats to ${user.account}`,
  );
  await t.rejects(backfill(store, user, clock), {
    message: /the column wiki_stats of system_stats/,
  });
  await database.root.query(
    `grant select (wiki_stats) on ${database.name}.system_stats to ${user.account}`,
  );
  t.match(await backfill(store, user, clock), { carried: ['2026-11-20'] });

  await database.root.query('drop table system_stats');
  await t.rejects(backfill(store, database, clock), {
    message: /cannot be read: the table system_stats is missing\.$/,
  });

  const other = await createStore(t);
  const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;
  await publish(other, dashboardCsvSource(sample), clock);
  await t.rejects(backfill(other, database, clock), { message: /of a dashboard_csv source/ });
  t.equal((await allSnapshots(other)).length, 1);
});

void t.test('the command says what it did, and what it lacks', { skip }, async (t) => {
  const database = await createDashboard(t, { date: '2026-01-20' }, { date: '2026-01-21' });
  const store = await createStore(t);
  const run = (settings: Record<string, string>) =>
    promisify(execFile)(process.execPath, ['--import', tsx, 'commands/backfill.ts'], {
      cwd: project,
      env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: store.url, ...settings },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  const lacking = await run({});
  t.match(lacking, { code: 1, stderr: /set DASHBOARD_DATABASE_URL/ });
  const done = await run({ DASHBOARD_DATABASE_URL: database.url });
  t.match(done, { code: 0, stdout: /^Carried over 2 days .* 2026-01-20 to 2026-01-21\.\n/ });
  const again = await run({ DASHBOARD_DATABASE_URL: database.url });
  t.match(again, { code: 0, stdout: /^Nothing to carry over\.\n/ });
});
