import t, { type Test } from 'tap';
import {
  campaign,
  course,
  emptyState,
  sourceOf,
  stateOf,
  type SourceState,
} from './support/courses.ts';
import { publish, TestClock } from './support/service.ts';
import { countRows, createStore, totalsOf } from './support/store.ts';

void t.test('the disappearance of many courses, or of all, is refused', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const everyone = Array.from({ length: 200 }, (_, index) => index + 1);
  const state = stateOf(...everyone);
  await publish(store, sourceOf(state), clock);
  const before = await countRows(store);

  for (const [name, left] of [
    ['all', 0],
    ['more than 50 and 5 %', 149],
  ] as const) {
    state.courses = everyone.slice(0, left).map((id) => course(id));
    clock.advance(60);
    const { run } = await publish(store, sourceOf(state), clock);
    t.equal(run.state, 'refused', name);
    t.match(run.problem, /--confirm-withdrawals/);
    t.same(await countRows(store), before);
  }

  state.courses = everyone.slice(0, 150).map((id) => course(id));
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'succeeded', '50 is not many');

  state.courses = [];
  clock.advance(60);
  const confirmed = await publish(store, sourceOf(state), clock, { confirmWithdrawals: true });
  t.equal(confirmed.run.state, 'succeeded');
  t.equal((await countRows(store)).versions, 0);
});

void t.test('the disappearance of all is refused, whatever is there instead', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const old = Array.from({ length: 40 }, (_, index) => index + 1);
  const state = stateOf(...old);
  await publish(store, sourceOf(state), clock);
  Object.assign(state, stateOf(101, 102, 103));
  clock.advance(60);
  const { run } = await publish(store, sourceOf(state), clock);
  t.match(run, { state: 'refused', problem: /^40 of 40 courses are missing from the source,/ });
  t.equal((await countRows(store)).versions, 40);

  Object.assign(state, stateOf(101), { hidden: old.slice(0, 38) });
  clock.advance(60);
  const hidden = await publish(store, sourceOf(state), clock);
  t.match(hidden.run, { state: 'refused', problem: /^2 of 2 courses/ }, 'the hidden ones aside');
  t.equal((await countRows(store)).versions, 2, 'which are withdrawn');

  Object.assign(state, stateOf(1, 2, 101), { hidden: old.slice(2, 38) });
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'refused', 'returns aside');
  Object.assign(state, stateOf(1, 2, 40, 101), { hidden: old.slice(2, 39) });
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'succeeded');
});

void t.test('what returns is no part of what was there, nor takes from it', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = stateOf(1, 2, 3, 4);
  const publishAfter = async (now: SourceState) => {
    Object.assign(state, now);
    clock.advance(60);
    return (await publish(store, sourceOf(state), clock)).run;
  };
  await publishAfter(stateOf(1, 2, 3, 4));
  const without = await publishAfter({ ...stateOf(1, 2, 3), hidden: [4] });
  t.match(without, { state: 'succeeded', counts: { withdrawn: 1 } });
  const none = await publishAfter(stateOf(4));
  t.match(none, { state: 'refused', problem: /^3 of 3 courses/ }, 'it makes up for no other');
  const one = await publishAfter(stateOf(3, 4));
  t.match(one, { state: 'succeeded', counts: { returned: 1, withdrawn: 2 } }, 'one has stayed');
});

/** Courses with everything that a course can have. */
function fullState(courses: number): SourceState {
  const ids = Array.from({ length: courses }, (_, index) => index + 1);
  return {
    ...emptyState(),
    campaigns: [campaign(1)],
    courses: ids.map((id) =>
      course(id, {
        campaignIds: [1],
        newOrReturning: 'returning_instructor',
        metrics: { edits: id, mainspace_edits: 3, wikidata_items_created: 2 },
      }),
    ),
    enrollments: ids.flatMap((courseId) =>
      [1, 2].map((userId) => ({
        ...{ courseId, userId, role: 0, newEditor: false, newEditor60d: false },
      })),
    ),
    activity: ids.map((courseId) => ({
      ...{ courseId, wiki: 'en.wikipedia.org', month: '2026-01' },
      ...{ edits: 1, bytesAdded: 1, referencesAdded: 1 },
    })),
  };
}

/** Empties one of the things that the first `courses` of a state have. */
const emptied: Readonly<Record<string, (state: SourceState, courses: number) => void>> = {
  enrolments: (state, courses) => {
    state.enrollments = state.enrollments.filter(({ courseId }) => courseId > courses);
  },
  'tracked wikis': (state, courses) => changeCourses(state, courses, { wikis: [] }),
  'links to campaigns': (state, courses) => changeCourses(state, courses, { campaignIds: [] }),
  'home wikis': (state, courses) => changeCourses(state, courses, { homeWiki: null }),
  'tags of instructors': (state, courses) =>
    changeCourses(state, courses, { newOrReturning: 'unknown' }),
  'Wikidata statistics of courses': (state, courses) =>
    changeCourses(state, courses, { metrics: { edits: 1, mainspace_edits: 3 } }),
  'edits by namespace of courses': (state, courses) =>
    changeCourses(state, courses, {
      metrics: { edits: 1, mainspace_edits: 0, wikidata_items_created: 2 },
    }),
  'activities of courses': (state, courses) => {
    state.activity = state.activity.filter(({ courseId }) => courseId > courses);
  },
};

