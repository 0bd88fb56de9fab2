import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { sumMetrics } from '../metrics/registry.ts';
import { demoPublicationTimes, demoSource } from '../sources/demo.ts';
import { editorRole, type Source, type SourceCourse } from '../sources/source.ts';

const now = new Date('2026-11-23T14:30:00Z');
const day = 24 * 3_600_000;
const iso = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
const daysLater = (time: Date, days: number) => new Date(time.getTime() + days * day);

async function collect<Row>(batches: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of batches) {
    if (batch.length > 1000) throw new Error(`a batch of ${batch.length} rows`);
    rows.push(...batch);
  }
  return rows;
}

async function readAll(time: Date, source: Source = demoSource()) {
  const { signal } = new AbortController();
  const reading = await source.open({ signal, now: time, markers: new Map() });
  const campaigns = await collect(reading.campaigns());
  const courses = await collect(reading.courses());
  const hidden = await collect(reading.hiddenCourseIds());
  const enrollments = await collect(reading.enrollments());
  const activity = await collect(reading.activity());
  await reading.close();
  return { readAt: reading.readAt, campaigns, courses, hidden, enrollments, activity };
}

type Content = Awaited<ReturnType<typeof readAll>>;
const byId = ({ courses }: Content) => new Map(courses.map((course) => [course.courseId, course]));
const edits = (courses: Iterable<SourceCourse>) =>
  [...courses].reduce((sum, { metrics }) => sum + (metrics['edits'] ?? 0), 0);

/** Each of `from`'s courses that `to` still has, with its state in both, and those it lost. */
function compare(from: Content, to: Content) {
  const later = byId(to);
  const pairs = from.courses.flatMap((course) => {
    const then = later.get(course.courseId);
    return then === undefined ? [] : [{ before: course, after: then }];
  });
  const lost = from.courses.filter(({ courseId }) => !later.has(courseId));
  const changed = pairs.filter(({ before, after }) => !isDeepStrictEqual(before, after));
  return { pairs, lost, changed };
}

const withoutViews = ({ metrics }: SourceCourse) => ({ ...metrics, article_views: null });
const sorted = <Value extends string | number>(values: readonly Value[]) =>
  [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));

t.test('the same seed and moment give the same reading, another seed another', async (t) => {
  const [one, same, other] = [
    await readAll(now),
    await readAll(now),
    await readAll(now, demoSource({ seed: 2 })),
  ];
  // Comparing such lists with tap would spend minutes on the difference.
  t.ok(isDeepStrictEqual(one, same));
  t.notOk(isDeepStrictEqual(one.courses, other.courses));
  t.equal(one.readAt.getTime(), now.getTime());
});

t.test('one source read at several moments answers for each', async (t) => {
  const source = demoSource();
  const earlier = daysLater(now, -365);
  await readAll(now, source);
  t.ok(isDeepStrictEqual(await readAll(earlier, source), await readAll(earlier)));
});

t.test('the size is about the one asked for', async (t) => {
  const usual = await readAll(now);
  t.ok(usual.courses.length > 2200 && usual.courses.length < 2700, `${usual.courses.length}`);
  const people = new Set(usual.enrollments.map(({ userId }) => userId)).size;
  t.ok(people > 10_000 && people < 15_000, `${people} people`);
  t.ok(usual.campaigns.length >= 100 && usual.campaigns.length <= 140);
  t.ok(new Set(usual.courses.flatMap(({ wikis }) => wikis)).size >= 55);
  const small = (await readAll(now, demoSource({ courses: 100 }))).courses.length;
  t.ok(small > 80 && small < 110, `${small}`);
  t.equal((await readAll(now, demoSource({ courses: 0 }))).courses.length, 0);
});

t.test('a course keeps the contract of a source', async (t) => {
  const { courses, campaigns, hidden } = await readAll(now);
  const campaignIds = new Set(campaigns.map(({ campaignId }) => campaignId));
  const names = new Set(sumMetrics.map(({ name }) => name));
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  const odd = courses.filter(
    (course) =>
      Object.keys(course.metrics).some((name) => !names.has(name)) ||
      !isDeepStrictEqual(sorted(course.wikis), course.wikis) ||
      !isDeepStrictEqual(sorted(course.campaignIds), course.campaignIds) ||
      course.campaignIds.some((id) => !campaignIds.has(id)) ||
      [course.start, course.end, course.createdAt].some((at) => at !== null && !time.test(at)) ||
      (course.createdAt ?? '') > iso(now) ||
      (course.start !== null && course.end !== null && course.start > course.end),
  );
  t.same(
    odd.map(({ courseId }) => courseId),
    [],
  );
  t.equal(new Set(courses.map(({ courseId }) => courseId)).size, courses.length);
  t.equal(new Set(courses.map(({ slug }) => slug?.toLowerCase())).size, courses.length);
  t.equal(campaignIds.size, campaigns.length);
  const shown = new Set(courses.map(({ courseId }) => courseId));
  t.ok(hidden.length > 0);
  t.notOk(hidden.some((id) => shown.has(id)));
});

