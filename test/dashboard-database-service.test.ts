import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { computeGroupTotals } from '../db/queries/compute-group-totals.ts';
import { peopleMetrics } from '../db/queries/count-people.ts';
import { dimensions, isPartition } from '../db/queries/dimensions.ts';
import { findSnapshot } from '../db/queries/snapshots.ts';
import { findWithdrawnSince } from '../db/queries/withdrawn-since.ts';
import type { RunRow } from '../db/queries/job-runs.ts';
import { sumMetrics } from '../metrics/registry.ts';
import { dashboardDatabaseSource } from '../sources/dashboard-database/dashboard-database.ts';
import type { Source } from '../sources/source.ts';
import {
  createTestDatabase,
  serverAddress,
  unreachable,
  type TestDatabase,
} from './dashboard-database/database.ts';
import { factsOf, gatherFacts } from './dashboard-database/facts.ts';
import { generate, secret, type Truth } from './dashboard-database/generator.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const skip = await unreachable();

interface Installation {
  readonly database: TestDatabase;
  readonly truth: Truth;
  readonly store: TestStore;
  readonly clock: TestClock;
  readonly source: Source;
}

async function install(t: Test, courses: number): Promise<Installation> {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  const truth = await generate(database.root, {
    courses,
    enrollmentsPerCourse: 8,
    slicesPerCourse: 10,
  });
  const store = await createStore(t);
  const clock = new TestClock('2026-08-27T12:00:00Z');
  const source = dashboardDatabaseSource({ url: database.url });
  return { database, truth, store, clock, source };
}

async function snapshotOf({ store }: Installation, { snapshotId }: RunRow) {
  const row = snapshotId === null ? undefined : await findSnapshot(store.sql, snapshotId);
  if (row === undefined) throw new Error('no snapshot was published');
  return row;
}

function groupsIn({ sql }: TestStore, snapshotId: number, dimension: string) {
  return sql<{ key: string | null; totals: object; coverage: Record<string, number> }[]>`
    select key, totals, coverage from snapshot_groups
    where snapshot_id = ${snapshotId} and dimension = ${dimension}`;
}

/** Every number that a publication made equals what MariaDB says, to the last unit. */
async function equalsDatabase(t: Test, installation: Installation, run: RunRow): Promise<void> {
  const { database, truth, store } = installation;
  const { snapshotId, computedAt, totals, coverage } = await snapshotOf(installation, run);
  await gatherFacts(database, truth, computedAt);

  const whole = (await factsOf(database, '')).get(null)!;
  t.strictSame(totals, { ...whole.totals, ...whole.people }, 'totals of the whole');
  const ofPeople = Object.fromEntries(peopleMetrics.map((name) => [name, whole.totals['courses']]));
  t.strictSame(coverage, { ...whole.coverage, ...ofPeople }, 'coverage of the whole');

  for (const dimension of dimensions) {
    const facts = await factsOf(database, dimension);
    const computed = await computeGroupTotals(store.sql, dimension, {
      snapshotId,
      computedAt,
      isLatest: true,
    });
    const kept = await groupsIn(store, snapshotId, dimension);
    t.ok(facts.size > 2, dimension);
    t.strictSame(
      computed,
      new Map(
        [...facts].map(([key, group]) => [key, { totals: group.totals, coverage: group.coverage }]),
      ),
      `groups by ${dimension}`,
    );
    t.strictSame(
      new Map(kept.map((group) => [group.key, group.totals])),
      new Map([...facts].map(([key, group]) => [key, group.people])),
      `people by ${dimension}`,
    );
    t.ok(kept.every((g) => g.coverage['editors'] === facts.get(g.key)?.totals['courses']));
    if (isPartition(dimension)) {
      for (const { name } of sumMetrics.filter(({ name }) => whole.totals[name] !== null)) {
        const sum = [...computed.values()].reduce((all, g) => all + (g.totals[name] ?? 0), 0);
        if (sum !== whole.totals[name]) t.equal(sum, whole.totals[name], `${dimension}: ${name}`);
      }
    }
  }
}

/** More take longer than the gate has time for: CONTRIBUTING says how to compare 50,000. */
const compared = Number(process.env['COMPARE_COURSES'] ?? 1000);

