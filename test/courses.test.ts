import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { joinList } from '../csv/records.ts';
import { courseSorts } from '../db/queries/course-order.ts';
import { foldText } from '../db/queries/search-text.ts';
import { courseMetricsAt, definitionsVersion, sumMetrics } from '../metrics/registry.ts';
import { carryOver } from './support/carried.ts';
import { splitList } from './support/csv-lists.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

type Row = Record<string, unknown>;
interface Page {
  readonly snapshot_id: number;
  readonly withdrawn_since: number;
  readonly items: readonly Row[];
  readonly next_cursor: string | null;
}

async function ids(app: FastifyInstance, query: string): Promise<unknown[]> {
  const { items } = await read<Page>(app, `/v1/courses${query}`);
  return items.map((row) => row['course_id']);
}

/** What a refusal says about its first bad parameter. */
async function refusal(app: FastifyInstance, url: string): Promise<string> {
  const response = await app.inject(url);
  const { errors } = response.json<{ errors?: { name: string; detail: string }[] }>();
  const [first] = errors ?? [];
  return `${String(response.statusCode)} ${String(first?.name)} ${String(first?.detail)}`;
}

const fields = [
  'course_id',
  'slug',
  'title',
  'institution',
  'term',
  'type',
  'home_wiki',
  'wikis',
  'campaigns',
  'start',
  'end',
  'created_at',
  'status',
  'new_or_returning',
  'url',
];
const metricNames = courseMetricsAt(definitionsVersion).map((metric) => metric.name);

/** Everything that a course can be: quotes, line ends, nulls, empty texts, great numbers. */
function odd(): SourceState {
  return {
    ...emptyState(),
    campaigns: [
      campaign(1, { slug: 'zwei' }),
      campaign(2, { slug: 'a, "b" | c\\' }),
      campaign(3, { slug: 'zwei' }),
    ],
    courses: [
      course(7, {
        slug: 'Schule/Ä, "b" (2)/x_(Herbst)',
        title: 'Ä, "b"\r\nund |',
        institution: '',
        term: 'Herbst',
        type: null,
        wikis: ['de.wikipedia.org', 'www.wikidata.org'],
        campaignIds: [1, 2, 3],
        end: '2026-11-01T00:00:00Z',
        newOrReturning: 'returning_instructor',
        metrics: { edits: 0, bytes_added: 9_007_199_254_700_001, references_added: -12 },
      }),
      course(8, {
        title: null,
        institution: 'Université de Łódź',
        homeWiki: null,
        wikis: [],
        start: null,
        end: null,
        createdAt: null,
        metrics: {},
      }),
      course(9, { title: '100% _\\', institution: null, metrics: { edits: 3, bytes_added: 206 } }),
      course(10, { title: 'ŁÓDŹ', metrics: { edits: 3, bytes_added: 207 } }),
    ],
  };
}

