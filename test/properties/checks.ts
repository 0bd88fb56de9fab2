import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import { sumMetrics } from '../../metrics/registry.ts';
import type { TestStore } from '../support/store.ts';
import { completed, groupName, lineOf, totalsOf, type ModelSnapshot } from './model-snapshot.ts';
import type { StoreModel } from './store-model.ts';
import { firstUser, type World } from './world.ts';

/** What was seen before, so that it can be asked again. */
export interface Memory {
  /** Every snapshot as the table and the service first gave it, by number. */
  readonly snapshots: Map<number, { row: string; body: string; groups: string }>;
  /** The last answer of each address that has a tag. */
  readonly answers: Map<string, { etag: string; body: string }>;
}

export interface Installation {
  readonly store: TestStore;
  readonly service: FastifyInstance;
  readonly dashboardUrl: string;
  readonly memory: Memory;
}

/** Holds an installation to the promises, as far as the model knows what they come to. */
export async function checkPromises(
  installation: Installation,
  model: StoreModel,
  world: World,
): Promise<void> {
  await checkSnapshotsNeverChange(installation, model);
  for (const snapshot of model.snapshots) await checkRows(installation, model, snapshot);
  const newest = model.snapshots.at(-1);
  if (newest !== undefined) {
    await checkTotals(installation, newest);
    await checkPeopleGroups(installation, newest);
  }
  await checkActivity(installation, model);
  await checkTables(installation, model, world);
}

async function checkSnapshotsNeverChange(
  { store, service, memory }: Installation,
  model: StoreModel,
): Promise<void> {
  const rows = await store.sql<{ id: number; row: string; groups: string }[]>`
    select snapshot_id as id, to_jsonb(s)::text as row, coalesce((
      select string_agg(to_jsonb(g)::text, ' ' order by dimension, key)
      from snapshot_groups g where g.snapshot_id = s.snapshot_id), '') as groups
    from snapshots s where has_course_rows order by snapshot_id`;
  assert.equal(rows.length, model.snapshots.length, 'snapshots');
  for (const [index, { id, row, groups }] of rows.entries()) {
    const { body } = await service.inject(`/v1/snapshots/${String(id)}`);
    const first = memory.snapshots.get(id) ?? { row, body, groups };
    memory.snapshots.set(id, first);
    assert.deepEqual({ row, body }, { row: first.row, body: first.body }, `${id} has changed`);
    const expected = model.snapshots[index]?.people.size === 0 ? '' : first.groups;
    assert.equal(groups, expected, `groups of ${id} have changed`);
  }
}

interface Snapshot {
  readonly computed_at: string;
  readonly changes: object;
  readonly totals: Record<string, number | null>;
}

async function checkTotals({ service }: Installation, snapshot: ModelSnapshot): Promise<void> {
  const answer = await service.inject(`/v1/snapshots/${String(snapshot.id)}`);
  const { computed_at: computedAt, changes, totals } = answer.json<Snapshot>();
  assert.equal(new Date(computedAt).getTime(), snapshot.computedAt.getTime());
  assert.deepEqual(changes, snapshot.changes);
  assert.deepEqual(totals, completed(snapshot.totals), `totals of ${String(snapshot.id)}`);
}

type Line = Record<string, string | null>;

/** Every row, field by field; what the rows add up to; and how many are missing. */
async function checkRows(
  { store, service, dashboardUrl }: Installation,
  model: StoreModel,
  snapshot: ModelSnapshot,
): Promise<void> {
  const name = `rows of snapshot ${String(snapshot.id)}`;
  const answer = await service.inject(`/v1/courses.csv?snapshot=${String(snapshot.id)}`);
  assert.equal(answer.statusCode, 200, name);
  const lines = parse<Line>(answer.body, {
    columns: true,
    cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
  });
  const visible = model.visible(snapshot);
  assert.deepEqual(
    lines.map((line) => ({ ...line })),
    visible.map((row) => lineOf(row, snapshot.computedAt, model.slugs, dashboardUrl)),
    name,
  );
  assert.equal(answer.headers['row-count'], String(visible.length), name);

  const [row] = await store.sql<{ courses: number }[]>`
    select courses from snapshot_withdrawals where snapshot_id = ${snapshot.id}`;
  assert.equal(row?.courses ?? 0, snapshot.courses - visible.length, `withdrawn since: ${name}`);
  const sums = totalsOf(visible, snapshot.computedAt);
  for (const { name: metric } of sumMetrics) {
    const values = lines.map((line) => line[metric] ?? null).filter((text) => text !== null);
    const sum = values.reduce((total, text) => total + Number(text), 0);
    const expected = visible.length === snapshot.courses ? snapshot.totals[metric] : sums[metric];
    assert.equal(lines.length > 0 && values.length === 0 ? null : sum, expected, metric);
  }
}

