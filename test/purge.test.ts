import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { PublisherOptions } from '../jobs/publisher-session.ts';
import { migrate } from '../db/migrate.ts';
import { forgetNames } from '../db/queries/job-runs.ts';
import { purgeOne, purgePastGrace } from '../jobs/purge-withdrawn.ts';
import { SourceError, type Source } from '../sources/source.ts';
import { campaign, course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as an operator runs it. */
async function purge(store: TestStore, ...args: string[]): Promise<Ending> {
  const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: store.url };
  const argv = ['--import', tsx, 'commands/purge.ts', ...args];
  return promisify(execFile)(process.execPath, argv, { cwd: project, env }).then(
    (output) => ({ code: 0, ...output }),
    (error: unknown) => error as Ending,
  );
}

async function withdrawn({ sql }: TestStore): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`
    select course_id as id from withdrawn_courses
    union select course_id from withdrawn_course_versions order by id`;
  return rows.map((row) => row.id);
}

/** Courses 1 to 4 were public; 1 and 2 were withdrawn on the first, 3 on the twentieth. */
async function storeWithWithdrawals(t: Parameters<typeof createStore>[0]) {
  const store = await createStore(t);
  const clock = new TestClock('2026-11-01T12:00:00Z');
  const state = { ...emptyState(), courses: [1, 2, 3, 4].map((id) => course(id)) };
  await publish(store, sourceOf(state), clock);
  state.courses = [course(3), course(4)];
  state.hidden = [1];
  clock.advance(60);
  await publish(store, sourceOf(state), clock);
  state.courses = [course(4)];
  clock.set('2026-11-20T12:00:00Z');
  await publish(store, sourceOf(state), clock);
  return { store, clock, state, options: optionsOf(store, clock) };
}

function optionsOf(store: TestStore, clock: TestClock): PublisherOptions {
  const { signal } = new AbortController();
  return { address: { url: store.url }, clock: clock.read, signal };
}

void t.test('one withdrawn course is erased at once, and no other', async (t) => {
  const { store } = await storeWithWithdrawals(t);
  const erased = await purge(store, '1');
  t.match(erased, { code: 0, stdout: 'Course 1 was withdrawn and is erased now.\n', stderr: '' });
  t.same(await withdrawn(store), [2, 3]);
  const again = await purge(store, '1');
  t.match(again, { code: 1, stdout: '', stderr: /Course 1 is not known here, or was erased/ });
});

void t.test('a public course is not erased, and it is said how to go about it', async (t) => {
  const { store } = await storeWithWithdrawals(t);
  const refused = await purge(store, '4');
  t.match(refused, { code: 1, stdout: '', stderr: /Course 4 is public.*npm run snapshot/ });
  t.equal((await store.sql`select from course_versions where course_id = 4`).count, 1);
  t.same(await withdrawn(store), [1, 2, 3]);
});

void t.test('what is not the number of one course is a wrong call', async (t) => {
  const { store } = await storeWithWithdrawals(t);
  for (const args of [['0'], ['1e3'], ['1', '2'], ['9007199254740993'], ['--all']]) {
    const refused = await purge(store, ...args);
    t.match(refused, { code: 1, stdout: '', stderr: /Usage: npm run purge/ }, args.join(' '));
  }
  t.same(await withdrawn(store), [1, 2, 3]);
});

void t.test('without a number, what is past its grace is erased', async (t) => {
  const { store, clock, options } = await storeWithWithdrawals(t);
  clock.set('2026-12-01T12:01:00Z');
  t.equal(await purgePastGrace(options), 0);
  clock.set('2026-12-01T12:01:01Z');
  t.equal(await purgePastGrace(options), 2);
  t.same(await withdrawn(store), [3]);
  const nothing = await purge(store);
  t.match(nothing, { code: 0, stdout: /^(No withdrawn course|Erased 1 )/ });
});

void t.test('a course erased between two publications is counted as withdrawn', async (t) => {
  const { store, clock, state, options } = await storeWithWithdrawals(t);
  const everyone = [...Array.from({ length: 10 }, (_, index) => course(10 + index)), course(4)];
  state.courses = everyone;
  clock.advance(60);
  await publish(store, sourceOf(state), clock);

  state.courses = [];
  state.hidden = [10];
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'refused');
  t.equal(await purgeOne(options, 10), 'withdrawn');
  state.courses = everyone.slice(1);
  clock.advance(60);
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run, { state: 'succeeded', counts: { withdrawn: 1, added: 0 } });
});