t.test(
  'values are possible: whole, signed only where they may be, parts within wholes',
  async (t) => {
    const signed = new Set(sumMetrics.filter((metric) => metric.signed).map(({ name }) => name));
    const { courses } = await readAll(now);
    const impossible = courses.filter(({ metrics }) => {
      const value = (name: string) => metrics[name] ?? 0;
      return (
        Object.entries(metrics).some(
          ([name, given]) =>
            given !== null &&
            !(
              Number.isSafeInteger(given) &&
              (given >= 0 || signed.has(name)) &&
              !Object.is(given, -0)
            ),
        ) ||
        value('articles_created') > value('articles_edited') ||
        value('uploads_in_use') > value('uploads') ||
        value('mainspace_edits') + value('article_talk_edits') + value('userspace_edits') >
          value('edits')
      );
    });
    t.same(
      impossible.map(({ courseId }) => courseId),
      [],
    );
  },
);

t.test('the oddities of a real Dashboard are there', async (t) => {
  const { courses, campaigns } = await readAll(now);
  const some = (name: string, found: (course: SourceCourse) => boolean) =>
    t.ok(courses.some(found), name);
  some('negative references', ({ metrics }) => (metrics['references_added'] ?? 0) < 0);
  some('never updated', ({ metrics }) => metrics['edits'] === null);
  some('no time slices', ({ metrics }) => metrics['mainspace_edits'] === null);
  some('ends in 2049', ({ end }) => end?.startsWith('2049') === true);
  some('Wikidata statistics', ({ metrics }) => (metrics['wikidata_claims_created'] ?? 0) > 0);
  some('undated', ({ start, end }) => start === null && end === null);
  some('starts and ends at once', ({ start, end }) => start !== null && start === end);
  some('upcoming', ({ start }) => start !== null && start > iso(now));
  some('under way', ({ start, end }) => (start ?? '') <= iso(now) && (end ?? '') > iso(now));
  some('starts at midnight in Jakarta', ({ start }) => start?.endsWith('T17:00:00Z') === true);
  some('no home wiki', ({ homeWiki }) => homeWiki === null);
  some('in no campaign', ({ campaignIds }) => campaignIds.length === 0);
  some('in several campaigns', ({ campaignIds }) => campaignIds.length > 1);
  t.equal(new Set(campaigns.map(({ slug }) => slug)).size, campaigns.length - 1, 'a shared slug');
});

t.test('enrolments are those of the courses, and agree with their counts', async (t) => {
  const content = await readAll(now);
  const courses = byId(content);
  t.same(
    content.enrollments.filter(({ courseId }) => !courses.has(courseId)),
    [],
  );
  const keys = content.enrollments.map((one) => `${one.courseId} ${one.userId} ${one.role}`);
  t.equal(new Set(keys).size, keys.length, 'one row per person, course and role');
  t.ok(
    content.enrollments.every((one) => one.newEditor60d || !one.newEditor),
    'new is new within 60 days',
  );
  const editors = content.enrollments.filter(({ role }) => role === editorRole);
  const counts = new Map<number, { rows: number; newOnes: number }>();
  for (const { courseId, newEditor } of editors) {
    const { rows, newOnes } = counts.get(courseId) ?? { rows: 0, newOnes: 0 };
    counts.set(courseId, { rows: rows + 1, newOnes: newOnes + (newEditor ? 1 : 0) });
  }
  let higher = 0;
  for (const { courseId, metrics } of content.courses) {
    const { rows, newOnes } = counts.get(courseId) ?? { rows: 0, newOnes: 0 };
    const removed = (metrics['enrollments'] ?? NaN) - rows;
    if (removed === 1) higher += 1;
    else if (removed !== 0) t.fail(`course ${courseId} counts ${removed} more than its rows`);
    if (metrics['new_editor_enrollments'] !== newOnes) t.fail(`new editors of ${courseId}`);
    if ((metrics['trained_enrollments'] ?? NaN) > rows) t.fail(`trained of ${courseId}`);
  }
  t.ok(higher > 0 && higher < content.courses.length / 10, `${higher} count a removed person`);
  const people = new Set(editors.map(({ userId }) => userId)).size;
  t.ok(people < editors.length / 1.5, 'people come back');
  t.ok(editors.some(({ newEditor }) => newEditor));
});

t.test('activity is of the past and adds up to the edits of its course', async (t) => {
  const content = await readAll(now);
  const courses = byId(content);
  const sums = new Map<number, number>();
  for (const { courseId, wiki, month, edits } of content.activity) {
    sums.set(courseId, (sums.get(courseId) ?? 0) + (edits ?? 0));
    if (courses.get(courseId)?.wikis.includes(wiki) !== true) t.fail(`${wiki} in ${courseId}`);
    if (!/^\d{4}-\d\d$/.test(month) || month > iso(now).slice(0, 7)) t.fail(`month ${month}`);
  }
  for (const { courseId, metrics, wikis } of content.courses) {
    const sliced = metrics['mainspace_edits'] !== null && wikis.length > 0;
    const expected = sliced ? (metrics['edits'] ?? 0) : 0;
    if ((sums.get(courseId) ?? 0) !== expected) t.fail(`edits of course ${courseId}`);
  }
  const keys = content.activity.map((row) => `${row.courseId} ${row.wiki} ${row.month}`);
  t.equal(new Set(keys).size, keys.length, 'one row per course, wiki and month');
  t.ok(content.activity.length > 1000);
});