void t.test(
  `what is published of ${compared} courses is what MariaDB says`,
  { skip },
  async (t) => {
    const installation = await install(t, compared);
    const { database, store, clock, source } = installation;
    const { run } = await publish(store, source, clock);
    t.equal(run.state, 'succeeded');
    await equalsDatabase(t, installation, run);
    t.ok(Object.keys(run.counts?.['warnings'] ?? {}).length > 8, 'every oddity is reported');

    clock.advance(3600);
    const again = await publish(store, source, clock);
    t.match(again.run, {
      state: 'unchanged',
      counts: { versions_written: 0, enrollments_written: 0, activity_written: 0 },
    });

    await database.root.query(`
    update courses set revision_count = revision_count + 1 where id % 10 = 1;
    update courses set slug = concat('Renamed/', id) where id % 10 = 2;
    update courses set private = 1 where id % 17 = 3;
    update courses set private = 0 where id % 17 = 4;
    delete from courses where id % 97 = 5;
    delete from campaigns_courses where id % 5 = 0;
    delete from courses_wikis where id % 7 = 0;
    delete from courses_users where id % 6 = 0;
    update users set registered_at = null where id % 9 = 0;
    update tags set tag = 'first_time_instructor' where id % 3 = 0;
    delete from article_course_timeslices where course_id % 11 = 0`);
    clock.advance(3600);
    const third = await publish(store, source, clock);
    t.match(third.run, { state: 'succeeded', snapshotId: 2 });
    await equalsDatabase(t, installation, third.run);
  },
);

/** Everything that the service says of courses, in one text. */
async function everythingSaid(
  service: FastifyInstance,
  snapshots: readonly number[],
): Promise<string> {
  const ofSnapshots = [
    '/v1/courses.csv?',
    '/v1/courses?limit=1000&',
    '/v1/campaigns.csv?',
    '/v1/wikis?',
  ];
  const urls = [
    '/v1/snapshots/latest',
    '/v1/snapshots',
    '/v1/status',
    '/system_metrics.json',
  ].concat(snapshots.flatMap((id) => ofSnapshots.map((url) => `${url}snapshot=${String(id)}`)));
  const answers = await Promise.all(urls.map((url) => service.inject(url)));
  return answers.map(({ body }) => body).join('\n');
}

void t.test('a course that turned private, or was deleted, is nowhere', { skip }, async (t) => {
  const installation = await install(t, 150);
  const { database, store, clock, source } = installation;
  const service = await createService(t, store, clock);
  await publish(store, source, clock);
  const [flipped, deleted] = await database.ask<{ id: number }>(
    'select id from courses where private = 0 order by id limit 40, 2',
  );
  const names = { flipped: 'Ostrich-flipped', deleted: 'Ostrich-deleted' };
  await database.root.query(
    `update courses set slug = '${names.flipped}', title = '${names.flipped}' where id = ${flipped?.id};
     update courses set slug = '${names.deleted}', title = '${names.deleted}' where id = ${deleted?.id}`,
  );
  clock.advance(60);
  await publish(store, source, clock);
  await service.published.refresh();
  const before = await everythingSaid(service, [1, 2]);
  t.match(before, names.flipped);
  t.match(before, names.deleted);
  t.notMatch(before, 'PRIVATE');
  t.notMatch(before, secret);

  await database.root.query(
    `update courses set private = null where id = ${flipped?.id};
     delete from courses where id = ${deleted?.id}`,
  );
  clock.advance(60);
  const { run } = await publish(store, source, clock);
  t.match(run, { state: 'succeeded', snapshotId: 3, counts: { withdrawn: 2 } });
  await service.published.refresh();
  t.notMatch(await everythingSaid(service, [1, 2, 3]), 'Ostrich');
  t.same([await findWithdrawnSince(store.sql, 1), await findWithdrawnSince(store.sql, 3)], [2, 0]);
  await equalsDatabase(t, installation, run);
  const [left] = await store.sql<{ rows: number }[]>`
    select (select count(*) from enrollments where course_id = any(${[flipped!.id, deleted!.id]}))
      + (select count(*) from activity where course_id = any(${[flipped!.id, deleted!.id]}))
      + (select count(*) from course_markers where course_id = any(${[flipped!.id, deleted!.id]}))
      as rows`;
  t.equal(left?.rows, 0);

  await database.root.query(`update courses set private = 0 where id = ${flipped?.id}`);
  clock.advance(60);
  const back = await publish(store, source, clock);
  t.match(back.run.counts, { returned: 1, added: 1 });
  await service.published.refresh();
  t.match(await everythingSaid(service, [2]), names.flipped, 'its history is back with it');
  await equalsDatabase(t, installation, back.run);
});