const broken: Source = {
  kind: 'dashboard_database',
  open: () => Promise.reject(new SourceError('The source is away.')),
};

void t.test('a publication that fails erases what is past its grace too', async (t) => {
  const { store, clock } = await storeWithWithdrawals(t);
  clock.set('2026-12-01T12:01:00Z');
  await publish(store, broken, clock);
  t.same(await withdrawn(store), [1, 2, 3]);
  clock.set('2026-12-01T12:01:01Z');
  const { run } = await publish(store, broken, clock);
  t.match(run, { state: 'failed', problem: 'The source is away.' });
  t.same(await withdrawn(store), [3]);
});

void t.test('a course that is public again after its grace has no history', async (t) => {
  const { store, clock, state } = await storeWithWithdrawals(t);
  state.courses = [1, 2, 3, 4].map((id) => course(id));
  state.hidden = [];
  clock.set('2026-12-12T12:00:00Z');
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run.counts, { purged: 2, returned: 1, added: 3 });
  const versions = await store.sql`
    select course_id as id, valid_from as "from" from course_versions order by course_id, valid_from`;
  t.same(
    [...versions],
    [
      { id: 1, from: 4 },
      { id: 2, from: 4 },
      { id: 3, from: 1 },
      { id: 3, from: 4 },
      { id: 4, from: 1 },
    ],
  );
});

void t.test(
  'a withdrawn course is gone for 30 days and unknown after, purged or not',
  async (t) => {
    const { store, clock } = await storeWithWithdrawals(t);
    const app = await createService(t, store, clock);
    const answers = async (id: number) => [
      (await app.inject(`/v1/courses/${id}`)).statusCode,
      (await app.inject(`/v1/courses/${id}/history`)).statusCode,
    ];
    clock.set('2026-12-01T12:01:00Z');
    t.same(await answers(1), [410, 410]);
    clock.set('2026-12-01T12:01:01Z');
    t.same(await answers(1), [404, 404]);
    t.same(await answers(3), [410, 410]);
    t.same(await withdrawn(store), [1, 2, 3], 'nothing has run');
    clock.set('2027-01-21T12:00:00Z');
    t.same(await answers(3), [404, 404]);
  },
);

void t.test('a service that publishes nothing erases what is past its grace', async (t) => {
  const { store, clock } = await storeWithWithdrawals(t);
  clock.set('2026-12-02T12:00:00Z');
  const app = await createService(t, store, clock, {}, { scheduler: true });
  t.same(await withdrawn(store), [3], 'at its start');
  clock.set('2026-12-21T12:00:00Z');
  await app.publisher.purge();
  t.same(await withdrawn(store), [], 'and at every turn of its own schedule');
});

/** Every row of every table of the store but those named, as one text. */
async function everythingKept({ sql }: TestStore, ...except: string[]): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public'`;
  const texts = await Promise.all(
    tables
      .filter(({ name }) => !except.includes(name))
      .map(async ({ name }) => {
        const [row] = await sql<{ text: string | null }[]>`
          select string_agg(t::text, ' ') as text from ${sql(name)} t`;
        return row?.text ?? '';
      }),
  );
  return texts.join(' ');
}

