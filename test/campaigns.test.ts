import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { metrics } from '../metrics/registry.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve, type Served } from './support/served.ts';

type Values = Record<string, number | null>;
interface Group {
  readonly campaign_slug?: string;
  readonly wiki?: string;
  readonly title?: string;
  readonly totals: Values;
  readonly coverage: Values;
}
interface Page {
  readonly snapshot_id: number;
  readonly withdrawn_since: number;
  readonly items: readonly Group[];
  readonly next_cursor: string | null;
}

const hostile = 'a/b?c=d&e #%2F “ü”.csv';

function state(): SourceState {
  const enrolled = (courseId: number, userId: number, role = 0) => ({
    courseId,
    userId,
    role,
    newEditor: false,
    newEditor60d: false,
  });
  return {
    ...emptyState(),
    campaigns: [
      campaign(1, { slug: 'shared', title: 'The first', createdAt: '2020-05-06T07:08:09Z' }),
      campaign(2, { slug: 'shared', title: 'The second', description: 'not said' }),
      campaign(3, { slug: hostile, title: 'ärger', start: '2026-01-01T00:00:00Z' }),
      campaign(4, { slug: 'empty', title: 'Zero', description: '' }),
    ],
    courses: [
      course(1, {
        campaignIds: [1, 2],
        metrics: { edits: 10, bytes_added: 207 },
        wikis: ['de.wikipedia.org', 'en.wikipedia.org'],
      }),
      course(2, { campaignIds: [2, 3], metrics: { edits: 5, bytes_added: 206 } }),
      course(3, { metrics: { bytes_added: 1000 }, end: '2027-01-01T00:00:00Z', wikis: [] }),
    ],
    enrollments: [enrolled(1, 100), enrolled(2, 100), enrolled(2, 101), enrolled(1, 102, 1)],
  };
}

async function slugs(app: FastifyInstance, query = ''): Promise<unknown[]> {
  return (await read<Page>(app, `/v1/campaigns${query}`)).items.map((item) => item.campaign_slug);
}

async function find(app: FastifyInstance, slug: string, query = ''): Promise<Group> {
  return read<Group>(app, `/v1/campaigns/${encodeURIComponent(slug)}${query}`);
}

