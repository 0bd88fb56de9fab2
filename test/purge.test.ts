import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { purgeOne, purgePastGrace } from '../jobs/purge-withdrawn.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { publish, TestClock } from './support/service.ts';
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

const signal = new AbortController().signal;

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
  return { store, clock, state, address: { url: store.url } };
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
  const { store, address } = await storeWithWithdrawals(t);
  t.equal(await purgePastGrace({ address, signal }, new Date('2026-12-01T12:01:00Z')), 0);
  t.equal(await purgePastGrace({ address, signal }, new Date('2026-12-01T12:01:01Z')), 2);
  t.same(await withdrawn(store), [3]);
  const nothing = await purge(store);
  t.match(nothing, { code: 0, stdout: /^(No withdrawn course|Erased 1 )/ });
});

void t.test('a course erased between two publications is counted as withdrawn', async (t) => {
  const { store, clock, state, address } = await storeWithWithdrawals(t);
  const everyone = Array.from({ length: 10 }, (_, index) => course(10 + index));
  state.courses = everyone;
  clock.advance(60);
  await publish(store, sourceOf(state), clock);

  state.courses = [];
  state.hidden = [10];
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'refused');
  t.equal(await purgeOne({ address, signal }, 10), 'withdrawn');
  state.courses = everyone.slice(1);
  clock.advance(60);
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run, { state: 'succeeded', counts: { withdrawn: 1, added: 0 } });
});
