import t from 'tap';
import { runPublication } from '../jobs/run-publication.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { exportOf, line } from './dashboard-csv-file.ts';
import { carryOver } from './support/carried.ts';
import {
  campaign,
  course,
  emptyState,
  sourceOf,
  stateOf,
  type SourceState,
} from './support/courses.ts';
import { publish, silentLog, TestClock } from './support/service.ts';
import { countRows, createStore, totalsOf, type TestStore } from './support/store.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

void t.test('the sample export publishes its exact totals', async (t) => {
  const store = await createStore(t);
  const { run } = await publish(store, dashboardCsvSource(sample), new TestClock());
  t.equal(run.state, 'succeeded');
  const [row] = await store.sql<
    [{ totals: Record<string, number | null>; coverage: Record<string, number> }]
  >`select totals, coverage from snapshots`;
  t.match(row.totals, {
    courses: 33,
    edits: 370058,
    bytes_added: 132595465,
    references_added: 132379,
    article_views: 60431,
    enrollments: 469,
  });
  t.notOk(row.totals['editors'], 'an export cannot tell people apart');
  t.equal(row.coverage['mainspace_edits'], 28);
});

void t.test(
  'the first versions find the table with all its indexes, and leave it so',
  async (t) => {
    const store = await createStore(t);
    const indexes = () => store.sql`
    select indexname, indexdef, conname, pg_get_constraintdef(c.oid) as constraint
    from pg_indexes left join pg_constraint c on conname = indexname
    where tablename = 'course_versions' order by indexname`;
    const before = await indexes();
    t.ok(before.length >= 5, 'the primary key among them');
    await publish(store, dashboardCsvSource(sample), new TestClock());
    t.strictSame(await indexes(), before);
    const [{ order }] = await store.sql<[{ order: number }]>`
    select corr(place, rank) as order from (
      select row_number() over (order by ctid) as place,
        row_number() over (order by course_id) as rank
      from course_versions) rows`;
    t.ok(order > 0.9, 'and the rows in the order in which whole downloads read them');
  },
);

void t.test('only a store that nobody reads has its indexes made anew', async (t) => {
  const clock = new TestClock();
  const remade = async (store: TestStore) => {
    const indexes = () => store.sql`
      select indexrelid::regclass::text as name, indexrelid::bigint as id from pg_index
      where indrelid = 'course_versions'::regclass order by name`;
    const before = await indexes();
    clock.advance(60);
    t.equal((await publish(store, dashboardCsvSource(sample), clock)).run.state, 'succeeded');
    const after = await indexes();
    return after.map(({ id }, index) => id !== before[index]?.['id']);
  };
  const all = [true, true, true, true, true];
  const none = all.map(() => false);

  const untouched = await createStore(t);
  t.strictSame(await remade(untouched), all);
  clock.set('2026-11-23T12:00:00Z');
  t.strictSame(await remade(untouched), none, 'of another snapshot');

  const carried = await createStore(t);
  await carryOver(carried.sql, '2020-01-01T00:00:00Z', { snapshotId: 1, totals: {}, coverage: {} });
  t.strictSame(await remade(carried), none, 'where others are carried over');

  const dumped = await createStore(t);
  const reader = await dumped.sql.reserve();
  await reader`begin`;
  await reader`select from course_versions`;
  t.strictSame(await remade(dumped), none, 'while somebody reads the table');
  await reader`rollback`;
  reader.release();
});

void t.test('the first versions are those that a later snapshot would have', async (t) => {
  const first = await createStore(t);
  const clock = new TestClock();
  await publish(first, dashboardCsvSource(sample), clock);
  const later = await createStore(t);
  const path = `${t.testdir({ 'other.csv': exportOf(line()) })}/other.csv`;
  await publish(later, dashboardCsvSource(path), clock);
  clock.advance(60);
  const { run } = await publish(later, dashboardCsvSource(sample), clock, {
    confirmWithdrawals: true,
  });
  t.equal(run.state, 'succeeded');
  const rowsOf = ({ sql }: TestStore) => sql`
    select to_jsonb(v) - 'valid_from' as row from course_versions v order by course_id`;
  const rows = await rowsOf(first);
  t.equal(rows.length, 33);
  t.strictSame(rows, await rowsOf(later));
});

void t.test('publishing the same set again writes nothing, until the next day', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock('2026-11-22T12:00:00Z');
  const source = dashboardCsvSource(sample);
  await publish(store, source, clock);
  clock.set('2026-11-22T23:59:59Z');
  const again = await publish(store, source, clock);
  t.equal(again.run.state, 'unchanged');
  t.same(await countRows(store), { versions: 33, withdrawnVersions: 0, snapshots: 1 });
  clock.set('2026-11-23T00:00:00Z');
  const nextDay = await publish(store, source, clock);
  t.equal(nextDay.run.state, 'succeeded', 'a day has its snapshot');
  t.same(await countRows(store), { versions: 33, withdrawnVersions: 0, snapshots: 2 });
});