void t.test('the rows of courses', async (t) => {
  const state = odd();
  const { app } = await serve(t, state);

  void t.test('have the fields of the contract, in its order', async (t) => {
    const { items, ...rest } = await read<Page>(app, '/v1/courses');
    t.same(rest, { snapshot_id: 1, withdrawn_since: 0, next_cursor: null });
    for (const item of items) t.same(Object.keys(item), [...fields, ...metricNames]);
    t.match(items[0], {
      course_id: 7,
      slug: 'Schule/Ä, "b" (2)/x_(Herbst)',
      title: 'Ä, "b"\r\nund |',
      institution: '',
      type: null,
      campaigns: ['a, "b" | c\\', 'zwei'],
      start: '2026-01-01T00:00:00Z',
      status: 'ended_recently',
      url: 'https://outreachdashboard.wmflabs.org/courses/Schule/%C3%84%2C%20%22b%22%20(2)/x_(Herbst)',
      edits: 0,
      bytes_added: 9_007_199_254_700_001,
      words_added: Number((9_007_199_254_700_001n * 40n) / 207n),
      references_added: -12,
      uploads: null,
    });
    t.match(items[1], { title: null, wikis: [], start: null, status: 'undated', edits: null });
  });

  void t.test('agree with those of the file, field by field', async (t) => {
    for (const query of [
      '',
      '?sort=-edits',
      '?q=łódź&sort=title',
      '?campaign=zwei',
      '?type=none',
    ]) {
      const { items } = await read<Page>(app, `/v1/courses${query}`);
      const response = await app.inject(`/v1/courses.csv${query}`);
      t.equal(response.headers['row-count'], String(items.length), query);
      const [header, ...records] = parse(response.body, {
        record_delimiter: '\r\n',
        cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
      }) as (string | null)[][];
      t.strictSame(header, [...fields, ...metricNames]);
      const campaigns = records.map((record) =>
        splitList(record[fields.indexOf('campaigns')] ?? ''),
      );
      t.strictSame(
        campaigns,
        items.map((item) => item['campaigns']),
      );
      t.ok(items.length > 0, query);
      for (const [index, item] of items.entries()) {
        const wanted = Object.values(item as Record<string, string | number | string[] | null>).map(
          (value) => {
            if (value === null) return null;
            return Array.isArray(value) ? joinList(value) : String(value);
          },
        );
        t.strictSame(records[index], wanted, `row ${String(index)} of ${query}`);
      }
    }
  });

  void t.test('are found by part of title or institution, accents and case aside', async (t) => {
    t.same(await ids(app, '?q=lodz'), [8, 10]);
    t.same(await ids(app, '?q=%20UNIVERSITE%20%20de%20'), [8]);
    t.same(await ids(app, '?q=%25'), [9], 'a percent sign is itself');
    t.same(await ids(app, '?q=_%5C'), [9], 'so are an underscore and a backslash');
    t.same(await ids(app, '?q=%22b%22%20und'), [7], 'a line end is a space');
    t.same(await ids(app, '?q=100%25%20_%5C%20school'), [], 'title and institution are two');
    t.same(await ids(app, '?q=x'), [], 'the slug is not searched');
    t.match(await refusal(app, '/v1/courses?q=%CC%81'), /^400 q must have something/);
    t.match(await refusal(app, '/v1/courses?q='), /^400 q must/);
    t.match(await refusal(app, '/v1/courses.csv?q=+'), /^400 q must have something/);
  });

  void t.test('are sorted by what is asked, without a value last, then by number', async (t) => {
    t.same(await ids(app, ''), [7, 8, 9, 10]);
    t.same(await ids(app, '?sort=-course_id'), [10, 9, 8, 7]);
    t.same(await ids(app, '?sort=edits'), [7, 9, 10, 8]);
    t.same(await ids(app, '?sort=-edits'), [9, 10, 7, 8]);
    t.same(await ids(app, '?sort=words_added'), [9, 10, 7, 8], 'a derived metric');
    t.same(await ids(app, '?sort=title'), [9, 7, 10, 8], 'Ä is an A');
    t.same(await ids(app, '?sort=-title'), [10, 7, 9, 8]);
    t.same(await ids(app, '?sort=-end'), [7, 9, 10, 8]);
    t.same(await ids(app, '?sort=created_at&status=archived'), [9, 10]);
    t.match(await refusal(app, '/v1/courses?sort=-edit'), /^400 sort .*did you mean "-edits"/);
    t.match(await refusal(app, '/v1/courses?sort=editors'), /^400 sort/, 'people are of no course');
  });

  void t.test('are refused where the question is not clear', async (t) => {
    t.match(await refusal(app, '/v1/courses?limit=0'), /^400 limit/);
    t.match(await refusal(app, '/v1/courses?limit=1001'), /^400 limit/);
    t.match(await refusal(app, '/v1/courses?snapshot=2'), /^400 snapshot names no snapshot/);
    t.match(await refusal(app, '/v1/courses?offset=3'), /^400 offset is not known/);
    t.match(await refusal(app, '/v1/courses?campaign=zwo'), /^400 campaign .*"zwei"/);
    t.match(await refusal(app, '/v1/courses.csv?limit=3'), /^400 limit is not known/);
    t.match(await refusal(app, '/v1/courses?start_from=2026-02-02&start_to=2026-02-01'), /^400/);
  });

  void t.test('come in pages with a link to the next', async (t) => {
    const query = '?sort=-edits&q=%C5%81&type=Editathon&limit=1';
    const first = await app.inject(`/v1/courses${query}`);
    const { items, next_cursor } = first.json<Page>();
    t.same(
      items.map((item) => item['course_id']),
      [10],
    );
    const links = String(first.headers.link);
    const next = /<([^>]+)>; rel="next"/.exec(links)?.[1];
    t.match(links, /<\/v1\/courses\?[^>]*snapshot=1[^>]*>; rel="canonical"/);
    t.equal(new URL(`http://x${String(next)}`).searchParams.get('cursor'), next_cursor);
    const second = await app.inject(String(next));
    t.match(second.json(), { items: [{ course_id: 8 }], next_cursor: null });
    t.notMatch(second.headers.link, /rel="next"/);

    const cursor = `&cursor=${String(next_cursor)}`;
    t.same(await ids(app, `?type=Editathon&type=Editathon&q=l&sort=-edits${cursor}`), [8]);
    for (const other of ['?sort=-edits&q=l', '?sort=edits&q=l&type=Editathon', '', '?snapshot=1']) {
      const joint = other === '' ? '?' : '';
      t.match(await refusal(app, `/v1/courses${other}${joint}${cursor}`), /^400 cursor is not/);
    }
  });

  void t.test('are named by their question, however it is written', async (t) => {
    const tag = async (query: string) => (await app.inject(`/v1/courses${query}`)).headers.etag;
    const one = await tag('?q=%C3%89cole&wiki=none&wiki=de.wikipedia.org');
    t.equal(await tag('?wiki=de.wikipedia.org&wiki=none&q=ecole&sort=course_id'), one);
    t.not(await tag('?wiki=de.wikipedia.org&wiki=none&q=ecol'), one);
    const again = await app.inject({
      url: '/v1/courses?q=ecole&wiki=none&wiki=de.wikipedia.org',
      headers: { 'if-none-match': String(one) },
    });
    t.equal(again.statusCode, 304);
    t.match(again.headers, { 'cache-control': 'no-cache', 'snapshot-id': '1' });
  });
});

