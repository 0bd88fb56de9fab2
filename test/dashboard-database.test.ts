import { test } from 'tap';
import type { SourceEnrollment } from '../sources/source.ts';
import { wikidataMetricOf } from '../metrics/wikidata.ts';
import { createTestDatabase, unreachable } from './dashboard-database/database.ts';
import { generate, secret } from './dashboard-database/generator.ts';
import { readAll } from './dashboard-database/read.ts';

const skip = await unreachable();
const possible = (column: string): string => `(month(${column}) > 0 and day(${column}) > 0)`;
const window = `${possible('c.start')} and ${possible('c.end')} and ${possible('u.registered_at')}`;
const domain = (wiki: string): string => `case
  when ${wiki}.project is null then null
  when ${wiki}.language is not null then concat(${wiki}.language, '.', ${wiki}.project, '.org')
  when ${wiki}.project = 'wikidata' then 'www.wikidata.org'
  when ${wiki}.project = 'wikisource' then 'wikisource.org' end`;

void test(
  'a reading of 1,000 courses with every trap equals what SQL says',
  { skip },
  async (t) => {
    const database = await createTestDatabase();
    t.teardown(() => database.drop());
    const truth = await generate(database.root, {
      courses: 1000,
      enrollmentsPerCourse: 10,
      slicesPerCourse: 15,
    });
    const read = await readAll(database.url);
    const ids = new Set(read.courses.map((course) => course.courseId));

    await t.test('the public courses are those that are not private', async (t) => {
      const rows = await database.ask<{ id: number }>('select id from courses where private = 0');
      t.strictSame(
        read.courses.map((course) => course.courseId),
        rows.map((row) => row.id),
      );
    });

    await t.test('every other course is hidden', async (t) => {
      const rows = await database.ask<{ id: number }>(
        'select id from courses where private is null or private <> 0',
      );
      t.ok(rows.length > 100);
      t.strictSame(
        read.hidden,
        rows.map((row) => row.id),
      );
    });

    await t.test('nothing that must not be read is in what was read', (t) => {
      const whole = JSON.stringify(read);
      t.notMatch(whole, secret);
      t.notMatch(whole, 'PRIVATE');
      const hidden = new Set(read.hidden);
      for (const { courseId } of [...read.enrollments, ...read.activity]) {
        if (hidden.has(courseId)) t.fail(`course ${courseId} is hidden`);
      }
      t.end();
    });

    await t.test('cached metrics have the totals and the coverage of their columns', async (t) => {
      for (const [column, metric] of Object.entries(columns)) {
        const [row] = await database.ask<{ total: string; courses: number }>(
          `select cast(sum(${column}) as char) as total, count(${column}) as courses
         from courses where private = 0 and coalesce(${column}, 0) <= 9007199254740991
           and (${column} >= 0 or ${metric === 'references_added'})`,
        );
        const values = read.courses.map((course) => course.metrics[metric]).filter(isNumber);
        t.equal(String(total(values)), row?.total, metric);
        t.equal(values.length, row?.courses, `${metric}, coverage`);
      }
    });

    await t.test('edits by namespace are those of tracked slices of articles', async (t) => {
      for (const [namespace, metric] of Object.entries(namespaces)) {
        const [row] = await database.ask<{ total: string; courses: number }>(
          `select cast(sum(s.revision_count) as char) as total,
           (select count(*) from courses c where c.private = 0 and exists
             (select 1 from article_course_timeslices s where s.course_id = c.id)) as courses
         from article_course_timeslices s join articles a on a.id = s.article_id
         join courses c on c.id = s.course_id
         where c.private = 0 and s.tracked = 1 and a.namespace = ${namespace}`,
        );
        const values = read.courses.map((course) => course.metrics[metric]).filter(isNumber);
        t.equal(String(total(values)), row?.total, metric);
        t.equal(values.length, row?.courses, `${metric}, coverage`);
        t.ok(values.length < read.courses.length && values.includes(0), 'null and 0 both occur');
      }
    });

    await t.test('people are counted as in SQL', async (t) => {
      const counts = async (where: string): Promise<string | undefined> => {
        const [row] = await database.ask<{ counts: string }>(
          `select concat(count(distinct u.id), ' people, ', count(*), ' enrolments') as counts
         from courses_users e join users u on u.id = e.user_id join courses c on c.id = e.course_id
         where c.private = 0 and ${where}`,
        );
        return row?.counts;
      };
      const counted = (want: (enrollment: SourceEnrollment) => boolean): string => {
        const wanted = read.enrollments.filter(want);
        const people = new Set(wanted.map((enrollment) => enrollment.userId));
        return `${people.size} people, ${wanted.length} enrolments`;
      };
      t.equal(
        counted((e) => e.role === 0),
        await counts('e.role = 0'),
      );
      t.equal(
        counted((e) => e.role === 1),
        await counts('e.role = 1'),
      );
      t.equal(
        counted((e) => e.newEditor),
        await counts(`e.role = 0 and ${window} and u.registered_at between c.start and c.end`),
      );
      t.equal(
        counted((e) => e.newEditor60d),
        await counts(
          `e.role = 0 and ${window}
         and u.registered_at between c.start - interval 60 day and c.end`,
        ),
      );
      t.ok(read.enrollments.every((e) => e.role === 0 || e.role === 1));
      t.ok(read.enrollments.every((e) => ids.has(e.courseId)));
    });

    await t.test('new editors of each course are those of its enrolments', (t) => {
      const expected = new Map<number, number>();
      for (const { courseId, newEditor } of read.enrollments) {
        if (newEditor) expected.set(courseId, (expected.get(courseId) ?? 0) + 1);
      }
      for (const { courseId, metrics } of read.courses) {
        if (metrics['new_editor_enrollments'] !== (expected.get(courseId) ?? 0)) {
          t.equal(metrics['new_editor_enrollments'], expected.get(courseId), `course ${courseId}`);
        }
      }
      t.ok(expected.size > 50);
      t.end();
    });

    await t.test('activity by wiki and month is that of the slices of tracked wikis', async (t) => {
      const rows = await database.ask<{ line: string }>(
        `select concat_ws(' ', ${domain('w')}, date_format(s.start, '%Y-%m'),
         coalesce(sum(s.revision_count), 'null'), coalesce(sum(s.character_sum), 'null'),
         coalesce(sum(s.references_count), 'null')) as line
       from course_wiki_timeslices s join wikis w on w.id = s.wiki_id
       join courses c on c.id = s.course_id
       where c.private = 0 and s.start is not null and exists (
         select 1 from courses_wikis l join wikis x on x.id = l.wiki_id
         where l.course_id = s.course_id and ${domain('x')} = ${domain('w')})
       group by ${domain('w')}, date_format(s.start, '%Y-%m')`,
      );
      const sums = new Map<string, (number | null)[]>();
      for (const { wiki, month, edits, bytesAdded, referencesAdded } of read.activity) {
        const sum = sums.get(`${wiki} ${month}`) ?? [];
        sums.set(`${wiki} ${month}`, [
          plus(sum[0], edits),
          plus(sum[1], bytesAdded),
          plus(sum[2], referencesAdded),
        ]);
      }
      t.ok(rows.length > 100);
      t.strictSame(
        [...sums].map(([name, sum]) => `${name} ${sum.map(String).join(' ')}`).sort(),
        rows.map((row) => row.line).sort(),
      );
      t.ok(
        read.activity.some(
          ({ edits, referencesAdded }) => edits === null || referencesAdded === null,
        ),
      );
      const keys = read.activity.map((row) => `${row.courseId} ${row.wiki} ${row.month}`);
      t.equal(new Set(keys).size, keys.length, 'each course, wiki and month comes once');
    });

    await t.test('links are those to what exists', async (t) => {
      const rows = await database.ask<{ line: string }>(
        `select concat(l.course_id, ' ', l.campaign_id) as line from campaigns_courses l
       join courses c on c.id = l.course_id join campaigns k on k.id = l.campaign_id
       where c.private = 0 and k.slug is not null order by l.course_id, l.campaign_id`,
      );
      t.strictSame(
        read.courses.flatMap((c) => c.campaignIds.map((id) => `${c.courseId} ${id}`)),
        rows.map((row) => row.line),
      );
      const tracked = await database.ask<{ line: string }>(
        `select distinct concat(l.course_id, ' ', ${domain('w')}) as line from courses_wikis l
       join courses c on c.id = l.course_id join wikis w on w.id = l.wiki_id
       where c.private = 0 and ${domain('w')} is not null`,
      );
      t.strictSame(
        read.courses.flatMap((c) => c.wikis.map((wiki) => `${c.courseId} ${wiki}`)).sort(),
        tracked.map((row) => row.line).sort(),
      );
      t.ok(
        read.courses.every(
          ({ wikis, campaignIds }) =>
            String(wikis) === String([...wikis].sort()) &&
            String(campaignIds) === String([...campaignIds].sort((a, b) => a - b)),
        ),
        'sorted',
      );
    });

    await t.test('the wikis are those that have a domain', async (t) => {
      const rows = await database.ask<{ domain: string }>(
        `select distinct ${domain('w')} as domain from wikis w where ${domain('w')} is not null`,
      );
      t.strictSame([...new Set(read.wikis)].sort(), rows.map((row) => row.domain).sort());
    });

    await t.test('what describes a course is what its row says', async (t) => {
      const iso = (column: string): string =>
        `if(${possible(column)}, date_format(${column}, '%Y-%m-%dT%TZ'), null)`;
      const rows = await database.ask<Record<string, unknown>>(
        `select c.id as courseId, c.slug, c.title, c.school as institution,
         c.term, if(c.type in ('', 'none'), null, c.type) as type, ${domain('w')} as homeWiki, ${iso('c.start')} as start,
         ${iso('c.end')} as end, ${iso('c.created_at')} as createdAt,
         coalesce((select min(tag) from tags g where g.course_id = c.id and g.tag in
           ('first_time_instructor', 'returning_instructor')), 'unknown') as newOrReturning
       from courses c left join wikis w on w.id = c.home_wiki_id
       where c.private = 0 order by c.id`,
      );
      const names = Object.keys(rows[0] ?? {});
      t.strictSame(
        read.courses.map((course) =>
          Object.fromEntries(names.map((name) => [name, course[name as keyof typeof course]])),
        ),
        rows.map((row) => ({ ...row })),
      );
    });

    await t.test('Wikidata metrics are the labels, the legacy one folded in', (t) => {
      const values = new Map<number, unknown>();
      for (const { courseId, metrics } of read.courses) {
        const entries = Object.entries(metrics).filter(([name]) => name.startsWith('wikidata_'));
        if (entries.length > 0) values.set(courseId, Object.fromEntries(entries));
      }
      const expected = new Map<number, unknown>();
      for (const [courseId, labels] of truth.wikidata) {
        if (!ids.has(courseId)) continue;
        const entries = Object.entries(labels).map(([label, n]) => [wikidataMetricOf(label), n]);
        expected.set(courseId, Object.fromEntries(entries));
      }
      t.ok(values.size > 100);
      t.strictSame(values, expected);
      t.end();
    });

    await t.test('every oddity is counted', async (t) => {
      const count = async (sql: string): Promise<number | undefined> => {
        const [row] = await database.ask<{ n: number }>(`select count(*) as n from ${sql}`);
        return row?.n;
      };
      const expected = {
        'Campaigns without a slug, left out': 'campaigns where slug is null',
        'Duplicate wikis, taken for one': "wikis where id = 7 and project = 'wikidata'",
        'Wikis of no known domain, left out': `wikis w where ${domain('w')} is null`,
        'Courses without a slug, so without an address':
          'courses where private = 0 and slug is null',
        'Unknown course types, kept as they are: TimeTravelProgram':
          "courses where private = 0 and type = 'TimeTravelProgram'",
        'Numbers beyond 2^53 - 1, read as null': 'courses where private = 0 and view_sum > 1e18',
        'Negative numbers where none can be, read as null':
          'courses where private = 0 and (character_sum < 0 or view_sum < 0)',
        'Course types named none, read as none': "courses where private = 0 and type = 'none'",
        'Rows of campaigns_courses whose course is missing, left out':
          'campaigns_courses where course_id not in (select id from courses)',
        'Enrolments of users who are missing, left out': `courses_users e join courses c
         on c.id = e.course_id where c.private = 0 and (role in (0, 1) or role is null)
         and user_id not in (select id from users)`,
        'Unreadable YAML in course_stats, taken for none': `course_stats s join courses c
         on c.id = s.course_id where c.private = 0 and (stats_hash like '--- [%'
         or stats_hash like '%words' or stats_hash like '---\\n-%')`,
      };
      for (const [message, sql] of Object.entries(expected)) {
        const times = await count(sql);
        t.ok(times, message);
        t.equal(read.warnings.get(message), times, message);
      }
    });
  },
);

const columns = {
  revision_count: 'edits',
  character_sum: 'bytes_added',
  references_count: 'references_added',
  article_count: 'articles_edited',
  new_article_count: 'articles_created',
  view_sum: 'article_views',
  upload_count: 'uploads',
  uploads_in_use_count: 'uploads_in_use',
  upload_usages_count: 'upload_usages',
  user_count: 'enrollments',
  trained_count: 'trained_enrollments',
};
const namespaces = { 0: 'mainspace_edits', 1: 'article_talk_edits', 2: 'userspace_edits' };

/** Of what is known. */
function plus(sum: number | null | undefined, more: number | null): number | null {
  return more === null ? (sum ?? null) : (sum ?? 0) + more;
}

function isNumber(value: number | null | undefined): value is number {
  return value !== null && value !== undefined;
}

function total(values: readonly number[]): bigint {
  return values.reduce((sum, value) => sum + BigInt(value), 0n);
}
