import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { metrics } from '../metrics/registry.ts';
import type { Problem } from '../openapi/problem.ts';
import { groupsShown } from '../openapi/trends.ts';
import { carryOver } from './support/carried.ts';
import { campaign, course, emptyState, sourceOf, type SourceState } from './support/courses.ts';
import { read } from './support/served.ts';
import { createService, publish, TestClock } from './support/service.ts';
import type { Totals, TrendItem, Trends } from './support/slices.ts';
import { createStore, type TestStore } from './support/store.ts';

const names = metrics.map((metric) => metric.name);
const ask = (app: FastifyInstance, query: string) => read<Trends>(app, `/v1/trends?${query}`);

interface History {
  readonly app: FastifyInstance;
  readonly store: TestStore;
  /** Publishes the state at a moment. */
  readonly publishAt: (moment: string) => Promise<void>;
}

async function history(
  t: Parameters<typeof createStore>[0],
  state: SourceState,
  start: string,
): Promise<History> {
  const store = await createStore(t);
  const clock = new TestClock(start);
  const publishAt = async (moment: string) => {
    clock.set(moment);
    const { run } = await publish(store, sourceOf(state), clock, { confirmWithdrawals: true });
    if (run.problem !== null) throw new Error(run.problem);
  };
  await publishAt(start);
  return { store, publishAt, app: await createService(t, store, clock) };
}

function column(items: readonly TrendItem[], name: string) {
  return items.map(({ totals }) => totals[name]);
}

