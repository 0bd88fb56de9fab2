import { test } from 'tap';
import { turnsOf } from '../sources/dashboard-database/rereading.ts';
import type { Marker, SourceCourse } from '../sources/source.ts';
import { createTestDatabase, unreachable } from './dashboard-database/database.ts';
import { generate } from './dashboard-database/generator.ts';
import { now, readAll, type Everything } from './dashboard-database/read.ts';

const skip = await unreachable();
const millisecondsPerDay = 86_400_000;
const size = { courses: 300, enrollmentsPerCourse: 3, slicesPerCourse: 8 };

/** What a store remembers of a reading of that day. */
function markersOf(read: Everything, readOn = '2026-08-27'): Map<number, Marker> {
  return new Map(
    read.courses.flatMap(({ courseId, marker }) =>
      marker === undefined ? [] : [[courseId, { marker, readOn }] as const],
    ),
  );
}

function kept(read: Everything): SourceCourse[] {
  return read.courses.filter((course) => course.keeps !== undefined);
}

function reread(read: Everything): number[] {
  return read.courses.filter((c) => c.keeps === undefined).map((c) => c.courseId);
}

/** What a store has after an earlier reading and one that kept some of it. */
function merged(before: Everything, after: Everything): unknown {
  const earlier = new Map(before.courses.map((course) => [course.courseId, course]));
  const keeps = new Set(kept(after).map((course) => course.courseId));
  const courses = after.courses.map(({ keeps, ...course }) => ({
    ...course,
    metrics: {
      ...course.metrics,
      ...Object.fromEntries(
        (keeps ?? []).map((name) => [name, earlier.get(course.courseId)?.metrics[name] ?? null]),
      ),
    },
  }));
  const activity = [...before.activity.filter((row) => keeps.has(row.courseId)), ...after.activity];
  return { courses, activity: sorted(activity) };
}

function sorted(rows: Everything['activity']): Everything['activity'] {
  const name = (row: (typeof rows)[number]): string => `${row.courseId} ${row.wiki} ${row.month}`;
  return [...rows].sort((a, b) => (name(a) < name(b) ? -1 : 1));
}

void test(
  'a second reading reads slices again only where they can have changed',
  { skip },
  async (t) => {
    const database = await createTestDatabase();
    t.teardown(() => database.drop());
    await generate(database.root, size);
    const first = await readAll(database.url);
    t.equal(kept(first).length, 0, 'the first reads all');
    t.equal(markersOf(first).size, first.courses.length);
    t.same(reread(await readAll(database.url, { markers: markersOf(first) })), [], 'that day none');
    const markers = markersOf(first, '2026-08-26');
    const turns = reread(await readAll(database.url, { markers }));
    t.equal(turns.length, Math.ceil(first.courses.length / 14), 'only those whose turn it is');

    /** Public, not their turn, with slices, of different wikis, so that a change shows. */
    const candidates = await database.ask<{ id: number; wiki: number }>(
      `select c.id, min(s.wiki_id) as wiki from courses c
     join course_wiki_timeslices s on s.course_id = c.id
     join courses_wikis l on l.course_id = c.id and l.wiki_id = s.wiki_id
     where c.private = 0 and s.wiki_id <= 5 and c.id not in (${turns.join(', ')})
       and exists (select 1 from article_course_timeslices a where a.course_id = c.id)
     group by c.id having count(*) > 2 order by c.id`,
    );
    const changes: Readonly<Record<string, (id: number, wiki: number) => string>> = {
      'the row of the course': (id) =>
        `update courses set updated_at = '2026-02-01' where id = ${id}`,
      'a cached metric alone': (id) =>
        `update courses set revision_count = coalesce(revision_count, 0) + 1 where id = ${id}`,
      'a slice of an article': (id) =>
        `update article_course_timeslices set revision_count = 999, updated_at = '2026-02-01'
       where course_id = ${id} limit 1`,
      'a slice of an article gone': (id) =>
        `delete from article_course_timeslices where course_id = ${id} limit 1`,
      'all slices of articles gone': (id) =>
        `delete from article_course_timeslices where course_id = ${id}`,
      'a slice of a wiki gone': (id) =>
        `delete from course_wiki_timeslices where course_id = ${id} limit 1`,
      'a slice of a wiki added': (id, wiki) =>
        `insert into course_wiki_timeslices
         (course_id, wiki_id, start, end, revision_count, created_at, updated_at)
       values (${id}, ${wiki}, '2030-01-01', '2030-01-02', 7, '2026-02-01', '2026-02-01')`,
      'a wiki no longer tracked': (id, wiki) =>
        `delete from courses_wikis where course_id = ${id} and wiki_id = ${wiki}`,
    };
    const changed: number[] = [];
    for (const [index, change] of Object.values(changes).entries()) {
      const candidate = candidates[index * 3];
      if (candidate === undefined) throw new Error('too few candidates');
      await database.root.query(change(candidate.id, candidate.wiki));
      changed.push(candidate.id);
    }

    const slices = new Map<string, number>();
    const second = await readAll(database.url, {
      markers,
      onProgress: ({ part, rows }) => slices.set(part, rows),
    });
    t.strictSame(
      reread(second),
      [...turns, ...changed].sort((a, b) => a - b),
      Object.keys(changes).join(', '),
    );
    const [expected] = await database.ask<{ slices: number }>(
      `select count(*) as slices from course_wiki_timeslices
     where course_id in (${reread(second).join(', ')})`,
    );
    t.equal(slices.get('time slices'), expected?.slices, 'no other slice was read');

    const fresh = await readAll(database.url);
    t.strictSame(merged(first, second), {
      courses: fresh.courses,
      activity: sorted(fresh.activity),
    });
    t.strictSame(second.enrollments, fresh.enrollments);
    t.ok(
      kept(second).every(
        ({ keeps, metrics }) =>
          String(keeps) === 'mainspace_edits,article_talk_edits,userspace_edits' &&
          keeps?.every((name) => !(name in metrics)),
      ),
    );
    const keptIds = new Set(kept(second).map((course) => course.courseId));
    t.notOk(second.activity.some((row) => keptIds.has(row.courseId)));
  },
);