void t.test('campaigns and wikis', async (t) => {
  const { app } = await serve(t, state());
  const names = metrics.map((metric) => metric.name);

  void t.test(
    'a campaign has the fields of the contract, and the totals of its courses',
    async (t) => {
      const page = await read<Page>(app, '/v1/campaigns');
      t.match(page, { snapshot_id: 1, withdrawn_since: 0, next_cursor: null });
      t.same(
        page.items.map((item) => item.campaign_slug),
        [hostile, 'empty', 'shared'],
      );
      for (const item of page.items) {
        t.same(Object.keys(item), [
          'campaign_slug',
          'title',
          'description',
          'start',
          'end',
          'created_at',
          'url',
          'totals',
          'coverage',
        ]);
        t.same(Object.keys(item.totals), names);
        t.same(Object.keys(item.coverage), names);
      }
      t.match(page.items[2], {
        title: 'The first',
        description: null,
        created_at: '2020-05-06T07:08:09Z',
        url: 'https://outreachdashboard.wmflabs.org/campaigns/shared',
        totals: {
          courses: 2,
          edits: 15,
          words_added: 79,
          editors: 2,
          facilitators: 1,
          uploads: null,
        },
        coverage: { courses: 2, edits: 2, editors: 2, uploads: 0 },
      });
    },
  );

  void t.test('a campaign without courses has zeros, also of people', async (t) => {
    const { totals, coverage } = await find(app, 'empty');
    for (const name of [
      'courses',
      'active_courses',
      'edits',
      'words_added',
      'uploads',
      'editors',
    ]) {
      t.equal(totals[name], 0, name);
      t.equal(coverage[name], 0, name);
    }
  });

  void t.test('one campaign is found by its slug, whatever is in it', async (t) => {
    const { items } = await read<Page>(app, '/v1/campaigns');
    for (const item of items) t.same(await find(app, String(item.campaign_slug)), item);
    const response = await app.inject(`/v1/campaigns/${encodeURIComponent(hostile)}`);
    t.match(response.headers, { 'snapshot-id': '1', 'cache-control': 'no-cache' });
    const canonical = /<([^>]+)>; rel="canonical"/.exec(String(response.headers.link))?.[1];
    t.same((await app.inject(String(canonical))).json(), response.json());
    t.match(response.json(), {
      url: `https://outreachdashboard.wmflabs.org/campaigns/${encodeURIComponent(hostile)}`,
    });
    for (const unknown of ['nothing', 'SHARED', '%22%3E', 'campaign_1']) {
      const headers = { 'if-none-match': '*' };
      const answer = await app.inject({ url: `/v1/campaigns/${unknown}`, headers });
      t.equal(answer.statusCode, 404, unknown);
    }
    t.equal((await app.inject('/v1/campaigns/a%00b')).statusCode, 400);
  });

  void t.test(
    'they are sorted by slug, title, date and any metric, without a value last',
    async (t) => {
      t.same(await slugs(app, '?sort=-campaign_slug'), ['shared', 'empty', hostile]);
      t.same(await slugs(app, '?sort=title'), [hostile, 'shared', 'empty']);
      t.same(await slugs(app, '?sort=-edits'), ['shared', hostile, 'empty']);
      t.same(await slugs(app, '?sort=editors'), ['empty', hostile, 'shared']);
      t.same(await slugs(app, '?sort=-start'), [hostile, 'empty', 'shared']);
      t.same(await slugs(app, '?sort=uploads'), ['empty', hostile, 'shared'], 'null is not zero');
      const wrong = await app.inject('/v1/campaigns?sort=-edit');
      t.match(wrong.json(), { status: 400, errors: [{ name: 'sort', detail: /"-edits"/ }] });
    },
  );

  void t.test('they come in pages', async (t) => {
    const first = await app.inject('/v1/campaigns?sort=-edits&limit=2');
    const { items, next_cursor } = first.json<Page>();
    t.same(
      items.map((item) => item.campaign_slug),
      ['shared', hostile],
    );
    const next = /<([^>]+)>; rel="next"/.exec(String(first.headers.link))?.[1];
    const second = await app.inject(String(next));
    t.match(second.json(), { items: [{ campaign_slug: 'empty' }], next_cursor: null });
    const cursor = `cursor=${String(next_cursor)}`;
    for (const url of ['/v1/campaigns?', '/v1/wikis?sort=-edits&', '/v1/campaigns?sort=edits&']) {
      t.equal((await app.inject(url + cursor)).statusCode, 400, url);
    }
    t.equal((await app.inject('/v1/campaigns?filter=x')).statusCode, 400);
  });

  void t.test('a wiki has the totals of the courses that track it', async (t) => {
    const { items } = await read<Page>(app, '/v1/wikis?sort=-edits');
    t.match(items, [
      { wiki: 'en.wikipedia.org', totals: { courses: 2, edits: 15, editors: 2 } },
      { wiki: 'de.wikipedia.org', totals: { courses: 1, edits: 10, editors: 1 } },
    ]);
    t.equal(items.length, 2, 'what tracks none is in none');
    t.same(Object.keys(items[0]!), ['wiki', 'totals', 'coverage']);
  });

  void t.test('the files are the lists', async (t) => {
    for (const [what, key] of [
      ['campaigns', 'campaign_slug'],
      ['wikis', 'wiki'],
    ] as const) {
      const { items } = await read<Page>(app, `/v1/${what}?sort=-edits`);
      const response = await app.inject(`/v1/${what}.csv?sort=-edits`);
      const { 'row-count': rows, 'content-type': type } = response.headers;
      t.equal(rows, String(items.length));
      t.equal(type, 'text/csv; charset=utf-8; header=present');
      t.match(response.headers['content-disposition'], `dashboard-${what}-snapshot-1.csv`);
      const records = parse<Record<string, string>>(response.body, {
        columns: true,
        record_delimiter: '\r\n',
      });
      for (const [index, item] of items.entries()) {
        const { totals, coverage, ...own } = item;
        const wanted: Record<string, unknown> = {
          ...own,
          ...totals,
          ...Object.fromEntries(names.map((name) => [`${name}_coverage`, coverage[name]])),
        };
        const text = Object.entries(wanted).map(([name, value]) => [
          name,
          value === null ? '' : String(value as string | number),
        ]);
        t.strictSame(Object.entries(records[index]!), text, item[key] ?? '');
      }
    }
    t.equal((await app.inject('/v1/wikis.csv?limit=1')).statusCode, 400);
  });
});