t.test('consecutive publications differ a little, and plausibly', async (t) => {
  let withdrawn = 0;
  let changedNames = 0;
  let fallingViews = 0;
  let previous: Content | undefined;
  const source = demoSource();
  for (const time of [...demoPublicationTimes(now), now]) {
    const content = await readAll(time, source);
    if (previous !== undefined) {
      const { pairs, lost, changed } = compare(previous, content);
      const total = previous.courses.length;
      const elapsed = content.readAt.getTime() - previous.readAt.getTime();
      t.ok(lost.length <= total / 100, `${lost.length} withdrawn at ${iso(time)}`);
      if (elapsed <= day) {
        t.ok(changed.length < total / 10, `${changed.length} changed at ${iso(time)}`);
        t.ok(changed.length > 0, `something changed at ${iso(time)}`);
      }
      const grown = edits(content.courses) - edits(previous.courses);
      t.ok(grown >= -edits(lost), `edits at ${iso(time)}`);
      const moved = pairs.filter(({ before, after }) => before.createdAt !== after.createdAt);
      t.equal(moved.length, 0, 'an id stays that of its course');
      withdrawn += lost.length;
      changedNames += pairs.filter(({ before, after }) => before.slug !== after.slug).length;
      fallingViews += pairs.filter(
        ({ before, after }) =>
          (after.metrics['article_views'] ?? 0) < (before.metrics['article_views'] ?? 0),
      ).length;
    }
    previous = content;
  }
  t.ok(withdrawn > 0, `${withdrawn} withdrawn`);
  t.ok(changedNames > 0, `${changedNames} renamed`);
  t.ok(fallingViews > 0, `${fallingViews} times views fell`);
});

t.test('an ended course is constant but for views, and after a year those too', async (t) => {
  const before = await readAll(now);
  const after = await readAll(daysLater(now, 60));
  const { pairs } = compare(before, after);
  const ended = pairs.filter((pair) => pair.before.end !== null && pair.before.end < iso(now));
  t.ok(ended.length > 2000);
  const moving = ended.filter(
    (pair) => !isDeepStrictEqual(withoutViews(pair.before), withoutViews(pair.after)),
  );
  t.same(
    moving.map(({ before }) => before.courseId),
    [],
  );
  const yearAgo = iso(daysLater(now, -365));
  const frozen = ended.filter((pair) => (pair.before.end ?? '') < yearAgo);
  t.ok(frozen.length > 1500);
  const thawed = frozen.filter(
    (pair) => !isDeepStrictEqual(pair.before.metrics, pair.after.metrics),
  );
  t.same(
    thawed.map(({ before }) => before.courseId),
    [],
  );
});

t.test('metrics of a course under way grow until its end', async (t) => {
  const readings = [];
  for (const days of [0, 7, 30]) readings.push(byId(await readAll(daysLater(now, days))));
  const [first, second, third] = readings.map(
    (reading) => (id: number) => reading.get(id)?.metrics['edits'] ?? 0,
  );
  const running = [...readings[0]!.values()].filter(
    ({ start, end }) => start !== null && start < iso(now) && (end ?? '') > iso(daysLater(now, 30)),
  );
  const grows = running.filter(
    ({ courseId }) => first!(courseId) < second!(courseId) && second!(courseId) < third!(courseId),
  );
  t.ok(grows.length > 5, `${grows.length} of ${running.length}`);
});

t.test('publication times ascend to before now, weekly and then daily, at 04:00 UTC', async (t) => {
  for (const [given, last] of [
    ['2026-11-23T04:00:00.001Z', '2026-11-23T04:00:00.000Z'],
    ['2026-11-23T04:00:00.000Z', '2026-11-22T04:00:00.000Z'],
    ['2026-11-23T03:59:59.999Z', '2026-11-22T04:00:00.000Z'],
    ['2024-03-01T23:00:00.000Z', '2024-03-01T04:00:00.000Z'],
  ] as const) {
    const times = demoPublicationTimes(new Date(given)).map((time) => time.toISOString());
    t.equal(times.at(-1), last);
    t.equal(times.length, 30);
    t.same(sorted(times), times);
    t.ok(times.every((time) => time.endsWith('T04:00:00.000Z')));
    const gaps = times.slice(1).map((time, i) => (Date.parse(time) - Date.parse(times[i]!)) / day);
    t.same(gaps, [...Array<number>(20).fill(7), ...Array<number>(9).fill(1)]);
  }
});

t.test('an abort ends a reading', async (t) => {
  const controller = new AbortController();
  const options = { signal: controller.signal, now, markers: new Map() };
  const reading = await demoSource().open(options);
  controller.abort();
  await t.rejects(collect(reading.courses()), { name: 'AbortError' });
  await t.rejects(demoSource().open(options), { name: 'AbortError' });
});