void t.test('one course and its history', async (t) => {
  const state: SourceState = {
    ...emptyState(),
    campaigns: [campaign(1)],
    courses: [1, 2, 3].map((id) => course(id)),
  };
  const { app, store, publish } = await serve(t, state);
  state.courses[0] = course(1, {
    metrics: { edits: 50 },
    campaignIds: [1],
    end: '2026-11-22T12:01:30Z',
  });
  state.courses.push(course(4));
  await publish();
  state.courses.splice(1, 1);
  state.hidden = [2];
  await publish();
  const status = async (url: string) => (await app.inject(url)).statusCode;

  void t.test('a course is as it was at the snapshot, and as it is in the list', async (t) => {
    const { items } = await read<Page>(app, '/v1/courses');
    t.same(await read(app, '/v1/courses/1'), items[0]);
    t.match(await read(app, '/v1/courses/1?snapshot=1'), { edits: 1, status: 'archived' });
    t.match(await read(app, '/v1/courses/1?snapshot=2'), { edits: 50, status: 'current' });
    t.match(await read(app, '/v1/courses/1'), { edits: 50, status: 'ended_recently' });
    const response = await app.inject('/v1/courses/1');
    t.equal(response.headers['snapshot-id'], '3');
    t.match(response.headers.link, '</v1/courses/1?snapshot=3>; rel="canonical"');
    const again = await app.inject({
      url: '/v1/courses/1',
      headers: { 'if-none-match': String(response.headers.etag) },
    });
    t.equal(again.statusCode, 304);
  });

  void t.test('either is named by its question, however it is written', async (t) => {
    const tag = async (url: string) => (await app.inject(url)).headers.etag;
    const one = await tag('/v1/courses/1');
    t.equal(await tag('/v1/courses/1?snapshot=latest'), one);
    t.not(await tag('/v1/courses/1?snapshot=3'), one, 'which stays, as latest does not');
    const all = await tag('/v1/courses/1/history');
    t.equal(await tag('/v1/courses/1/history?limit=100'), all);
    t.not(await tag('/v1/courses/1/history?limit=99'), all);
  });

  void t.test('a withdrawn course is gone everywhere, whatever the client holds', async (t) => {
    for (const url of ['/v1/courses/2', '/v1/courses/2?snapshot=1', '/v1/courses/2/history']) {
      const response = await app.inject({ url, headers: { 'if-none-match': '*' } });
      t.equal(response.statusCode, 410, url);
      t.match(response.json(), { type: '/problems/gone' });
      t.notMatch(response.body, /Course_2|Course 2"/);
    }
    t.same(await ids(app, '?snapshot=1'), [1, 3]);
    t.match(await read(app, '/v1/courses?snapshot=1'), { withdrawn_since: 1 });
    const file = await app.inject('/v1/courses.csv?snapshot=1&sort=-edits&type=Editathon');
    t.equal(file.headers['row-count'], '2');
    t.notMatch(file.body, /Course_2/);
  });

  void t.test('a course that is not in a snapshot, or nowhere, is not found', async (t) => {
    const early = await app.inject('/v1/courses/4?snapshot=1');
    t.equal(early.statusCode, 404);
    t.match(early.json(), { detail: /not in snapshot 1; \/v1\/courses\/4\/history lists/ });
    t.equal(await status('/v1/courses/5'), 404);
    t.equal(await status('/v1/courses/5/history'), 404);
    t.equal(await status('/v1/courses/0'), 400);
    t.equal(await status('/v1/courses/abc'), 400);
    t.equal(await status('/v1/courses/1?snapshot=9'), 400);
  });

  void t.test('at a snapshot without course rows, too, a withdrawn course is gone', async (t) => {
    await carryOver(store.sql, '2020-01-01', {
      snapshotId: 4,
      totals: { courses: 9 },
      coverage: { courses: 9 },
    });
    t.equal(await status('/v1/courses/2?snapshot=4'), 410);
    const there = await app.inject('/v1/courses/1?snapshot=4');
    t.match(there.json(), { status: 404, type: '/problems/no-course-rows' });
    t.equal(await status('/v1/courses/5?snapshot=4'), 404);
  });

  void t.test('its history is of its states, newest first, in pages', async (t) => {
    const history = await read<Page>(app, '/v1/courses/1/history');
    t.match(history, { snapshot_id: 3, next_cursor: null });
    t.match(history.items, [
      {
        from_snapshot_id: 2,
        from_computed_at: '2026-11-22T12:01:00Z',
        to_snapshot_id: null,
        to_computed_at: null,
        course_id: 1,
        edits: 50,
        campaigns: ['campaign_1'],
        status: 'current',
      },
      {
        from_snapshot_id: 1,
        to_snapshot_id: 2,
        to_computed_at: '2026-11-22T12:01:00Z',
        edits: 1,
        campaigns: [],
      },
    ]);
    t.same(Object.keys(history.items[0]!).slice(4), [...fields, ...metricNames]);
    const first = await app.inject('/v1/courses/1/history?limit=1');
    const { items, next_cursor } = first.json<Page>();
    t.same(items, history.items.slice(0, 1));
    t.match(first.headers.link, /<\/v1\/courses\/1\/history\?limit=1&cursor=[^>]+>; rel="next"/);
    const address = `/v1/courses/1/history?limit=1&cursor=${String(next_cursor)}`;
    t.same((await read<Page>(app, address)).items, history.items.slice(1));
    t.equal(await status(`/v1/courses/3/history?cursor=${String(next_cursor)}`), 400);
  });
});

void t.test('a file of selected courses says how many rows it has', async (t) => {
  const state = { ...emptyState(), courses: [1, 2, 3, 4].map((id) => course(id)) };
  const { app } = await serve(t, state);
  const url = '/v1/courses.csv?start_from=2026-01-01&sort=-edits';
  const response = await app.inject(url);
  t.match(response.headers, {
    'row-count': '4',
    'snapshot-id': '1',
    'cache-control': 'no-cache',
    'content-disposition':
      'attachment; filename="dashboard-courses-start_from-2026-01-01-snapshot-1.csv"',
    link: /<\/v1\/courses.csv\?start_from=2026-01-01&sort=-edits&snapshot=1>; rel="canonical"/,
  });
  const rows = response.body.trimEnd().split('\r\n').slice(1);
  t.same(
    rows.map((row) => row.split(',')[0]),
    ['4', '3', '2', '1'],
  );
  const etag = String(response.headers.etag);
  const again = await app.inject({ url, headers: { 'if-none-match': etag } });
  t.equal(again.statusCode, 304);
  const none = await app.inject('/v1/courses.csv?q=nothing+like+it');
  t.equal(none.headers['row-count'], '0');
  t.equal(none.body, `${[...fields, ...metricNames].join(',')}\r\n`);
});

void t.test('a course without a slug has no address, anywhere', async (t) => {
  const state = {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'before' })],
    courses: [course(1, { slug: null, campaignIds: [1] })],
  };
  const { app, publish } = await serve(t, state);
  const check = async () => {
    t.match(await read(app, '/v1/courses/1'), { slug: null, url: null });
    t.match(await read(app, '/v1/courses'), { items: [{ slug: null, url: null }] });
    t.match(await read(app, '/v1/courses/1/history'), { items: [{ slug: null, url: null }] });
    for (const dialect of ['plain', 'excel']) {
      const { body } = await app.inject(`/v1/courses.csv?dialect=${dialect}`);
      const [row] = parse<Record<string, unknown>>(body, {
        columns: true,
        bom: true,
        cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
      });
      t.match(row, { course_id: '1', slug: null, url: null, title: 'Course 1', edits: '1' });
    }
    const { body } = await app.inject('/v1/courses.csv?dialect=dashboard');
    t.match(body, /\n,Course 1,School,/);
  };
  await check();
  state.campaigns[0] = campaign(1, { slug: 'after' });
  await publish();
  await check();
});