async function checkPeopleGroups({ store }: Installation, snapshot: ModelSnapshot): Promise<void> {
  const groups = await store.sql<{ dimension: string; key: string | null; totals: object }[]>`
    select dimension, key, totals from snapshot_groups where snapshot_id = ${snapshot.id}`;
  assert.deepEqual(
    new Map(groups.map(({ dimension, key, totals }) => [groupName(dimension, key), totals])),
    snapshot.people,
    'people of groups',
  );
}

async function checkActivity({ store }: Installation, model: StoreModel): Promise<void> {
  const rows = await store.sql<{ line: string }[]>`
    select concat_ws(' ', course_id, wiki, to_char(month, 'YYYY-MM'), edits, bytes_added,
      references_added) as line from activity`;
  assert.deepEqual(rows.map(({ line }) => line).sort(), [...model.activity].sort(), 'activity');
}

/** Numbers and names of courses that are not public as far as the service can know. */
function secretsOf(model: StoreModel, world: World): string[] {
  return [...world.tokens]
    .filter(([id]) => !model.current.has(id))
    .flatMap(([id, token]) => [String(id), token]);
}

const users = Array.from({ length: 20 }, (_, index) => String(firstUser + index));

/** Nothing of a course that is not public is anywhere but aside, and no user's id at all. */
async function checkTables({ store }: Installation, model: StoreModel, world: World) {
  const secrets = secretsOf(model, world);
  const tables = await store.sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public'`;
  for (const { name } of tables) {
    const [row] = await store.sql<{ text: string }[]>`
      select coalesce(string_agg(t::text, ' '), '') as text from ${store.sql(name)} t`;
    const isAside = name === 'withdrawn_courses' || name === 'withdrawn_course_versions';
    absent(row?.text ?? '', isAside ? users : [...users, ...secrets], `the table ${name}`);
  }
  const [aside] = await store.sql<{ ids: number[] }[]>`
    select array(select course_id from withdrawn_courses
      union select course_id from withdrawn_course_versions order by 1) as ids`;
  assert.deepEqual(aside?.ids, [...model.withdrawn.keys()].sort(), 'courses in their grace');
}

const addresses = [
  '/',
  '/system_metrics.json',
  '/health/ready',
  '/metrics',
  '/v1/status',
  '/v1/datapackage.json',
  '/v1/snapshots/latest',
  '/v1/snapshots?interval=all',
  '/v1/snapshots.csv?interval=all',
  '/v1/activity',
  '/v1/activity.csv?group_by=campaign',
  '/v1/trends?interval=all&group_by=campaign',
  '/v1/trends.csv?interval=all',
];
const addressesOfSnapshots = [
  '/v1/courses.csv',
  '/v1/courses',
  '/v1/totals',
  '/v1/totals.csv?group_by=campaign',
  '/v1/campaigns',
  '/v1/campaigns.csv',
  '/v1/wikis',
  '/v1/wikis.csv',
];

/**
 * No answer names what is not public, and a 304 is given only for what would be sent again.
 * There are many, so this is not asked after every step.
 */
export async function checkAnswers(
  { service, memory }: Installation,
  model: StoreModel,
  world: World,
): Promise<void> {
  const secrets = [...secretsOf(model, world), ...users];
  const urls = [
    ...addresses,
    ...addressesOfSnapshots.flatMap((address) =>
      newestAndFirst(model).map(
        ({ id }) => `${address}${address.includes('?') ? '&' : '?'}snapshot=${String(id)}`,
      ),
    ),
  ];
  for (const url of urls) {
    if (!service.hasRoute({ method: 'GET', url: url.replace(/\?.*/, '') })) continue;
    const answer = await service.inject(url);
    // Seconds and bytes have any digits, those of an id by chance, too.
    const said = url === '/metrics' ? answer.body.replace(/ [\d.e+-]+$/gm, '') : answer.body;
    absent(said, secrets, url);
    const { etag } = answer.headers;
    const before = memory.answers.get(url);
    if (before !== undefined) {
      const again = await service.inject({ url, headers: { 'if-none-match': before.etag } });
      if (again.statusCode === 304) assert.equal(before.body, answer.body, `304 of ${url}`);
    }
    if (etag !== undefined) memory.answers.set(url, { etag, body: answer.body });
  }
}

/** Answers about rows cost the most: those of a few snapshots will do. */
function newestAndFirst({ snapshots }: StoreModel): ModelSnapshot[] {
  return snapshots.length <= 3 ? snapshots : [...snapshots.slice(0, 1), ...snapshots.slice(-2)];
}

function absent(text: string, secrets: readonly string[], where: string): void {
  for (const secret of secrets) {
    if (text.includes(secret)) assert.fail(`${secret} is in ${where}`);
  }
}
