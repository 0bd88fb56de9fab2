import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import type { SourceActivity } from '../sources/source.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

interface Item {
  readonly period: string;
  readonly key: string | null;
  readonly edits: number | null;
  readonly bytes_added: number | null;
  readonly references_added: number | null;
}

interface Activity {
  readonly coverage: Readonly<Record<string, number>>;
  readonly groups_left_out: number;
  readonly items: readonly Item[];
}

const en = 'en.wikipedia.org';
const data = 'www.wikidata.org';

function slice(courseId: number, wiki: string, month: string, edits: number): SourceActivity {
  return { courseId, wiki, month, edits, bytesAdded: edits * 10, referencesAdded: -edits };
}

function state(): SourceState {
  return {
    ...emptyState(),
    campaigns: [campaign(1), campaign(2)],
    courses: [
      course(1, { campaignIds: [1, 2], wikis: [en, data] }),
      course(2, { campaignIds: [2], end: '2027-01-01T00:00:00Z' }),
      course(3, { type: 'BasicCourse', wikis: [] }),
    ],
    activity: [
      ...[slice(1, en, '2025-12', 5), slice(1, data, '2025-12', 1), slice(1, en, '2026-01', 7)],
      ...[slice(2, en, '2026-01', 100), slice(2, en, '2026-11', 2)],
    ],
  };
}

const ask = (app: FastifyInstance, query: string) => read<Activity>(app, `/v1/activity?${query}`);

async function edits(app: FastifyInstance, query: string) {
  return (await ask(app, query)).items.map((item) => [item.period, item.key, item.edits]);
}

void t.test('the timeline of a slice', async (t) => {
  const { app } = await serve(t, state());

  void t.test('is by month, of months in which something happened', async (t) => {
    t.same(await ask(app, ''), {
      snapshot_id: 1,
      filters: {},
      group_by: null,
      interval: 'month',
      coverage: { courses: 3, edits: 2, bytes_added: 2, references_added: 2 },
      groups_left_out: 0,
      items: [
        { period: '2025-12', key: null, edits: 6, bytes_added: 60, references_added: -6 },
        { period: '2026-01', key: null, edits: 107, bytes_added: 1070, references_added: -107 },
        { period: '2026-11', key: null, edits: 2, bytes_added: 20, references_added: -2 },
      ],
    });
  });

  void t.test('is by quarter or year when that is asked for', async (t) => {
    t.same(await edits(app, 'interval=quarter'), [
      ['2025-Q4', null, 6],
      ['2026-Q1', null, 107],
      ['2026-Q4', null, 2],
    ]);
    t.same(await edits(app, 'interval=year'), [
      ['2025', null, 6],
      ['2026', null, 109],
    ]);
  });

  void t.test('a filter by wiki picks its time slices, and courses that track it', async (t) => {
    t.same(await edits(app, `wiki=${data}`), [['2025-12', null, 1]]);
    t.match(await ask(app, `wiki=${data}`), { coverage: { courses: 1, edits: 1 } });
    t.same(await edits(app, `wiki=${data}&wiki=${en}&to=2025-12-31`), [['2025-12', null, 6]]);
    t.match(await ask(app, 'wiki=none'), { coverage: { courses: 1, edits: 0 }, items: [] });
    t.match(await ask(app, `wiki=none&wiki=${data}`), { coverage: { courses: 2, edits: 1 } });
  });

  void t.test('other filters pick courses, with all of their time slices', async (t) => {
    t.same(await edits(app, 'campaign=campaign_1'), [
      ['2025-12', null, 6],
      ['2026-01', null, 7],
    ]);
    t.same(await edits(app, 'campaign=campaign_1&campaign=campaign_2&interval=year'), [
      ['2025', null, 6],
      ['2026', null, 109],
    ]);
    t.same(await edits(app, 'status=current'), [
      ['2026-01', null, 100],
      ['2026-11', null, 2],
    ]);
  });

  void t.test('by wiki the groups add up; by campaign a course counts in each', async (t) => {
    t.same(await edits(app, 'group_by=wiki&interval=year'), [
      ['2025', en, 5],
      ['2025', data, 1],
      ['2026', en, 109],
    ]);
    t.same(await edits(app, 'group_by=campaign&from=2026-01-01'), [
      ['2026-01', 'campaign_2', 107],
      ['2026-01', 'campaign_1', 7],
      ['2026-11', 'campaign_2', 2],
    ]);
  });

  void t.test('days choose the months that they touch', async (t) => {
    t.same(await edits(app, 'from=2025-12-31&to=2025-12-31'), [['2025-12', null, 6]]);
    t.same(await edits(app, 'from=2026-01-31&to=2026-11-01&interval=year'), [['2026', null, 109]]);
    const reversed = await app.inject('/v1/activity?from=2026-02-01&to=2026-01-01');
    t.match(reversed.json<Problem>(), { status: 400, errors: [{ name: 'from' }] });
  });

  void t.test('the file has the same numbers, and then the coverage', async (t) => {
    for (const grouping of ['', 'group_by=wiki']) {
      const { items, coverage } = await ask(app, grouping);
      const file = await app.inject(`/v1/activity.csv?${grouping}`);
      t.equal(file.headers['row-count'], String(items.length));
      t.same(rowsOf(file.body), [
        [
          ...['period', 'key', 'edits', 'bytes_added', 'references_added'],
          ...['courses', 'edits', 'bytes_added', 'references_added'].map((n) => `${n}_coverage`),
        ],
        ...items.map((item) =>
          [...Object.values({ ...item }), ...Object.values(coverage)].map((value) =>
            String(value ?? ''),
          ),
        ),
      ]);
    }
  });
});