void t.test(
  'every order is sorted, nulls last and by number, both ways, page by page',
  async (t) => {
    const values = [null, 0, 5, 5, 3, null, 1];
    const texts = [null, 'b', 'Ä', 'a', 'ab', null, 'B'];
    const state = {
      ...emptyState(),
      courses: values.map((value, index) =>
        course(index + 1, {
          title: texts[index] ?? null,
          start: value === null ? null : `2026-01-0${value + 1}T00:00:00Z`,
          end: value === null ? null : `2026-02-0${9 - value}T00:00:00Z`,
          createdAt: value === null ? null : `2025-01-0${value + 1}T00:00:00Z`,
          metrics: Object.fromEntries(
            sumMetrics.map(({ name }, place) => [name, value && ((value + place) % 7) * 6]),
          ),
        }),
      ),
    };
    const { app } = await serve(t, state);
    const { items } = await read<Page>(app, '/v1/courses');
    const keyOf = (row: Row, by: string) => {
      const value = (row[by] ?? null) as string | number | null;
      return by === 'title' && typeof value === 'string' ? foldText(value) : value;
    };
    for (const by of courseSorts) {
      for (const sign of [1, -1]) {
        const wanted = [...items].sort((a, b) => {
          const [x, y] = [keyOf(a, by), keyOf(b, by)];
          const unlike =
            x === null || y === null
              ? Number(x === null) - Number(y === null)
              : x === y
                ? 0
                : sign * (x < y ? -1 : 1);
          return unlike || Number(a['course_id']) - Number(b['course_id']);
        });
        const query = `?sort=${sign < 0 ? '-' : ''}${by}`;
        const given: unknown[] = [];
        for (let cursor: string | null = ''; cursor !== null;) {
          const at: string = cursor === '' ? '' : `&cursor=${cursor}`;
          const page: Page = await read<Page>(app, `/v1/courses${query}&limit=2${at}`);
          given.push(...page.items.map((row) => row['course_id']));
          cursor = page.next_cursor;
        }
        t.same(
          given,
          wanted.map((row) => row['course_id']),
          query,
        );
        t.same(await ids(app, query), given);
      }
    }
  },
);

