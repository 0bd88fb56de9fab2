import t, { type Test } from 'tap';
import {
  createTestDatabase,
  unreachable,
  type TestDatabase,
} from './dashboard-database/database.ts';
import { generate } from './dashboard-database/generator.ts';
import { runProgram } from './support/program.ts';
import { createService, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';

const skip = await unreachable();
const secret = 'a secret of an installation, 40 letters!';

async function createDashboard(t: Test): Promise<TestDatabase> {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, { courses: 40, enrollmentsPerCourse: 8, slicesPerCourse: 1 });
  return database;
}

/** Publishes once with npm run snapshot, as an operator does. */
async function snapshot(t: Test, { url }: TestStore, source: TestDatabase, keys?: string) {
  const { code, errors } = await runProgram(t, ['commands/snapshot.ts'], {
    DATABASE_URL: url,
    DASHBOARD_DATABASE_URL: source.url,
    ...(keys === undefined ? {} : { PERSON_KEY_SECRET: keys }),
  });
  t.equal(code, 0, errors);
}

/** Who is in which course, by key. */
async function enrolled({ sql }: TestStore): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select concat_ws(' ', course_id, person_key, role) as line from enrollments order by line`;
  return rows.map(({ line }) => line);
}

async function keptSecret({ sql }: TestStore): Promise<Buffer | null> {
  const [row] = await sql<[{ secret: Buffer | null }]>`
    select person_key_secret as secret from store`;
  return row.secret;
}

const keysOf = (lines: readonly string[]) => new Set(lines.map((line) => line.split(' ')[1]));

async function editors({ sql }: TestStore): Promise<unknown> {
  const [row] = await sql`
    select totals->'editors' as editors from snapshots order by snapshot_id desc limit 1`;
  return row?.['editors'];
}

void t.test(
  'the same PERSON_KEY_SECRET gives people the same keys anywhere',
  { skip },
  async (t) => {
    const source = await createDashboard(t);
    const here = await createStore(t);
    const there = await createStore(t);
    const elsewhere = await createStore(t);
    await snapshot(t, here, source, secret);
    const lines = await enrolled(here);
    t.ok(lines.length > 100);
    t.equal(await keptSecret(here), null, 'the secret is not kept beside what it protects');

    const app = await createService(t, there, new TestClock(), {
      DASHBOARD_DATABASE_URL: source.url,
      PERSON_KEY_SECRET: secret,
    });
    const { finished } = await app.publisher.start('admin');
    t.match(await finished, { run: { state: 'succeeded' } });
    t.same(await enrolled(there), lines, 'by the service as by the command');

    await snapshot(t, elsewhere, source, secret.toUpperCase());
    const others = await enrolled(elsewhere);
    t.equal(others.length, lines.length);
    t.notOk(
      [...keysOf(others)].some((key) => keysOf(lines).has(key)),
      'with another secret nobody can be told to be the same',
    );
    t.equal(await editors(elsewhere), await editors(here));
  },
);

void t.test('without one, a secret is made once and kept in the database', { skip }, async (t) => {
  const source = await createDashboard(t);
  const store = await createStore(t);
  await snapshot(t, store, source);
  const kept = await keptSecret(store);
  t.equal(kept?.length, 32);
  const lines = await enrolled(store);
  await source.root.query('update courses set revision_count = revision_count + 1');
  await snapshot(t, store, source);
  t.same(await keptSecret(store), kept);
  t.same(await enrolled(store), lines);
});
