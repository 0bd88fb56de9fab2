import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { identifiers } from '../db/fragments.ts';
import { findLatestSnapshot, nextSnapshotId } from '../db/queries/snapshots.ts';
import { purgeOne } from '../jobs/purge-withdrawn.ts';
import { dashboardDatabaseSource } from '../sources/dashboard-database/dashboard-database.ts';
import type { Source } from '../sources/source.ts';
import {
  createTestDatabase,
  unreachable,
  type TestDatabase,
} from './dashboard-database/database.ts';
import { checkAnswers, checkPromises, type Installation } from './properties/checks.ts';
import { StoreModel } from './properties/store-model.ts';
import { mirrorWorld } from './properties/world-database.ts';
import { worldSource } from './properties/world-source.ts';
import {
  changes,
  firstCourse,
  happen,
  newWorld,
  type Behaviour,
  type World,
} from './properties/world.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore, type TestStore } from './support/store.ts';
import { carryOver } from './support/carried.ts';

const steps = fc.array(
  fc.record({
    changes: fc.array(changes, { minLength: 1, maxLength: 8 }),
    behaviour: fc.oneof(
      { weight: 6, arbitrary: fc.constant<Behaviour>('whole') },
      { weight: 1, arbitrary: fc.constant<Behaviour>('without courses') },
      { weight: 1, arbitrary: fc.constant<Behaviour>('with half of the courses') },
      { weight: 1, arbitrary: fc.constant<Behaviour>('without people') },
      { weight: 1, arbitrary: fc.constant<Behaviour>('without links') },
      { weight: 1, arbitrary: fc.constant<Behaviour>('breaks') },
    ),
    /** Seconds since the publication before: none, a minute, a day, more than the grace. */
    later: fc.constantFrom(0, 60, 86_400, 86_400 * 20, 86_400 * 31),
    purge: fc.option(fc.nat({ max: 8 }), { freq: 3 }),
  }),
  { minLength: 3, maxLength: 10 },
);
type Steps = typeof steps extends fc.Arbitrary<infer Each> ? Each : never;

const dashboardUrl = 'https://dashboard.example';

interface Bench {
  readonly store: TestStore;
  readonly service: FastifyInstance;
  readonly clock: TestClock;
}

async function createBench(t: Test): Promise<Bench> {
  const store = await createStore(t);
  const clock = new TestClock();
  const service = await createService(t, store, clock, { DASHBOARD_URL: dashboardUrl });
  return { store, service, clock };
}

/**
 * Empties the store for the next play. The service goes on and may remember what it said of a
 * snapshot, so numbers are not used again: they go on from one that was carried over.
 *
 * @returns that number
 */
async function emptied({ sql }: TestStore): Promise<number> {
  const number = await nextSnapshotId(sql);
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables
    where schemaname = 'public' and tablename not in ('store', 'migrations')`;
  await sql`truncate ${identifiers(
    sql,
    tables.map(({ name }) => name),
  )}`;
  // The clock goes back, and what is published is later than what was revised.
  await sql`update store set revised_at = null`;
  await carryOver(sql, '1970-01-01', { snapshotId: number, totals: {}, coverage: {} });
  return number;
}

/** Plays the steps in an empty store and checks it after each; throws at a broken promise. */
async function play(
  { store, service, clock }: Bench,
  played: Steps,
  sourceFor: (world: World, behaviour: Behaviour) => Promise<Source>,
): Promise<void> {
  clock.set('2026-11-22T12:00:00Z');
  const memory = { snapshots: new Map(), answers: new Map() };
  const installation: Installation = { store, service, dashboardUrl, memory };
  const world = newWorld();
  const model = new StoreModel(await emptied(store));
  for (const [index, { changes: happening, behaviour, later, purge }] of played.entries()) {
    clock.advance(later);
    for (const change of happening) happen(world, change);
    const { run } = await publish(store, await sourceFor(world, behaviour), clock);
    const at = (await findLatestSnapshot(store.sql))?.computedAt ?? clock.now;
    assert.equal(run.state, model.publish(world, behaviour, clock.now, at), run.problem ?? '');
    if (purge !== null) {
      const { signal } = new AbortController();
      const options = { address: { url: store.url }, clock: clock.read, signal };
      const id = firstCourse + purge;
      assert.equal(await purgeOne(options, id), model.purge(id), 'purged');
    }
    await service.published.refresh();
    await checkPromises(installation, model, world);
    if (index % 3 === 1 || index === played.length - 1) {
      await checkAnswers(installation, model, world);
    }
  }
}

/**
 * Plays random steps until the time is over, once at least; the last play is finished, and so
 * may be a little late. Fails with the seed and the shortest steps that are found in time.
 */
async function holds(milliseconds: number, run: (played: Steps) => Promise<void>): Promise<void> {
  const end = performance.now() + milliseconds;
  let plays = 0;
  const property = fc.asyncProperty(steps, async (played) => {
    if (plays > 0 && performance.now() > end) return;
    plays += 1;
    await run(played);
  });
  await fc.assert(property, { numRuns: 200 });
}

void t.test('whatever happens to the source, the promises hold', async (t) => {
  const bench = await createBench(t);
  await holds(20_000, (played) =>
    play(bench, played, async (world, behaviour) => worldSource(world, behaviour)),
  );
});

const skip = await unreachable();

void t.test('whatever happens to a real Dashboard’s database, they hold', { skip }, async (t) => {
  const database: TestDatabase = await createTestDatabase();
  t.teardown(() => database.drop());
  const bench = await createBench(t);
  await holds(8_000, (played) => {
    const mirrored = new Map<number, number>();
    return play(bench, played, async (world, behaviour) => {
      await mirrorWorld(database, world, behaviour, mirrored);
      const url = behaviour === 'breaks' ? `${database.url}_gone` : database.url;
      return dashboardDatabaseSource({ url });
    });
  });
});