void t.test('a slice over snapshots', async (t) => {
  const state: SourceState = {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'spring', title: 'Spring' }), campaign(2, { slug: 'autumn' })],
    courses: [
      course(1, { campaignIds: [1], start: '2026-01-05T00:00:00Z', end: '2026-02-10T00:00:00Z' }),
      course(2, { campaignIds: [2], metrics: {} }),
    ],
    enrollments: [
      { courseId: 1, userId: 100, role: 0, newEditor: true, newEditor60d: true },
      { courseId: 2, userId: 100, role: 0, newEditor: false, newEditor60d: false },
    ],
  };
  const { app, store, publishAt } = await history(t, state, '2026-01-01T04:00:00Z');
  state.courses[0] = { ...state.courses[0]!, metrics: { edits: 50, bytes_added: 414 } };
  await publishAt('2026-01-06T04:00:00Z');
  await publishAt('2026-01-31T04:00:00Z');
  state.courses[0] = { ...state.courses[0], metrics: { edits: 40, bytes_added: 414 } };
  await publishAt('2026-02-20T04:00:00Z');
  await publishAt('2026-04-20T04:00:00Z');
  state.courses.push(course(3, { campaignIds: [1], metrics: { edits: 7 } }));
  await publishAt('2026-04-20T12:00:00Z');

  void t.test('has an item a day, the last snapshot of it, with signed changes', async (t) => {
    const { items, ...head } = await ask(app, 'campaign=spring');
    t.same(head, {
      filters: { campaign: ['spring'] },
      group_by: null,
      interval: 'day',
      groups_left_out: 0,
    });
    t.same(Object.keys(items[0]!), [
      ...['snapshot_id', 'computed_at', 'partial', 'withdrawn_since'],
      ...['totals', 'deltas', 'coverage', 'groups'],
    ]);
    t.same(
      items.map(({ snapshot_id }) => snapshot_id),
      [1, 2, 3, 4, 6],
    );
    t.same(column(items, 'edits'), [1, 50, 50, 40, 47]);
    t.same(column(items, 'bytes_added'), [100, 414, 414, 414, 414]);
    t.same(column(items, 'words_added'), [19, 80, 80, 80, 80]);
    t.same(column(items, 'editors'), [1, 1, 1, 1, 1]);
    t.same(
      items.map(({ deltas }) => deltas && deltas['edits']),
      [null, 49, 0, -10, 7],
    );
    t.same(
      items.map(({ coverage }) => coverage['bytes_added']),
      [1, 1, 1, 1, 1],
    );
    t.same(
      items.map(({ partial }) => partial),
      [false, false, false, false, true],
    );
  });

  void t.test('counts courses by their status at each moment', async (t) => {
    const { items } = await ask(app, 'campaign=spring&interval=all');
    t.equal(items.length, 6);
    t.same(column(items, 'courses'), [1, 1, 1, 1, 1, 2]);
    t.same(column(items, 'active_courses'), [0, 1, 1, 0, 0, 0]);
    t.same(column(items, 'archived_courses'), [0, 0, 0, 0, 1, 2]);
    t.notOk(
      items.some(({ partial }) => partial),
      'a snapshot is no period',
    );
  });

  void t.test('a filter by status follows each course through its time', async (t) => {
    const courses = async (query: string) =>
      column((await ask(app, `interval=all&${query}`)).items, 'courses');
    t.same(await courses('campaign=spring&status=upcoming'), [1, 0, 0, 0, 0, 0]);
    t.same(await courses('campaign=spring&status=current'), [0, 1, 1, 0, 0, 0]);
    t.same(await courses('campaign=spring&status=ended_recently'), [0, 0, 0, 1, 0, 0]);
    t.same(await courses('status=archived&status=current'), [1, 2, 2, 0, 2, 3]);
    const { items } = await ask(app, 'interval=all&group_by=status');
    t.same(
      items.map(({ groups }) => groups?.map(({ key, totals }) => [key, totals['courses']])),
      [
        [
          ['upcoming', 1],
          ['current', 1],
        ],
        [['current', 2]],
        [['current', 2]],
        [['ended_recently', 2]],
        [['archived', 2]],
        [['archived', 3]],
      ],
    );
  });

  void t.test(
    'a longer interval takes the last snapshot of each period, gaps as gaps',
    async (t) => {
      const { items } = await ask(app, 'interval=month');
      t.same(
        items.map(({ snapshot_id, partial }) => [snapshot_id, partial]),
        [
          [3, false],
          [4, false],
          [6, true],
        ],
      );
      t.same(column(items, 'courses'), [2, 2, 3]);
      t.same(column(items, 'edits'), [50, 40, 47]);
    },
  );

  void t.test('days choose items, both ends included, and changes are within them', async (t) => {
    const { items } = await ask(app, 'interval=all&from=2026-01-06&to=2026-02-20&type=Editathon');
    t.same(
      items.map(({ snapshot_id }) => snapshot_id),
      [2, 3, 4],
    );
    t.equal(items[0]?.deltas, null);
    t.same(column(items, 'edits'), [50, 50, 40]);
    const none = await ask(app, 'from=2030-01-01&campaign=spring&group_by=type');
    t.match(none, { items: [], groups_left_out: 0 });
    const reversed = await app.inject('/v1/trends?from=2026-02-01&to=2026-01-01');
    t.equal(reversed.statusCode, 400);
    t.match(reversed.json<Problem>().errors, [{ name: 'from' }]);
  });

  void t.test('each item is what /v1/totals has at its snapshot', async (t) => {
    for (const query of [
      '',
      'group_by=campaign',
      'campaign=spring&campaign=none',
      'type=Editathon&group_by=type',
    ]) {
      const { items } = await ask(app, `interval=all&${query}`);
      for (const item of items) {
        const totals = await read<Totals>(app, `/v1/totals?snapshot=${item.snapshot_id}&${query}`);
        const where = `${query} at ${item.snapshot_id}`;
        t.same(item.totals, totals.totals, where);
        t.same(item.coverage, totals.coverage, where);
        t.same(item.groups, totals.groups, where);
      }
    }
  });

  void t.test('the file has the same numbers, a row for each item or group', async (t) => {
    const text = (value: string | number | boolean | null | undefined) => String(value ?? '');
    const { items } = await ask(app, 'campaign=spring');
    const file = await app.inject('/v1/trends.csv?campaign=spring');
    t.equal(file.headers['row-count'], '5');
    const [header, ...rows] = parse(file.body, { record_delimiter: '\r\n' });
    t.same(header, [
      ...['snapshot_id', 'computed_at', 'partial', 'withdrawn_since'],
      ...['', '_delta', '_coverage'].flatMap((suffix) => names.map((name) => name + suffix)),
    ]);
    t.same(
      rows,
      items.map((item) =>
        [
          ...[item.snapshot_id, item.computed_at, item.partial, item.withdrawn_since],
          ...[item.totals, item.deltas, item.coverage].flatMap((values) =>
            names.map((name) => values?.[name]),
          ),
        ].map(text),
      ),
    );
    const grouped = await app.inject('/v1/trends.csv?group_by=campaign&interval=month');
    const groups = parse<Record<string, string>>(grouped.body, {
      columns: true,
      record_delimiter: '\r\n',
    });
    t.same(
      groups.map((row) => [row['snapshot_id'], row['key'], row['label'], row['edits']]),
      [
        ['3', 'spring', 'Spring', '50'],
        ['3', 'autumn', 'Campaign 2', ''],
        ['4', 'spring', 'Spring', '40'],
        ['4', 'autumn', 'Campaign 2', ''],
        ['6', 'spring', 'Spring', '47'],
        ['6', 'autumn', 'Campaign 2', ''],
      ],
    );
    t.notOk(Object.keys(groups[0]!).some((name) => name.endsWith('_delta')));
  });

  void t.test('an answer stands until something is published', async (t) => {
    const before = await app.inject('/v1/trends?campaign=spring');
    const headers = { 'if-none-match': String(before.headers.etag) };
    t.equal(before.headers['snapshot-id'], '6');
    t.equal((await app.inject({ url: '/v1/trends?campaign=spring', headers })).statusCode, 304);
    const withdrawn = { ...state, hidden: [1], courses: state.courses.slice(1) };
    Object.assign(state, withdrawn);
    await publishAt('2026-04-21T04:00:00Z');
    const after = await app.inject({ url: '/v1/trends?campaign=spring', headers });
    t.equal(after.statusCode, 200);
    const { items } = after.json<Trends>();
    t.same(column(items, 'edits'), [0, 0, 0, 0, 7, 7]);
    t.same(column(items, 'editors'), [null, null, null, null, null, 0]);
    t.same(
      items.map(({ withdrawn_since }) => withdrawn_since),
      [1, 1, 1, 1, 1, 0],
    );
    const whole = await ask(app, '');
    t.same(column(whole.items, 'courses'), [1, 1, 1, 1, 2, 2]);
  });

  void t.test('totals that were carried over are items of the whole only', async (t) => {
    await carryOver(store.sql, '2025-12-31', {
      snapshotId: 90,
      totals: { courses: 9, edits: 90 },
      coverage: { courses: 9, edits: null },
    });
    const whole = await ask(app, 'interval=year');
    t.same(column(whole.items, 'courses'), [9, 2]);
    t.same(column(whole.items, 'edits'), [90, 7]);
    t.equal(whole.items[1]?.deltas, null, 'its source is of another kind');
    t.equal(whole.items[0]?.coverage['edits'], null);
    for (const query of ['campaign=spring', 'group_by=type']) {
      const { items } = await ask(app, `interval=year&${query}`);
      t.same(
        items.map(({ snapshot_id }) => snapshot_id),
        [7],
        query,
      );
    }
  });
});