void t.test('no name that only a withdrawn course had outlives it', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock('2026-11-01T12:00:00Z');
  const state = {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'zebra_drive', title: 'Zebra drive' })],
    courses: [
      course(1, {
        ...{ slug: 'Zebra/School', title: 'Zebra', institution: 'Zebra', type: 'ZebraType' },
        ...{ homeWiki: 'zebra.wikipedia.org', wikis: ['zebra.wikipedia.org'], campaignIds: [1] },
      }),
      course(2),
    ],
    enrollments: [{ courseId: 1, userId: 1, role: 0, newEditor: true, newEditor60d: true }],
  };
  const source = (warnings: [string, number][]): Source => ({
    ...sourceOf(state),
    open: async (options) => ({
      ...(await sourceOf(state).open(options)),
      warnings: () => new Map(warnings),
    }),
  });
  await publish(
    store,
    source([
      ['Unknown course types, kept as they are: ZebraType', 1],
      ['Unknown course types, kept as they are: Other', 3],
      ['Courses without a title', 2],
    ]),
    clock,
  );
  clock.advance(60);
  const failing = (kind: Source['kind'], error: Error): Source => ({
    kind,
    open: () => Promise.reject(error),
  });
  const lines = new SourceError('2 problems', ['line 2: "Zebra/School" is odd']);
  await publish(store, failing('dashboard_database', lines), clock);
  const odd = new Error('invalid input syntax for type integer: "Zebra/School"');
  await publish(store, failing('dashboard_database', odd), clock);
  // Of files alone is the first line quoted, and a store of one has no other courses.
  await store.sql`update store set source_kind = 'dashboard_csv'`;
  const { run } = await publish(store, failing('dashboard_csv', lines), clock);
  t.equal(run.problem, '2 problems, first line 2: "Zebra/School" is odd.');
  await store.sql`update store set source_kind = 'dashboard_database'`;
  t.match(await everythingKept(store), /zebra/i);

  Object.assign(state, { campaigns: [], courses: [course(2)], hidden: [1], enrollments: [] });
  clock.advance(60);
  await publish(store, source([['Unknown course types, kept as they are: Other', 3]]), clock);
  const runs = await store.sql`select counts->'warnings' as warnings, problem from job_runs
    order by run_id`;
  t.same(
    [...runs],
    [
      {
        warnings: { 'Unknown course types, kept as they are': 4, 'Courses without a title': 2 },
        problem: null,
      },
      { warnings: null, problem: '2 problems.' },
      {
        warnings: null,
        problem: 'Something other than the source failed, as the log says more of.',
      },
      { warnings: null, problem: '2 problems.' },
      { warnings: { 'Unknown course types, kept as they are: Other': 3 }, problem: null },
    ],
  );

  const app = await createService(t, store, clock);
  for (const [name, value] of [
    ['type', 'ZebraTyp'],
    ['wiki', 'zebra.wikipedia.orgg'],
    ['home_wiki', 'zebra.wikipedia.org'],
    ['campaign', 'zebra_drives'],
  ] as const) {
    const refused = await app.inject(`/v1/totals?${name}=${value}`);
    t.equal(refused.statusCode, 400, name);
    t.notMatch(refused.body, /did you mean \\"zebra/i, name);
  }
  const held = ['withdrawn_course_versions', 'campaigns', 'snapshot_groups'];
  t.notMatch(await everythingKept(store, ...held), /zebra/i, 'but for what would return with it');

  const published = (await app.inject('/v1/snapshots/1')).body;
  t.equal(await purgeOne(optionsOf(store, clock), 1), 'withdrawn');
  t.notMatch(await everythingKept(store), /zebra/i, 'nothing does');
  t.equal((await app.inject('/v1/snapshots/1')).body, published, 'totals stay as published');
  t.equal((await store.sql`select from snapshot_groups where snapshot_id = 1`).count, 0);
  t.not((await store.sql`select from snapshot_groups where snapshot_id = 2`).count, 0);
});

void t.test('a store of an older release forgets what its runs quote, too', async (t) => {
  const store = await createStore(t);
  const { sql } = store;
  await sql`alter table job_runs drop column problem_without_names`;
  await sql`delete from migrations where version = 3`;
  await sql`
    insert into job_runs (trigger, state, started_at, finished_at, problem) values
      ('command', 'failed', now(), now(), '2 problems, first line 2: "Zebra" is odd.'),
      ('command', 'failed', now(), now(),
        'Something other than the source failed, as the log says more of: bad "Zebra".'),
      ('command', 'refused', now(), now(), 'Half is gone: confirm it.')`;
  await migrate(sql);
  t.match(await everythingKept(store), /zebra/i);
  await forgetNames(sql);
  const runs = await sql<{ problem: string }[]>`select problem from job_runs order by run_id`;
  t.same(
    runs.map(({ problem }) => problem),
    [
      '2 problems.',
      'Something other than the source failed, as the log says more of.',
      'Half is gone: confirm it.',
    ],
  );
});
