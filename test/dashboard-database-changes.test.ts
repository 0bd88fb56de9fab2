import { test } from 'tap';
import type { SourceCourse } from '../sources/source.ts';
import { createTestDatabase, unreachable } from './dashboard-database/database.ts';
import { generate } from './dashboard-database/generator.ts';
import { now, readAll, type Everything } from './dashboard-database/read.ts';

const skip = await unreachable();
const day = 86_400_000;
const size = { courses: 300, enrollmentsPerCourse: 3, slicesPerCourse: 8 };

/** What a store remembers: markers, and of kept courses the metrics and activity it has. */
function markersOf(read: Everything): Map<number, string> {
  return new Map(
    read.courses.flatMap(({ courseId, marker }) =>
      marker === undefined ? [] : [[courseId, marker] as const],
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
    const markers = markersOf(first);
    t.equal(markers.size, first.courses.length);
    const turns = reread(await readAll(database.url, { markers }));
    t.ok(turns.length < first.courses.length / 7, 'only those whose turn it is');

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

void test(
  'every course is read once in fourteen days whatever its marker says',
  { skip },
  async (t) => {
    const database = await createTestDatabase();
    t.teardown(() => database.drop());
    await generate(database.root, { ...size, courses: 80 });
    const first = await readAll(database.url);
    const markers = markersOf(first);
    const times = new Map<number, number>();
    for (let days = 1; days <= 14; days += 1) {
      const later = new Date(now.getTime() + days * day);
      for (const id of reread(await readAll(database.url, { markers, now: later }))) {
        times.set(id, (times.get(id) ?? 0) + 1);
      }
    }
    t.equal(times.size, first.courses.length);
    t.ok([...times.values()].every((n) => n === 1));
  },
);

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