const rowsOf = (csv: string) => parse(csv, { record_delimiter: '\r\n' });

void t.test('what is not collected is null, and zero is zero', async (t) => {
  const unknown = { edits: null, bytesAdded: null, referencesAdded: null };
  const source: SourceState = {
    ...emptyState(),
    courses: [1, 2, 3, 4].map((id) => course(id, { wikis: [en, data] })),
    activity: [
      { courseId: 1, wiki: en, month: '2026-01', ...unknown },
      { courseId: 2, wiki: en, month: '2026-01', ...unknown, edits: 0 },
      { courseId: 2, wiki: data, month: '2026-02', ...unknown, bytesAdded: 7 },
      { courseId: 3, wiki: data, month: '2026-02', ...unknown },
    ],
  };
  const { app, publish } = await serve(t, source);
  const { items, coverage } = await ask(app, 'group_by=wiki');
  t.same(coverage, { courses: 4, edits: 1, bytes_added: 1, references_added: 0 });
  t.same(items, [
    { period: '2026-01', key: en, edits: 0, bytes_added: null, references_added: null },
    { period: '2026-02', key: data, edits: null, bytes_added: 7, references_added: null },
  ]);
  t.match(await ask(app, `wiki=${data}`), {
    coverage: { courses: 4, edits: 0, bytes_added: 1, references_added: 0 },
  });
  const [, ...rows] = rowsOf((await app.inject('/v1/activity.csv?group_by=wiki')).body);
  t.same(rows, [
    ['2026-01', en, '0', '', '', '4', '1', '1', '0'],
    ['2026-02', data, '', '7', '', '4', '1', '1', '0'],
  ]);

  source.activity[0] = { courseId: 1, wiki: en, month: '2026-01', ...unknown, edits: 0 };
  await publish();
  t.match(await ask(app, ''), { snapshot_id: 2, coverage: { edits: 2 } }, 'a change is seen');
});