void t.test('a year before 100, as of a slip, is that year everywhere', async (t) => {
  const start = '0018-08-14T10:00:00Z';
  const courses = [
    course(1, { start, end: '0099-12-31T23:59:59Z', createdAt: '0001-01-01T00:00:00Z' }),
    course(2, { start: '0999-01-01T00:00:00Z' }),
  ];
  const campaigns = [campaign(1, { slug: 'old', start, end: start })];
  const { app } = await serve(t, { ...emptyState(), campaigns, courses });
  const dates = { start, end: '0099-12-31T23:59:59Z', created_at: '0001-01-01T00:00:00Z' };
  t.match((await read<Page>(app, '/v1/courses?sort=start')).items[0], dates);
  t.match(await read(app, '/v1/courses/1'), dates);
  t.match((await read<Page>(app, '/v1/courses/1/history')).items[0], dates);
  t.match(await read(app, '/v1/campaigns/old'), { start, end: start });
  const file = async (path: string) => {
    const answer = await app.inject(path);
    t.equal(answer.statusCode, 200, path);
    return answer.body;
  };
  const all = Object.values(dates).join(',');
  for (const sort of ['course_id', 'start']) {
    t.match(await file(`/v1/courses.csv?sort=${sort}`), all);
    t.match(await file(`/v1/courses.csv?dialect=excel&sort=${sort}`), all);
  }
  t.match(await file('/v1/courses.csv?dialect=dashboard'), '0018-08-14 10:00:00 UTC');
  t.match(await file('/v1/campaigns.csv'), `${start},${start}`);
  const found = await read<Page>(app, '/v1/courses?start_from=0018-08-14&start_to=0018-08-14');
  t.equal(found.items.length, 1);
  const { groups } = await read<{ groups: { key: string }[] }>(
    app,
    '/v1/totals?group_by=start_year',
  );
  t.same(groups.map(({ key }) => key).sort(), ['0018', '0999']);
});