void t.test('one changed number writes one version and leaves the past alone', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = stateOf(1, 2, 3);
  await publish(store, sourceOf(state), clock);
  const before = await totalsOf(store, 1);
  state.courses[1] = course(2, { metrics: { edits: 1000, bytes_added: 200 } });
  clock.advance(60);
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run, { state: 'succeeded', snapshotId: 2, counts: { versions_written: 1, changed: 1 } });
  t.equal((await countRows(store)).versions, 4);
  t.same(await totalsOf(store, 1), before);
  t.equal((await totalsOf(store, 2))['edits'], 1 + 1000 + 3);
});

void t.test('a published snapshot cannot be changed, whoever asks', async (t) => {
  const store = await createStore(t);
  await publish(store, sourceOf(stateOf(1)), new TestClock());
  await t.rejects(store.sql`update snapshots set totals = '{}'`, /never changes/);
  await t.rejects(store.sql`delete from snapshots`, /never changes/);
});

void t.test('null is not zero: not collected, none and no courses stay apart', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = emptyState();
  await publish(store, sourceOf(state), clock);
  t.equal((await totalsOf(store, 1))['edits'], 0, 'over no courses a sum is 0');
  state.courses.push(course(1, { metrics: {} }));
  clock.advance(60);
  await publish(store, sourceOf(state), clock);
  t.equal((await totalsOf(store, 2))['edits'], null, 'over courses without a value it is null');
  state.courses.push(course(2, { metrics: { edits: 0 } }));
  clock.advance(60);
  await publish(store, sourceOf(state), clock);
  t.equal((await totalsOf(store, 3))['edits'], 0);
});

void t.test('a sum that JSON cannot hold exactly is null, and reported', async (t) => {
  const store = await createStore(t);
  const state = emptyState();
  state.courses = [1, 2].map((id) =>
    course(id, { metrics: { article_views: Number.MAX_SAFE_INTEGER, edits: 2 ** 52 - id } }),
  );
  const { run } = await publish(store, sourceOf(state), new TestClock());
  t.match(run, {
    state: 'succeeded',
    counts: {
      warnings: { 'The sum of article_views is beyond 2^53 - 1, so its total is null': 1 },
    },
  });
  const totals = await totalsOf(store, 1);
  t.equal(totals['article_views'], null);
  t.equal(totals['edits'], 2 ** 53 - 3);
});

void t.test('a course that turned private, or is gone, leaves all rows', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = stateOf(1, 2, 3);
  await publish(store, sourceOf(state), clock);
  state.courses = [course(3)];
  state.hidden = [1];
  clock.advance(60);
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run, { state: 'succeeded', counts: { withdrawn: 2 } });
  const rows = await store.sql`select course_id as id from course_versions`;
  t.same(
    rows.map((row) => row['id'] as number),
    [3],
  );
  t.same(
    [...(await store.sql`select snapshot_id as id, courses from snapshot_withdrawals`)],
    [{ id: 1, courses: 2 }],
  );
  t.equal((await totalsOf(store, 1))['courses'], 3, 'totals stay as published');
});

void t.test('a course that returns within its grace gets its history back', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = stateOf(1, 2);
  await publish(store, sourceOf(state), clock);
  state.courses = [course(2)];
  clock.advance(86_400);
  await publish(store, sourceOf(state), clock);
  state.courses = [course(1), course(2)];
  clock.advance(86_400);
  await publish(store, sourceOf(state), clock);
  const versions = await store.sql`
    select valid_from as "from", valid_to as "to" from course_versions
    where course_id = 1 order by valid_from`;
  t.same(
    [...versions],
    [
      { from: 1, to: 2 },
      { from: 3, to: null },
    ],
  );
  t.equal((await store.sql`select from snapshot_withdrawals`).count, 0);
});

void t.test(
  'past its grace a withdrawn course is erased, and still counted as missing',
  async (t) => {
    const store = await createStore(t);
    const clock = new TestClock();
    const state = stateOf(1, 2);
    await publish(store, sourceOf(state), clock);
    state.courses = [course(2)];
    clock.advance(86_400);
    await publish(store, sourceOf(state), clock);
    clock.advance(31 * 86_400);
    await publish(store, sourceOf(state), clock);
    t.same(await countRows(store), { versions: 1, withdrawnVersions: 0, snapshots: 3 });
    t.equal((await store.sql`select from withdrawn_courses`).count, 0);
    const [missing] = await store.sql<[{ courses: number }]>`
    select courses from snapshot_withdrawals where snapshot_id = 1`;
    t.equal(missing.courses, 1);
  },
);