void t.test('the file is whole where there are more groups than are shown', async (t) => {
  const campaigns = Array.from({ length: 120 }, (_, index) => campaign(index + 1));
  const source: SourceState = {
    ...emptyState(),
    campaigns,
    courses: campaigns.map(({ campaignId }) => course(campaignId, { campaignIds: [campaignId] })),
    activity: campaigns.flatMap(({ campaignId }) => [
      slice(campaignId, en, '2026-01', campaignId),
      slice(campaignId, en, '2026-02', 1),
    ]),
  };
  const { app, store } = await serve(t, source);
  const shown = await ask(app, 'group_by=campaign');
  t.equal(shown.groups_left_out, 70);
  t.equal(shown.items.length, 100);
  for (const how of ['as it is made', 'as a file']) {
    const file = await app.inject('/v1/activity.csv?group_by=campaign');
    t.equal(file.headers['row-count'], '240', how);
    const [, ...rows] = rowsOf(file.body);
    t.equal(rows.length, 240);
    t.equal(
      rows.reduce((sum, row) => sum + Number(row[2]), 0),
      (120 * 121) / 2 + 120,
      'and adds up',
    );
    await app.exports.settled();
  }

  await store.sql`
    insert into activity (course_id, wiki, month, edits)
    select 1, 'w' || wiki, date '1950-01-01' + month * interval '1 month', 1
    from generate_series(1, 1001) wiki, generate_series(0, 999) month`;
  const absurd = await app.inject('/v1/activity.csv?group_by=wiki');
  t.equal(absurd.statusCode, 400);
  t.match(absurd.json<Problem>(), {
    errors: [{ name: 'interval', detail: /^makes 100\d{4} rows, of at most 1000000/ }],
  });
});

void t.test('a withdrawn course leaves the timeline', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  const before = await app.inject('/v1/activity');
  source.courses = source.courses.filter(({ courseId }) => courseId !== 2);
  source.activity = source.activity.filter(({ courseId }) => courseId !== 2);
  source.hidden = [2];
  await publish();
  t.same(await edits(app, ''), [
    ['2025-12', null, 6],
    ['2026-01', null, 7],
  ]);
  const again = await app.inject({
    url: '/v1/activity',
    headers: { 'if-none-match': String(before.headers.etag) },
  });
  t.equal(again.statusCode, 200);
  t.match(again.headers, { 'snapshot-id': '2', 'cache-control': 'no-cache' });
});

void t.test('whatever happened, every partition of it has the same sum', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  const wikis = [en, data, 'fr.wikipedia.org'];
  const months = ['2024-02', '2025-12', '2026-01', '2026-03', '2026-11'];
  const course = fc.integer({ min: 1, max: 3 });
  const happening = fc.tuple(
    course,
    fc.constantFrom(...wikis),
    fc.constantFrom(...months),
    fc.nat({ max: 1000 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(happening, { selector: ([id, wiki, month]) => `${id} ${wiki} ${month}` }),
      async (happened) => {
        source.activity = happened.map(([id, wiki, month, edits]) => slice(id, wiki, month, edits));
        await publish();
        const sum = happened.reduce((all, [, , , edits]) => all + edits, 0);
        for (const grouping of ['', 'wiki', 'type', 'home_wiki', 'status', 'start_year']) {
          for (const interval of ['month', 'quarter', 'year']) {
            const by = grouping === '' ? '' : `&group_by=${grouping}`;
            const { items } = await ask(app, `interval=${interval}${by}`);
            const total = items.reduce((all, item) => all + (item.edits ?? 0), 0);
            if (total !== sum) throw new Error(`${grouping} ${interval}: ${total}, not ${sum}`);
            const cells = new Set(items.map((item) => JSON.stringify([item.period, item.key])));
            if (cells.size !== items.length) throw new Error(`${grouping} ${interval}: repeated`);
          }
        }
      },
    ),
    { numRuns: 8 },
  );
  t.pass();
});

void t.test('a question that a publication overtakes is not answered for another', async (t) => {
  const slices = state();
  const { app, publish } = await serve(t, slices);
  const turns: (() => void)[] = [];
  const inTheWay = Array.from({ length: 4 }, () =>
    app.heavy('others', () => new Promise<void>((resolve) => turns.push(resolve))),
  );
  const asked = app.inject('/v1/activity');
  asked.then(undefined, () => undefined);
  for (;;) {
    const metrics = (await app.inject('/metrics')).body;
    if (/heavy_questions_waiting [1-9]/.test(metrics)) break;
    await setImmediate();
  }
  slices.activity.push(slice(2, en, '2026-10', 50));
  await publish();
  for (const end of turns) end();
  await Promise.all(inTheWay);
  const overtaken = await asked;
  t.equal(overtaken.statusCode, 503);
  t.match(overtaken.headers, { 'retry-after': /^\d+$/ });
  t.match(overtaken.json(), { detail: /just been published/ });
  t.match(await ask(app, ''), { snapshot_id: 2, items: [{}, {}, { period: '2026-10' }, {}] });
});
