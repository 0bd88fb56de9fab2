import t from 'tap';
import { RunReport } from '../jobs/run-report.ts';
import { runPublication } from '../jobs/run-publication.ts';
import { SourceError, type Source } from '../sources/source.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { silentLog, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

interface Line extends Record<string, unknown> {
  readonly message: string;
}

function gathering(lines: Line[]) {
  const info = (fields: object, message: string) => {
    lines.push({ ...fields, message });
  };
  return { ...silentLog, info };
}

void t.test(
  'a long part is logged every five seconds, with its rate and what is left',
  async (t) => {
    const clock = new TestClock();
    const lines: Line[] = [];
    const report = new RunReport(gathering(lines), clock.read);
    report.progress({ part: 'courses', rows: 0, total: null });
    for (let rows = 500; rows <= 8000; rows += 500) {
      clock.advance(1);
      report.progress({ part: 'courses', rows, total: 10_000 });
    }
    report.progress({ part: 'enrollments', rows: 0, total: null });
    clock.advance(6);
    report.progress({ part: 'enrollments', rows: 60, total: null });
    report.begin('publishing');
    clock.advance(2);
    t.same(lines, [
      ...[2500, 5000, 7500].map((rows) => ({
        part: 'courses',
        rows,
        total: 10_000,
        seconds_left: (10_000 - rows) / 500,
        rows_per_second: 500,
        message: 'reading the source',
      })),
      { part: 'courses', rows: 8000, seconds: 16, message: 'read of the source' },
      { part: 'enrollments', rows: 60, rows_per_second: 10, message: 'reading the source' },
      { part: 'enrollments', rows: 60, seconds: 6, message: 'read of the source' },
    ]);
    t.same(report.counts(), {
      rows_read: { courses: 8000, enrollments: 60 },
      seconds: { courses: 16, enrollments: 6, publishing: 2 },
    });
  },
);

void t.test('what nothing was read of has no counts', async (t) => {
  t.same(new RunReport(silentLog, () => new Date()).counts(), {});
});

/** Reads courses for some seconds, then does what is given. */
function slowSource(clock: TestClock, ids: readonly number[], then: () => void): Source {
  const courses = ids.map((id) => course(id));
  return {
    kind: 'dashboard_database',
    async open(options) {
      const reading = await sourceOf(emptyState()).open(options);
      return {
        ...reading,
        async *courses() {
          options.onProgress?.({ part: 'courses', rows: 0, total: null });
          yield await Promise.resolve(courses);
          clock.advance(7);
          options.onProgress?.({ part: 'courses', rows: courses.length, total: courses.length });
          then();
        },
        warnings: () => new Map([['Something odd', 3]]),
      };
    },
  };
}

async function run(store: TestStore, source: Source, clock: TestClock, lines: Line[] = []) {
  const { run } = await runPublication({
    address: { url: store.url },
    source,
    trigger: 'command',
    clock: clock.read,
    log: gathering(lines),
    signal: new AbortController().signal,
    wait: true,
  });
  return run;
}

void t.test('every run keeps what it read and how long that took, however it ended', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const nothing = () => undefined;
  const lines: Line[] = [];
  const counts = {
    rows_read: { courses: 2 },
    seconds: { courses: 7 },
    warnings: { 'Something odd': 3 },
  };
  t.match(await run(store, slowSource(clock, [1, 2], nothing), clock, lines), {
    state: 'succeeded',
    counts: { ...counts, courses: 2, courses_reread: 2, seconds: { courses: 7, publishing: 0 } },
  });
  t.match(lines.at(-1), { message: 'snapshot published', ...counts });
  t.match(await run(store, slowSource(clock, [1, 2], nothing), clock), {
    state: 'unchanged',
    counts,
  });
  t.match(await run(store, slowSource(clock, [3, 4], nothing), clock), {
    state: 'refused',
    counts: { ...counts, seconds: { courses: 7, publishing: 0 } },
    problem: /^2 of 2 courses [^.]+\.$/,
  });
  const breaking = slowSource(clock, [1, 2], () => {
    throw new SourceError('The source broke.', ['in its own words. Which\nare long.']);
  });
  t.match(await run(store, breaking, clock), {
    state: 'failed',
    counts,
    problem: 'The source broke.',
  });
  const faulty = slowSource(clock, [1, 1], nothing);
  t.match(await run(store, faulty, clock), {
    state: 'failed',
    problem: /^Something other than the source failed, as the log says more of: [^\n]+\.$/,
  });
  const broken: Source = {
    kind: 'dashboard_database',
    open: () => Promise.reject(new SourceError('It is\0 not there')),
  };
  const failed = await run(store, broken, clock);
  t.match(failed, { state: 'failed', problem: 'It is not there.' });
  t.equal(failed.counts, null, 'null where nothing is known');
});

void t.test('a run has finished when all is written, not when writing begins', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const source = sourceOf({ ...emptyState(), courses: [course(1)] });
  for (const state of ['succeeded', 'unchanged']) {
    const { run } = await runPublication({
      address: { url: store.url },
      source,
      trigger: 'command',
      clock: () => {
        clock.advance(1);
        return clock.read();
      },
      log: silentLog,
      signal: new AbortController().signal,
      wait: true,
    });
    t.match(run, { state });
    t.same(run.finishedAt, clock.now, 'its is the last look at the clock');
  }
});

void t.test('what fails once it is published does not take the success back', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const { run, problems } = await runPublication({
    address: { url: store.url },
    source: sourceOf({ ...emptyState(), courses: [course(1)] }),
    trigger: 'command',
    clock: clock.read,
    log: {
      ...silentLog,
      info: (_fields, message) => {
        if (message === 'snapshot published') throw new Error('the connection is gone');
      },
    },
    signal: new AbortController().signal,
    wait: true,
  });
  t.match(run, { state: 'succeeded', snapshotId: 1, problem: null });
  t.same(problems, []);
});