void t.test('computed_at increases strictly, whatever the clock says', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock('2026-11-22T12:00:00.900Z');
  const state = stateOf(1);
  await publish(store, sourceOf(state), clock);
  state.courses.push(course(2));
  await publish(store, sourceOf(state), clock);
  state.courses.push(course(3));
  clock.set('2020-01-01T00:00:00Z');
  await publish(store, sourceOf(state), clock);
  const rows = await store.sql<{ at: Date }[]>`
    select computed_at as at from snapshots order by snapshot_id`;
  t.same(
    rows.map((row) => row.at.toISOString()),
    ['2026-11-22T12:00:00.000Z', '2026-11-22T12:00:01.000Z', '2026-11-22T12:00:02.000Z'],
  );
});

void t.test('a renamed campaign is renamed in the stored lines of past versions', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state: SourceState = {
    ...emptyState(),
    campaigns: [campaign(7, { slug: 'zürich, "old"' }), campaign(8, { slug: 'alpha' })],
    courses: [course(1, { campaignIds: [7, 8] }), course(2, { campaignIds: [8] })],
  };
  await publish(store, sourceOf(state), clock);
  state.courses[0] = course(1, { campaignIds: [7, 8], metrics: { edits: 5 } });
  clock.advance(60);
  await publish(store, sourceOf(state), clock);
  state.campaigns[0] = campaign(7, { slug: 'a-new,name' });
  clock.advance(60);
  await publish(store, sourceOf(state), clock);
  const heads = await store.sql<{ head: string }[]>`
    select csv_head as head from course_versions where course_id = 1 order by valid_from`;
  t.equal(heads.length, 2, 'a rename is no new state of its courses');
  for (const { head } of heads) t.match(head, ',"a-new,name|alpha",');
  const [store1] = await store.sql<[{ revision: number }]>`select revision from store`;
  t.equal(store1.revision, 1);
});

void t.test('a store belongs to one kind of source', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  await publish(store, sourceOf(stateOf(1)), clock);
  const { run } = await publish(store, dashboardCsvSource(sample), clock);
  t.equal(run.state, 'refused');
  t.match(
    run.problem,
    /dashboard_database source and the configured one is dashboard_csv.*DATABASE_URL/,
  );
  t.equal((await countRows(store)).versions, 1);
});

void t.test('people are counted once however many courses they are in', async (t) => {
  const store = await createStore(t);
  const enrolled = (courseId: number, userId: number, role = 0, isNew = false) => ({
    courseId,
    userId,
    role,
    newEditor: isNew,
    newEditor60d: isNew,
  });
  const state: SourceState = {
    ...emptyState(),
    courses: [
      course(1, { start: '2026-01-01T00:00:00Z', end: '2027-01-01T00:00:00Z' }),
      course(2, { homeWiki: 'fr.wikipedia.org' }),
    ],
    enrollments: [
      enrolled(1, 10, 0, true),
      enrolled(2, 10),
      enrolled(2, 11),
      enrolled(1, 12, 1),
      enrolled(2, 13, 1),
      enrolled(2, 10, 1),
      enrolled(2, 14, 4),
    ],
  };
  await publish(store, sourceOf(state), new TestClock());
  t.match(await totalsOf(store, 1), {
    editors: 2,
    new_editors: 1,
    new_editors_60d: 1,
    facilitators: 3,
    active_facilitators: 1,
  });
  const groups = await store.sql`
    select key, (totals->>'editors')::bigint as editors from snapshot_groups
    where dimension = 'home_wiki' order by key`;
  t.same(
    [...groups],
    [
      { key: 'en.wikipedia.org', editors: 1 },
      { key: 'fr.wikipedia.org', editors: 2 },
    ],
  );
  const keys = await store.sql`select from enrollments where person_key::text like '%10%'
    and person_key = '00000000-0000-0000-0000-000000000010'`;
  t.equal(keys.count, 0, 'ids of users are not kept');
});

void t.test(
  'two publishers never work at once; the second waits or gets the first one’s run',
  async (t) => {
    const store = await createStore(t);
    const clock = new TestClock();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const inner = sourceOf(stateOf(1));
    let opened: () => void = () => undefined;
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const slow = {
      ...inner,
      open: async (options: Parameters<typeof inner.open>[0]) => {
        opened();
        await held;
        return inner.open(options);
      },
    };
    const first = publish(store, slow, clock);
    await isOpen;
    const second = await runPublication({
      address: { url: store.url },
      source: inner,
      trigger: 'admin',
      clock: clock.read,
      log: silentLog,
      signal: new AbortController().signal,
      wait: false,
    });
    t.match(second, { busy: true, run: { runId: 1, state: 'running' } });
    const third = publish(store, inner, clock);
    release();
    t.equal((await first).run.state, 'succeeded');
    t.equal((await third).run.state, 'unchanged');
  },
);