void t.test('no name of the source stops a run', { skip }, async (t) => {
  const installation = await install(t, 20);
  const { database, store, clock, source } = installation;
  const nul = "concat('a', char(0), 'b')";
  await database.root.query(`
    update courses set private = 0, slug = concat('a', char(0), id), title = ${nul},
      school = ${nul}, term = ${nul}, home_wiki_id = 70,
      type = concat(repeat('x', 79), '🎓', if(id % 2 = 0, ${nul}, ''));
    update campaigns set slug = concat(slug, char(0)), title = ${nul}, description = ${nul};
    insert into wikis (id, language, project) values (70, ${nul}, 'wikipedia');
    delete from course_stats`);
  await database.root.query(
    `insert into course_stats (course_id, stats_hash, created_at, updated_at)
     select id, ?, now(), now() from courses limit 1`,
    ['www.wikidata.org:\n  "claims\\0": 1\n  "\\ud83c": 2\n  claims created: 3\n'],
  );
  const { run } = await publish(store, source, clock);
  t.match(run, { state: 'succeeded', problem: null });
  const warnings = Object.keys(run.counts?.['warnings'] ?? {});
  t.ok(warnings.includes(`Unknown course types, kept as they are: ${'x'.repeat(79)}🎓`));
  t.ok(warnings.includes('Unknown Wikidata labels, left out: claims'));
  t.ok(warnings.includes('Unknown Wikidata labels, left out: \ufffd'));
  const [row] = await store.sql`
    select slug, title, home_wiki as wiki from course_versions order by course_id limit 1`;
  t.match(row, { slug: /^a\d+$/, title: 'ab', wiki: 'ab.wikipedia.org' });
});

void t.test('absurd numbers and names are null, and every answer stands', { skip }, async (t) => {
  const installation = await install(t, 40);
  const { database, store, clock, source } = installation;
  const service = await createService(t, store, clock);
  await database.root.query(`
    delete from course_stats;
    update courses set private = 0, slug = id, character_sum = -5, view_sum = -9,
      references_count = -3, revision_count = 11, type = elt(1 + id % 3, '', 'none', 'Editathon');
    update course_wiki_timeslices set revision_count = -7, character_sum = -8;
    update article_course_timeslices set revision_count = if(id % 2 = 0, -7, 1);
    update campaigns set slug = 'none' where id = 3;
    insert into course_stats (course_id, stats_hash, created_at, updated_at)
    select id, 'www.wikidata.org:\n  other updates: 9007199254740991\n  unknown: 7\n',
      now(), now() from courses limit 1`);
  const { run } = await publish(store, source, clock);
  t.match(run, { state: 'succeeded' });
  const warnings = run.counts?.['warnings'] as Record<string, number>;
  t.match(warnings, { 'Numbers beyond 2^53 - 1, read as null': 1 });
  t.ok((warnings['Negative numbers where none can be, read as null'] ?? 0) > 80);
  await service.published.refresh();

  const snapshot = (await service.inject('/v1/snapshots/latest')).json<{ totals: object }>();
  t.match(snapshot.totals, { bytes_added: null, article_views: null });
  const page = await service.inject('/v1/courses?limit=1000');
  t.equal(page.statusCode, 200);
  const courses = page.json<{ items: Record<string, unknown>[] }>().items;
  t.ok(courses.every((c) => c['references_added'] === -3 && c['bytes_added'] === null));
  const activity = await service.inject('/v1/activity?group_by=wiki');
  t.equal(activity.statusCode, 200);
  t.ok(activity.json<{ items: { edits: number }[] }>().items.every(({ edits }) => edits === 0));

  const ask = async (url: string): Promise<number> => {
    const answer = await service.inject(url);
    t.equal(answer.statusCode, 200, url);
    return answer.json<{ totals: { courses: number } }>().totals.courses;
  };
  const typed = courses.filter((c) => c['type'] === 'Editathon').length;
  t.equal(courses.filter((c) => c['type'] === null).length, courses.length - typed);
  t.equal(await ask('/v1/totals?type=none'), courses.length - typed, 'neither type is one');
  t.equal(await ask('/v1/totals?type=none&type=Editathon'), courses.length);
  const without = courses.filter((c) => String(c['campaigns']) === '').length;
  t.ok(courses.some((c) => String(c['campaigns']).split(',').includes('none')));
  t.equal(await ask('/v1/totals?campaign=none'), without, 'a campaign named none is no filter');
  t.match((await service.inject('/v1/campaigns/none')).json(), { campaign_slug: 'none' });
});