void test('a wiki of another domain is read again where it occurs', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, size);
  await database.root.query(`
    delete from courses_wikis where wiki_id = 7;
    insert ignore into courses_wikis (course_id, wiki_id, created_at, updated_at)
      select course_id, 6, now(), now() from course_wiki_timeslices where wiki_id = 7`);
  const first = await readAll(database.url);
  const affected = await database.ask<{ id: number }>(
    `select distinct c.id from courses c join course_wiki_timeslices s on s.course_id = c.id
     where c.private = 0 and s.wiki_id = 7 order by c.id`,
  );
  t.ok(affected.length > 3);

  await database.root.query(`
    update wikis set project = 'wikimania' where id = 7;
    insert into wikis (id, language, project) values (70, 'te', 'wikipedia')`);
  const second = await readAll(database.url, { markers: markersOf(first) });
  t.same(
    reread(second),
    affected.map(({ id }) => id),
  );
  const fresh = await readAll(database.url);
  t.strictSame(merged(first, second), {
    courses: fresh.courses,
    activity: sorted(fresh.activity),
  });
});

/** The days on which readings succeed, up to the sixtieth. */
const schedules: Readonly<Record<string, (day: number) => boolean>> = {
  'every day': () => true,
  'every other day': (day) => day % 2 === 0,
  'every third day': (day) => day % 3 === 0,
  'once a week': (day) => day % 7 === 0,
  'on Mondays and Tuesdays': (day) => day % 7 < 2,
  'with failures': (day) => day % 11 < 5 || day % 11 === 8,
};

void test('no course is older than fourteen days, whatever the schedule', (t) => {
  const start = Date.parse('2026-08-27T04:00:00Z');
  for (const [name, isRead] of Object.entries(schedules)) {
    const days = new Map(Array.from({ length: 100 }, (_, id) => [id, 0]));
    let last = 0;
    for (let day = 1; day <= 60; day += 1) {
      if (!isRead(day)) continue;
      const now = new Date(start + day * millisecondsPerDay);
      const markers = new Map(
        Array.from(days, ([id, read]) => {
          const readOn = new Date(start + read * millisecondsPerDay).toISOString().slice(0, 10);
          return [id, { marker: '', readOn }];
        }),
      );
      const turns = turnsOf(markers, now);
      if (turns.size > Math.ceil((100 * (day - last)) / 14)) t.fail(`${name}: too many at once`);
      for (const id of turns) days.set(id, day);
      const oldest = day - Math.min(...days.values());
      if (oldest > 14) t.fail(`${name}: ${oldest} days on day ${day}`);
      last = day;
    }
    t.pass(name);
  }
  t.end();
});

void test('after a long pause half of the courses are read at once, the oldest first', (t) => {
  const later = new Date('2026-10-01T04:00:00Z');
  const markers = new Map(
    ['2026-08-02', '2026-08-01', '2026-08-03', '2027-01-01'].map((readOn, id) => [
      id,
      { marker: '', readOn },
    ]),
  );
  t.same([...turnsOf(markers, later)], [3, 1], 'a day that is still to come is not believed');
  t.equal(turnsOf(new Map(), later).size, 0);
  t.end();
});

void test('a course’s turn comes whatever its marker says', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, { ...size, courses: 80 });
  const markers = markersOf(await readAll(database.url));
  const times = new Map<number, number>();
  for (const week of [1, 2]) {
    const later = new Date(now.getTime() + week * 7 * millisecondsPerDay);
    for (const id of reread(await readAll(database.url, { markers, now: later }))) {
      times.set(id, (times.get(id) ?? 0) + 1);
      markers.set(id, {
        marker: markers.get(id)?.marker ?? '',
        readOn: later.toISOString().slice(0, 10),
      });
    }
  }
  t.equal(times.size, markers.size, 'all in two weeks');
  t.ok([...times.values()].filter((n) => n > 1).length <= 1);
});

void test('a course changed this very moment is read again next time', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, { ...size, courses: 80 });
  const [course] = await database.ask<{ id: number }>(
    `select s.course_id as id from article_course_timeslices s join courses c on c.id = s.course_id
     where c.private = 0 limit 1`,
  );
  await database.root.query(
    `update article_course_timeslices set updated_at = utc_timestamp() where course_id = ${course?.id}`,
  );
  const read = await readAll(database.url);
  t.strictSame(
    read.courses.filter((c) => c.marker === undefined).map((c) => c.courseId),
    [course?.id],
  );
});
