import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import type { SourceActivity } from '../sources/source.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

interface Item {
  readonly period: string;
  readonly key: string | null;
  readonly edits: number;
  readonly bytes_added: number;
  readonly references_added: number;
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

  void t.test('the file has the same numbers, and a key where there are groups', async (t) => {
    for (const grouping of ['', 'group_by=wiki']) {
      const { items } = await ask(app, grouping);
      const file = await app.inject(`/v1/activity.csv?${grouping}`);
      t.equal(file.headers['row-count'], String(items.length));
      const rows = parse<Record<string, string>>(file.body, {
        columns: true,
        record_delimiter: '\r\n',
      });
      const names = ['period', ...(grouping === '' ? [] : ['key']), 'edits', 'bytes_added'];
      t.same(Object.keys(rows[0] ?? {}), [...names, 'references_added']);
      t.same(
        rows.map((row) => [row['period'], row['key'], row['references_added']]),
        items.map((item) => [
          item.period,
          grouping === '' ? undefined : (item.key ?? ''),
          String(item.references_added),
        ]),
      );
    }
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
            const total = items.reduce((all, item) => all + item.edits, 0);
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