void t.test('campaigns over time', async (t) => {
  const now = state();
  const { app, publish } = await serve(t, now);
  now.campaigns.push(campaign(5, { slug: 'late' }));
  now.courses[0] = course(1, { campaignIds: [1, 5], metrics: { edits: 11 } });
  await publish();

  void t.test('a snapshot has the campaigns that were known at it', async (t) => {
    t.same(await slugs(app, '?snapshot=1'), [hostile, 'empty', 'shared']);
    t.same(await slugs(app), [hostile, 'empty', 'late', 'shared']);
    t.match(await find(app, 'shared', '?snapshot=1'), { totals: { edits: 15, editors: 2 } });
    t.match(await find(app, 'shared'), { totals: { edits: 16 } });
    const early = await app.inject('/v1/campaigns/late?snapshot=1');
    t.equal(early.statusCode, 404);
    t.match(early.json(), { detail: /not known yet at snapshot 1/ });
  });

  void t.test('a rename reaches the past, where its people are not known any more', async (t) => {
    const url = '/v1/campaigns?snapshot=1';
    const before = (await app.inject(url)).headers;
    // The slug changes hands: what was counted under it is of other courses.
    now.campaigns[2] = campaign(3, { slug: 'empty', title: 'ärger' });
    now.campaigns[3] = campaign(4, { slug: 'vacated', title: 'Zero' });
    await publish();
    const headers = { 'if-none-match': String(before.etag) };
    t.equal((await app.inject({ url, headers })).statusCode, 200);
    t.same(await slugs(app, '?snapshot=1'), ['empty', 'shared', 'vacated']);
    t.match(await find(app, 'empty', '?snapshot=1'), { totals: { edits: 5, editors: null } });
    t.match(await find(app, 'shared', '?snapshot=1'), { totals: { edits: 15, editors: 2 } });
    t.match(await find(app, 'empty'), { totals: { edits: 5, editors: 2 } });
    t.equal((await app.inject(`/v1/campaigns/${encodeURIComponent(hostile)}`)).statusCode, 404);
  });

  void t.test('a new description is shown at every snapshot, and no 304 hides it', async (t) => {
    const url = '/v1/campaigns/shared?snapshot=1';
    const before = await app.inject(url);
    now.campaigns[0] = campaign(1, { slug: 'shared', title: 'The first', description: 'New' });
    await publish();
    const headers = { 'if-none-match': String(before.headers.etag) };
    t.match((await app.inject({ url, headers })).json(), { description: 'New' });
  });

  void t.test('a withdrawn course is in no totals, and people are not known then', async (t) => {
    now.courses.splice(1, 1);
    now.hidden = [2];
    await publish();
    t.match(await find(app, 'empty', '?snapshot=1'), {
      totals: { courses: 0, edits: 0, editors: null },
    });
    t.match(await read(app, '/v1/wikis?snapshot=1&sort=-edits'), {
      withdrawn_since: 1,
      items: [
        { wiki: 'de.wikipedia.org', totals: { courses: 1, edits: 10, editors: null } },
        { wiki: 'en.wikipedia.org', totals: { courses: 1, edits: 10, editors: null } },
      ],
    });
    t.match(await find(app, 'shared'), { totals: { courses: 1, edits: 11, editors: 1 } });
  });
});

/** Campaigns 1 and 2 with a course each; the third has none. */
function threeCampaigns(): SourceState {
  return {
    ...emptyState(),
    campaigns: [
      campaign(1, { slug: 'spring', title: 'Spring', description: 'Of old' }),
      campaign(2, { slug: 'secretive', title: 'Zebra', description: 'Stripes' }),
      campaign(3, { slug: 'barren' }),
    ],
    courses: [course(1, { campaignIds: [1] }), course(2, { campaignIds: [2] }), course(3)],
  };
}