void t.test('a change that is taken back is found like any other', { skip }, async (t) => {
  const installation = await install(t, 60);
  const { database, store, clock, source } = installation;
  const [course] = await database.ask<{ id: number }>(
    `select s.course_id as id from article_course_timeslices s
     join courses c on c.id = s.course_id where c.private = 0 limit 1`,
  );
  const id = String(course?.id);
  await database.root.query(`
    delete from article_course_timeslices where course_id = ${id};
    insert into articles (id, namespace) values (777777, 0);
    insert into article_course_timeslices
      (course_id, article_id, start, end, revision_count, created_at, updated_at)
    values (${id}, 777777, '2020-01-01', '2020-01-02', 5, '2020-01-01', '2020-01-01')`);
  const edits = async () => {
    const { run } = await publish(store, source, clock);
    t.equal(run.problem, null);
    const [row] = await store.sql<{ edits: number }[]>`
      select mainspace_edits as edits from course_versions
      where course_id = ${id} and valid_to is null`;
    return row?.edits;
  };
  t.equal(await edits(), 5);
  await database.root.query(`
    insert into article_course_timeslices
      (course_id, article_id, start, end, revision_count, created_at, updated_at)
    values (${id}, 777777, '2020-01-03', '2020-01-04', 100, utc_timestamp(), utc_timestamp())`);
  clock.advance(60);
  t.equal(await edits(), 105);
  await database.root.query(
    `delete from article_course_timeslices where course_id = ${id} and revision_count = 100`,
  );
  clock.advance(86_400);
  t.equal(await edits(), 5);
});

void t.test('markers keep the day of the last reading of slices', { skip }, async (t) => {
  const installation = await install(t, 60);
  const { store, clock, source } = installation;
  await publish(store, source, clock);
  const days = async () => {
    const rows = await store.sql<{ day: string; courses: number }[]>`
      select read_on::text as day, count(*) as courses from course_markers
      group by read_on order by read_on`;
    return Object.fromEntries(rows.map(({ day, courses }) => [day, courses]));
  };
  const { '2026-08-27': all = 0 } = await days();
  clock.advance(3600);
  await publish(store, source, clock);
  t.same(await days(), { '2026-08-27': all });
  clock.advance(7 * 86_400);
  await publish(store, source, clock);
  const half = Math.ceil(all / 2);
  t.same(await days(), { '2026-08-27': all - half, '2026-09-03': half });
  clock.advance(7 * 86_400);
  await publish(store, source, clock);
  t.same(Object.keys(await days()), ['2026-09-03', '2026-09-10']);
});

void t.test('a source that lacks a table’s rows is refused', { skip }, async (t) => {
  const installation = await install(t, 150);
  const { database, store, clock, source } = installation;
  await publish(store, source, clock);
  for (const [table, missing] of Object.entries({
    courses_users: /^(\d+) of \1 enrolments are/,
    users: /^(\d+) of \1 enrolments are/,
    courses_wikis: /^(\d+) of \1 tracked wikis and (\d+) of \2 activities of courses are/,
    wikis: /^(\d+) of \1 tracked wikis, (\d+) of \2 home wikis, and (\d+) of \3 activities/,
    campaigns_courses: /^(\d+) of \1 links to campaigns are/,
    campaigns: /^(\d+) of \1 links to campaigns are/,
    tags: /^(\d+) of \1 tags of instructors are/,
    course_stats: /^(\d+) of \1 Wikidata statistics of courses are/,
    course_wiki_timeslices: /^(\d+) of \1 activities of courses are/,
    article_course_timeslices: /^(\d+) of \1 edits by namespace of courses are/,
  })) {
    await database.root.query(
      `create table kept like ${table}; insert into kept select * from ${table};
       delete from ${table}`,
    );
    clock.advance(60);
    const { run } = await publish(store, source, clock);
    t.match(run, { state: 'refused', snapshotId: null, problem: missing }, table);
    await database.root.query(`insert into ${table} select * from kept; drop table kept`);
  }
  clock.advance(60);
  t.match((await publish(store, source, clock)).run, {
    state: 'unchanged',
    counts: { versions_written: 0, enrollments_written: 0, activity_written: 0 },
  });

  await database.root.query('delete from articles');
  clock.advance(7 * 86_400);
  const { run } = await publish(store, source, clock);
  t.match(run.problem, /edits by namespace of courses are/, 'found where it is their turn');
});