function changeCourses(
  state: SourceState,
  courses: number,
  fields: Partial<SourceState['courses'][number]>,
): void {
  state.courses = state.courses.map((each) =>
    each.courseId <= courses ? { ...each, ...fields } : each,
  );
}

void t.test('the loss of half of what other tables say of courses is refused', async (t) => {
  for (const [name, empty] of Object.entries(emptied)) {
    const store = await createStore(t);
    const clock = new TestClock();
    const all = fullState(120);
    await publish(store, sourceOf(all), clock);
    const before = await countRows(store);
    for (const [courses, state] of [
      [120, 'refused'],
      [61, 'refused'],
      [60, 'succeeded'],
    ] as const) {
      const left = { ...all };
      empty(left, courses);
      clock.advance(60);
      const { run } = await publish(store, sourceOf(left), clock);
      t.equal(run.state, state, `${name} of ${String(courses)} courses`);
      if (state === 'succeeded') continue;
      t.match(
        run.problem,
        new RegExp(`^\\d+ of \\d+ ${name} are missing from the source, .*s\\.$`),
      );
      t.same(await countRows(store), before);
    }
    const none = { ...all };
    empty(none, 120);
    clock.advance(60);
    const confirmed = await publish(store, sourceOf(none), clock, { confirmWithdrawals: true });
    t.equal(confirmed.run.state, 'succeeded', `${name}, confirmed`);
  }
});

void t.test('the loss of all of a few links is no half-restored source', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const all = fullState(10);
  all.enrollments.length = 9;
  await publish(store, sourceOf(all), clock);
  const withoutPeople = { ...all, enrollments: [] };
  clock.advance(60);
  t.equal((await publish(store, sourceOf(withoutPeople), clock)).run.state, 'succeeded');
  const withoutLinks = { ...withoutPeople };
  emptied['tracked wikis']?.(withoutLinks, 10);
  emptied['links to campaigns']?.(withoutLinks, 10);
  clock.advance(60);
  t.match((await publish(store, sourceOf(withoutLinks), clock)).run, {
    state: 'refused',
    problem: /^10 of 10 tracked wikis and 10 of 10 links to campaigns are missing/,
  });
});

void t.test('of courses whose slices were not read again nothing is missing', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const all = fullState(60);
  await publish(store, sourceOf(all), clock);
  const keeps = ['mainspace_edits', 'article_talk_edits', 'userspace_edits'];
  const kept = { ...all, activity: [] };
  changeCourses(kept, 60, { keeps, metrics: { edits: 1, wikidata_items_created: 2 } });
  clock.advance(60);
  t.equal((await publish(store, sourceOf(kept), clock)).run.state, 'succeeded');
  const reread = { ...kept, courses: [...kept.courses.slice(10), ...all.courses.slice(0, 10)] };
  clock.advance(60);
  t.match((await publish(store, sourceOf(reread), clock)).run, {
    state: 'refused',
    problem: /^10 of 10 activities of courses are missing/,
  });
});

/** A publication of 120 courses, then one that lacks 118 of them and is refused, the first being private. */
async function refuseAllButOne(t: Test) {
  const store = await createStore(t);
  const clock = new TestClock();
  const everyone = Array.from({ length: 120 }, (_, index) => index + 1);
  const state = stateOf(...everyone);
  await publish(store, sourceOf(state), clock);
  state.courses = [course(120)];
  state.hidden = [1];
  clock.advance(60);
  t.equal((await publish(store, sourceOf(state), clock)).run.state, 'refused');
  return { store, clock, everyone, state };
}

void t.test(
  'a refused publication still withdraws what is private, and counts it later',
  async (t) => {
    const { store, clock, everyone, state } = await refuseAllButOne(t);
    const rows = await store.sql`select from course_versions where course_id = 1`;
    t.equal(rows.count, 0, 'the private one is out of reach at once');
    t.equal((await countRows(store)).versions, 119, 'the others are not');

    state.courses = everyone.slice(1).map((id) => course(id));
    clock.advance(60);
    const { run } = await publish(store, sourceOf(state), clock);
    t.match(run.counts, { withdrawn: 1, versions_written: 0 });
    t.equal((await totalsOf(store, 2))['courses'], 119);
  },
);

void t.test(
  'a course withdrawn while a publication was refused returns as if it had never left',
  async (t) => {
    const { store, clock, everyone, state } = await refuseAllButOne(t);
    Object.assign(state, stateOf(...everyone));
    clock.advance(60);
    const { run } = await publish(store, sourceOf(state), clock);
    t.match(run.counts, { withdrawn: 0, versions_written: 0, returned: 1 });
    t.same(await countRows(store), { versions: 120, withdrawnVersions: 0, snapshots: 2 });
  },
);