/** Every campaign's row in the store. */
async function kept({ sql }: Served['store']): Promise<string[]> {
  const rows = await sql<{ slug: string }[]>`select slug from campaigns order by slug`;
  return rows.map((row) => row.slug);
}

void t.test('a campaign that is deleted at the source', async (t) => {
  const now = threeCampaigns();
  const { app, store, publish } = await serve(t, now);
  const before = await app.inject('/v1/campaigns?snapshot=1');
  now.campaigns = [];
  now.courses = [1, 2, 3].map((id) => course(id));
  await publish();

  void t.test('is listed only at the snapshots whose courses had it', async (t) => {
    t.same(await slugs(app), []);
    t.same(await slugs(app, '?snapshot=1'), ['secretive', 'spring']);
    t.match(await find(app, 'spring', '?snapshot=1'), { totals: { courses: 1, edits: 1 } });
    const headers = { 'if-none-match': String(before.headers.etag) };
    const again = await app.inject({ url: '/v1/campaigns?snapshot=1', headers });
    t.equal(again.statusCode, 200, 'the list is not what it was');
    const gone = await app.inject('/v1/campaigns/spring');
    t.equal(gone.statusCode, 404);
    t.match(gone.json(), { detail: /deleted at its source/ });
  });

  void t.test('is a known value while a public course had it, and is one no longer', async (t) => {
    t.match(await read(app, '/v1/totals?campaign=spring'), { totals: { courses: 0 } });
    t.match(await read(app, '/v1/totals?campaign=spring&snapshot=1'), { totals: { courses: 1 } });
    t.match(await read(app, '/v1/totals?group_by=campaign&snapshot=1'), {
      groups: [
        { key: null, label: null },
        { key: 'secretive', label: 'Zebra' },
        { key: 'spring', label: 'Spring' },
      ],
    });
    const barren = await app.inject('/v1/totals?campaign=barren');
    t.equal(barren.statusCode, 400);
    t.equal((await app.inject('/v1/campaigns/barren?snapshot=1')).statusCode, 404);
    t.same(await kept(store), ['secretive', 'spring'], 'what no version has is erased');
  });

  void t.test('is nowhere once its only course is withdrawn', async (t) => {
    now.courses = [course(1), course(3)];
    now.hidden = [2];
    await publish();
    t.same(await slugs(app, '?snapshot=1'), ['spring']);
    t.equal((await app.inject('/v1/campaigns/secretive?snapshot=1')).statusCode, 404);
    for (const wrong of ['secretive', 'secretivv']) {
      const refused = await app.inject(`/v1/totals?campaign=${wrong}`);
      t.match(refused.json(), { status: 400, errors: [{ name: 'campaign' }] });
      t.notMatch(refused.body, /did you mean \\"secret/);
    }
    t.same(await kept(store), ['secretive', 'spring'], 'kept in case the course returns');
    now.courses.push(course(2));
    now.hidden = [];
    await publish();
    t.same(await slugs(app, '?snapshot=1'), ['secretive', 'spring'], 'as it does');
  });

  void t.test('gives its slug to a new one, which is described as itself', async (t) => {
    now.campaigns = [campaign(9, { slug: 'spring', title: 'Another', description: 'New' })];
    now.courses[0] = course(1, { campaignIds: [9] });
    await publish();
    t.match(await find(app, 'spring'), { title: 'Another', description: 'New' });
    t.match(await find(app, 'spring', '?snapshot=1'), { title: 'Spring', description: 'Of old' });
    const { groups } = await read<{ groups: { key: string; label: string }[] }>(
      app,
      '/v1/totals?group_by=campaign',
    );
    t.match(
      groups.find(({ key }) => key === 'spring'),
      { label: 'Another' },
    );
  });

  void t.test('is as it was when it is there again', async (t) => {
    now.campaigns.push(campaign(2, { slug: 'secretive', title: 'Zebra' }));
    await publish();
    t.match(await find(app, 'secretive'), { title: 'Zebra', totals: { courses: 0 } });
  });
});