void t.test('a run counts the rows of every part of the database', { skip }, async (t) => {
  const { database, store, clock, source } = await install(t, 700);
  const totals = new Map<string, (number | null)[]>();
  const listening: Source = {
    kind: source.kind,
    open: (options) =>
      source.open({
        ...options,
        onProgress: (progress) => {
          options.onProgress?.(progress);
          const { part, total } = progress;
          totals.set(part, [...(totals.get(part) ?? []), total]);
        },
      }),
  };
  const { run } = await publish(store, listening, clock);
  const [expected] = await database.ask<Record<string, number>>(`
    select (select count(*) from campaigns where slug is not null) as campaigns,
      (select count(*) from courses where private = 0) as courses,
      (select count(*) from course_wiki_timeslices s join courses c on c.id = s.course_id
        where c.private = 0) as \`time slices\``);
  t.match(run.counts, { rows_read: { ...expected } });
  const read = run.counts?.['rows_read'] as Record<string, number>;
  for (const part of ['campaigns', 'courses', 'enrollments', 'time slices']) {
    const [first, ...estimates] = totals.get(part) ?? [];
    t.equal(first, null, part);
    const rows = read[part] ?? 0;
    t.equal(estimates.at(-1), rows, `${part}: in the end the total is what was read`);
    t.ok(
      estimates.every((total) => total! > rows * 0.8 && total! < rows * 1.2),
      part,
    );
  }
  t.strictSame(Object.keys(run.counts?.['seconds'] ?? {}).sort(), [
    ...['campaigns', 'courses', 'enrollments', 'publishing', 'time slices'],
  ]);
});

/** Does something while a part of the source is being read. */
function duringEnrollments(source: Source, act: () => Promise<void>): Source {
  return {
    kind: source.kind,
    async open(options) {
      const reading = await source.open(options);
      return {
        readAt: reading.readAt,
        countsPeople: reading.countsPeople,
        campaigns: () => reading.campaigns(),
        courses: () => reading.courses(),
        hiddenCourseIds: () => reading.hiddenCourseIds(),
        async *enrollments() {
          await act();
          yield* reading.enrollments();
        },
        activity: () => reading.activity(),
        warnings: () => reading.warnings(),
        close: () => reading.close(),
      };
    },
  };
}

void t.test(
  'what breaks a reading is a sentence, and the old snapshot stays',
  { skip },
  async (t) => {
    const installation = await install(t, 150);
    const { database, store, clock, source } = installation;
    await publish(store, source, clock);
    const service = await createService(t, store, clock);
    const latest = (await service.inject('/v1/snapshots/latest')).body;
    const tables = async () => {
      const [row] = await store.sql`
      select (select count(*) from course_versions) as versions,
        (select count(*) from enrollments) as enrollments,
        (select count(*) from snapshots) as snapshots`;
      return { ...row };
    };
    const before = await tables();
    await database.root.query('update courses set revision_count = 7');

    const cut = duringEnrollments(source, async () => {
      const connections = await database.ask<{ id: number }>(
        `select id from information_schema.processlist
       where db = '${database.name}' and id <> connection_id()`,
      );
      for (const { id } of connections) await database.root.query(`kill ${id}`);
    });
    const wrong = dashboardDatabaseSource({
      url: database.url.replace('root@', 'root:correct-horse@'),
    });
    const nowhere = dashboardDatabaseSource({ url: 'mysql://root@127.0.0.1:1/dashboard' });
    for (const [broken, sentence] of [
      [cut, `The connection to the Dashboard's database at ${serverAddress} was cut.`],
      [wrong, /^The Dashboard's database refuses the user "root" or its password\./],
      [nowhere, /^The Dashboard's database does not answer at 127\.0\.0\.1:1 \(ECONNREFUSED\)\./],
    ] as const) {
      clock.advance(60);
      const { run } = await publish(store, broken, clock);
      t.match(run, { state: 'failed', snapshotId: null, problem: sentence });
      t.notMatch(run.problem, 'correct-horse');
      t.same(await tables(), before);
      await service.published.refresh();
      t.equal((await service.inject('/v1/snapshots/latest')).body, latest);
    }

    clock.advance(60);
    const { run } = await publish(store, source, clock);
    t.match(run, { state: 'succeeded', snapshotId: 2 }, 'the next run works');
    await equalsDatabase(t, installation, run);
  },
);