void t.test('only the largest groups are shown, and how many are not is said', async (t) => {
  const campaigns = Array.from({ length: 60 }, (_, index) =>
    campaign(index + 1, { slug: `c${String(index + 1).padStart(2, '0')}` }),
  );
  const state: SourceState = {
    ...emptyState(),
    campaigns,
    courses: campaigns.map(({ campaignId }) =>
      course(campaignId, { campaignIds: [campaignId], metrics: { edits: campaignId } }),
    ),
  };
  const { app, publishAt } = await history(t, state, '2026-01-01T04:00:00Z');
  // Was the largest, and has no course any more in the newest item.
  state.courses[59] = course(60, { campaignIds: [], metrics: { edits: 60 } });
  state.courses[0] = course(1, { campaignIds: [1], metrics: { edits: 1000 } });
  await publishAt('2026-01-02T04:00:00Z');
  const { items, groups_left_out } = await ask(app, 'group_by=campaign');
  t.equal(groups_left_out, 11);
  t.same(
    items[1]?.groups?.map(({ key }) => key),
    ['c01', null, ...Array.from({ length: 48 }, (_, index) => `c${59 - index}`)],
  );
  const shown = items[0]?.groups?.map(({ key }) => key);
  t.equal(shown?.length, 49, 'nobody was without a campaign then');
  t.notOk(shown?.includes('c60'));
  t.equal(items[0]?.totals['edits'], 1830, 'the totals are of all');

  // The file leaves out none, and each item's groups are those of its snapshot.
  for (const how of ['as it is made', 'as a file']) {
    const file = await app.inject('/v1/trends.csv?group_by=campaign');
    const rows = parse<Record<string, string>>(file.body, {
      columns: true,
      record_delimiter: '\r\n',
    });
    t.equal(rows.length, 120, how);
    t.equal(file.headers['row-count'], '120');
    for (const id of [1, 2]) {
      const totals = await read<Totals>(app, `/v1/totals?group_by=campaign&snapshot=${id}`);
      t.same(
        rows
          .filter((row) => row['snapshot_id'] === String(id))
          .map((row) => [row['key'], row['label'], ...names.map((name) => row[name])]),
        totals.groups?.map((group) => [
          group.key ?? '',
          group.label ?? '',
          ...names.map((name) => String(group.totals[name] ?? '')),
        ]),
        `${how} at ${id}`,
      );
    }
    await app.exports.settled();
  }
  t.same([1, 100, 101, 1000, 5000, 9000].map(groupsShown), [50, 50, 49, 5, 1, 1]);
});

void t.test('a sum that JSON cannot hold is null for as long as it is there', async (t) => {
  const huge = 2 ** 53 - 1;
  const state: SourceState = { ...emptyState(), courses: [course(1), course(2)] };
  const { app, publishAt } = await history(t, state, '2026-01-01T04:00:00Z');
  state.courses = [1, 2].map((id) => course(id, { metrics: { edits: huge, bytes_added: 1 } }));
  await publishAt('2026-01-02T04:00:00Z');
  state.courses = [course(1), course(2)];
  await publishAt('2026-01-03T04:00:00Z');
  const { items } = await ask(app, 'type=Editathon');
  t.same(column(items, 'edits'), [3, null, 3]);
  t.same(
    items.map(({ coverage }) => coverage['edits']),
    [2, 2, 2],
  );
});

void t.test('a sum beyond 64 bits is null too, in groups as in the whole', async (t) => {
  const huge = 2 ** 53 - 1;
  const many = Array.from({ length: 1099 }, (_, index) => index + 1);
  const metrics = { edits: 1, article_views: huge };
  const state: SourceState = { ...emptyState(), courses: many.map((id) => course(id)) };
  const { app, publishAt } = await history(t, state, '2026-01-01T04:00:00Z');
  state.courses = many.map((id) => course(id, { metrics }));
  await publishAt('2026-01-02T04:00:00Z');
  state.courses = many.map((id) => course(id, { metrics: { edits: 2, article_views: 3 } }));
  await publishAt('2026-01-03T04:00:00Z');
  const { items } = await ask(app, 'type=Editathon');
  t.same(column(items, 'article_views'), [null, null, 3 * 1099]);
  t.same(column(items, 'edits'), [603_900 + 550, 1099, 2 * 1099]);
  for (const item of items) {
    const query = `group_by=type&snapshot=${item.snapshot_id}`;
    const { totals, groups } = await read<Totals>(app, `/v1/totals?${query}`);
    t.same(item.totals, totals);
    const grouped = await ask(app, 'group_by=type');
    t.same(
      grouped.items.find(({ snapshot_id }) => snapshot_id === item.snapshot_id)?.groups,
      groups,
    );
  }
});
