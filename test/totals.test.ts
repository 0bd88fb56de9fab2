import { parse } from 'csv-parse/sync';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { metrics } from '../metrics/registry.ts';
import type { Problem } from '../openapi/problem.ts';
import { carryOver } from './support/carried.ts';
import type { Totals } from './support/slices.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

const names = metrics.map((metric) => metric.name);
const people = metrics.filter(({ kind }) => kind === 'distinct').map(({ name }) => name);

const enrolled = (courseId: number, userId: number, role = 0) => ({
  courseId,
  userId,
  role,
  newEditor: false,
  newEditor60d: false,
});

function state(): SourceState {
  return {
    ...emptyState(),
    campaigns: [
      campaign(1, { slug: 'spring', title: 'Spring, "2026"' }),
      campaign(2, { slug: 'women', title: 'Women' }),
      campaign(3, { slug: 'shared', title: 'The first' }),
      campaign(4, { slug: 'shared', title: 'The second' }),
    ],
    courses: [
      course(1, { campaignIds: [1, 2], metrics: { edits: 10, bytes_added: 207 } }),
      course(2, {
        campaignIds: [2],
        homeWiki: 'fr.wikipedia.org',
        wikis: ['fr.wikipedia.org', 'www.wikidata.org'],
        type: 'BasicCourse',
        start: '2026-11-01T00:00:00Z',
        end: '2026-12-01T00:00:00Z',
        metrics: { edits: 20, bytes_added: 206 },
      }),
      course(3, {
        campaignIds: [3, 4],
        homeWiki: null,
        wikis: [],
        type: null,
        start: null,
        metrics: { edits: 5 },
      }),
      course(4, { metrics: { bytes_added: 1 } }),
    ],
    enrollments: [
      ...[enrolled(1, 100), enrolled(1, 101), enrolled(2, 100), enrolled(3, 102)],
      ...[enrolled(2, 103, 1), enrolled(3, 103, 1)],
    ],
  };
}

const ask = (app: FastifyInstance, query: string) => read<Totals>(app, `/v1/totals?${query}`);

async function errorsOf(app: FastifyInstance, query: string): Promise<string[]> {
  const answer = await app.inject(`/v1/totals?${query}`);
  if (answer.statusCode !== 400) throw new Error(`${query}: ${answer.body}`);
  return (answer.json<Problem>().errors ?? []).map(({ name, detail }) => `${name} ${detail}`);
}

void t.test('totals of a store that stays as it is', async (t) => {
  const { app } = await serve(t, state());

  void t.test('the whole is what the snapshot says', async (t) => {
    const [totals, snapshot] = await Promise.all([
      ask(app, ''),
      read<Totals>(app, '/v1/snapshots/latest'),
    ]);
    t.same(Object.keys(totals), [
      ...['snapshot_id', 'computed_at', 'withdrawn_since', 'filters', 'group_by', 'additive'],
      ...['totals', 'coverage', 'groups'],
    ]);
    t.same(totals.totals, snapshot.totals);
    t.same(totals.coverage, snapshot.coverage);
    t.match(totals, {
      snapshot_id: 1,
      computed_at: '2026-11-22T12:00:00Z',
      withdrawn_since: 0,
      filters: {},
      group_by: null,
      additive: true,
      groups: null,
    });
    t.same(Object.keys(totals.totals), names);
  });

  void t.test('a course in two of the campaigns that are asked for counts once', async (t) => {
    const { totals, filters } = await ask(app, 'campaign=women&campaign=spring&campaign=women');
    t.match(totals, { courses: 2, edits: 30, bytes_added: 413, words_added: 79, editors: 2 });
    t.same(filters, { campaign: ['spring', 'women'] });
  });

  void t.test('values of one filter are alternatives, and filters narrow each other', async (t) => {
    const courses = async (query: string) => (await ask(app, query)).totals['courses'];
    t.equal(await courses('home_wiki=en.wikipedia.org&home_wiki=fr.wikipedia.org'), 3);
    t.equal(await courses('campaign=women&wiki=www.wikidata.org'), 1);
    t.equal(await courses('campaign=spring&wiki=www.wikidata.org'), 0);
    t.equal(await courses('wiki=none'), 1);
    t.equal(await courses('wiki=none&wiki=www.wikidata.org'), 2);
    t.equal(await courses('home_wiki=none'), 1);
    t.equal(await courses('type=none&type=BasicCourse'), 2);
    t.equal(await courses('campaign=none'), 1);
    t.equal(await courses('campaign=shared'), 1);
    t.equal(await courses('status=current'), 1);
    t.equal(await courses('status=archived&status=undated'), 3);
    t.equal(await courses('status=upcoming'), 0);
  });

  void t.test('days are whole, both ends included', async (t) => {
    const courses = async (query: string) => (await ask(app, query)).totals['courses'];
    t.equal(await courses('start_from=2026-01-01&start_to=2026-01-01'), 2);
    t.equal(await courses('start_from=2026-01-02'), 1);
    t.equal(await courses('start_to=2025-12-31'), 0);
    t.equal(await courses('end_to=2026-12-01'), 4);
    t.equal(await courses('end_to=2026-11-30'), 3);
    t.equal(await courses('created_from=2025-12-01&created_to=9999-12-31'), 4);
  });

  void t.test('over no courses sums are 0; over courses without a value, null', async (t) => {
    const none = await ask(app, 'status=upcoming');
    t.match(none.totals, { courses: 0, edits: 0, words_added: 0, editors: 0 });
    t.match(none.coverage, { courses: 0, edits: 0, editors: 0 });
    const unknown = await ask(app, 'campaign=none');
    t.match(unknown.totals, { courses: 1, edits: null, bytes_added: 1, words_added: 0 });
    t.match(unknown.coverage, { courses: 1, edits: 0, bytes_added: 1, words_added: 1 });
  });

  void t.test('groups come whole, by edits and then by key, what has none with them', async (t) => {
    const { groups, additive, totals } = await ask(app, 'group_by=wiki');
    t.equal(additive, false);
    t.same(
      groups?.map(({ key, label, totals }) => [key, label, totals['courses'], totals['edits']]),
      [
        ['fr.wikipedia.org', 'fr.wikipedia.org', 1, 20],
        ['www.wikidata.org', 'www.wikidata.org', 1, 20],
        ['en.wikipedia.org', 'en.wikipedia.org', 2, 10],
        [null, null, 1, 5],
      ],
    );
    t.equal(totals['edits'], 35);
    const byType = await ask(app, 'group_by=type');
    t.equal(byType.additive, true);
    t.same(
      byType.groups?.map(({ key, totals }) => [key, totals['courses']]),
      [
        ['BasicCourse', 1],
        ['Editathon', 2],
        [null, 1],
      ],
    );
    const byYear = await ask(app, 'group_by=start_year');
    t.same(
      byYear.groups?.map(({ key }) => key),
      ['2026', null],
    );
  });

  void t.test('campaigns that share a slug are one group, under the first title', async (t) => {
    const { groups } = await ask(app, 'group_by=campaign');
    t.same(
      groups?.map(({ key, label, totals }) => [key, label, totals['courses'], totals['editors']]),
      [
        ['women', 'Women', 2, 2],
        ['spring', 'Spring, "2026"', 1, 2],
        ['shared', 'The first', 1, 1],
        [null, null, 1, 0],
      ],
    );
  });

  void t.test('a filter selects courses, whose other groups are shown too', async (t) => {
    const { groups, totals } = await ask(app, 'wiki=www.wikidata.org&group_by=wiki');
    t.same(
      groups?.map(({ key, totals }) => [key, totals['courses'], totals['editors']]),
      [
        ['fr.wikipedia.org', 1, 1],
        ['www.wikidata.org', 1, 1],
      ],
    );
    t.equal(totals['courses'], 1);
  });

  void t.test('people are counted once in any slice of the newest snapshot', async (t) => {
    const both = await ask(app, 'home_wiki=en.wikipedia.org&home_wiki=fr.wikipedia.org');
    t.match(both.totals, { editors: 2, facilitators: 1, active_facilitators: 1 });
    t.match(both.coverage, { editors: 3 });
    const active = await ask(app, 'type=BasicCourse&created_to=2026-01-01');
    t.match(active.totals, { editors: 1, facilitators: 1, active_facilitators: 1 });
  });

  void t.test('what is wrong with a question is said of each parameter', async (t) => {
    t.same(await errorsOf(app, 'wiki=en.wikipedia.or'), [
      'wiki names no wiki that is known here; got "en.wikipedia.or", did you mean "en.wikipedia.org"?',
    ]);
    t.same(await errorsOf(app, 'home_wiki=xx&type=Editaton&campaign=wommen'), [
      'campaign names no campaign that is known here; got "wommen", did you mean "women"?',
      'home_wiki names no wiki that is known here; got "xx", did you mean "en.wikipedia.org"?',
      'type names no type that is known here; got "Editaton", did you mean "Editathon"?',
    ]);
    t.same(await errorsOf(app, 'start_from=2026-02-01&start_to=2026-01-01&snapshot=9'), [
      'start_from is after start_to: 2026-02-01 is later than 2026-01-01',
      'snapshot names no snapshot; the newest is 1',
    ]);
    t.same(await errorsOf(app, 'end_from=2026-02-30'), [
      'end_from must be a day of the calendar, as in 2026-02-28; got "2026-02-30"',
    ]);
    t.match(await errorsOf(app, 'status=curent'), [/did you mean "current"\?$/]);
    t.match(await errorsOf(app, 'group_by=wikis'), [/did you mean "wiki"\?$/]);
    t.same(await errorsOf(app, 'wikis=en.wikipedia.org'), [
      'wikis is not known here; did you mean "wiki"?',
    ]);
    t.same(await errorsOf(app, 'campaign='), [
      'campaign must be text of 1 to 300 characters; got ""',
    ]);
    const many = Array.from('aabbccddeeff', (letter, index) => `campaign=${letter}${index}`).join(
      '&',
    );
    t.match(await errorsOf(app, many), [/; and 2 more$/]);
  });

  void t.test('the same question has one ETag and one address, however it is asked', async (t) => {
    const one = await app.inject(
      '/v1/totals?wiki=fr.wikipedia.org&wiki=en.wikipedia.org&status=current&group_by=type',
    );
    const other = await app.inject(
      '/v1/totals?group_by=type&status=current&wiki=en.wikipedia.org&snapshot=1' +
        '&wiki=fr.wikipedia.org&wiki=en.wikipedia.org',
    );
    t.equal(one.headers.etag, other.headers.etag);
    t.equal(one.body, other.body);
    t.match(one.headers, {
      'snapshot-id': '1',
      'cache-control': 'no-cache',
      'last-modified': 'Sun, 22 Nov 2026 12:00:00 GMT',
      link: '</v1/totals?wiki=en.wikipedia.org&wiki=fr.wikipedia.org&status=current&group_by=type&snapshot=1>; rel="canonical"',
    });
    t.notMatch(other.headers.link, 'canonical');
    const again = await app.inject({
      url: '/v1/totals?wiki=fr.wikipedia.org&wiki=en.wikipedia.org&status=current&group_by=type',
      headers: { 'if-none-match': String(one.headers.etag) },
    });
    t.equal(again.statusCode, 304);
    const different = await app.inject('/v1/totals?wiki=fr.wikipedia.org&status=current');
    t.not(different.headers.etag, one.headers.etag);
  });

  void t.test('the file has a row for each group, with the fields of the JSON', async (t) => {
    const { groups, ...head } = await ask(app, 'group_by=campaign');
    const file = await app.inject('/v1/totals.csv?group_by=campaign');
    t.match(file.headers, {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="dashboard-totals-by-campaign-snapshot-1.csv"',
      'row-count': '4',
    });
    const [header, ...rows] = parse(file.body, { record_delimiter: '\r\n' });
    t.same(header, [
      ...['snapshot_id', 'computed_at', 'withdrawn_since', 'key', 'label'],
      ...names,
      ...names.map((name) => `${name}_coverage`),
    ]);
    const text = (value: string | number | null) => String(value ?? '');
    t.same(
      rows,
      groups?.map(({ key, label, totals, coverage }) =>
        [
          ...[head.snapshot_id, head.computed_at, head.withdrawn_since, key, label],
          ...Object.values(totals),
          ...Object.values(coverage),
        ].map(text),
      ),
    );
    const whole = await app.inject('/v1/totals.csv?dialect=excel');
    t.equal(whole.headers['row-count'], '1');
    t.equal(whole.body.charCodeAt(0), 0xfeff);
    t.notMatch(whole.body.split('\r\n')[0], ',key,');
    t.equal((await app.inject('/v1/totals.csv?dialect=dashboard')).statusCode, 400);
  });
});

void t.test('a value that only a past course has is known, until it is withdrawn', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  source.courses = source.courses.map((one) =>
    one.courseId === 2 ? { ...one, type: 'Editathon', wikis: ['fr.wikipedia.org'] } : one,
  );
  await publish();
  t.equal((await ask(app, 'type=BasicCourse')).totals['courses'], 0);
  t.equal((await ask(app, 'type=BasicCourse&snapshot=1')).totals['courses'], 1);
  t.equal((await ask(app, 'wiki=www.wikidata.org')).totals['courses'], 0);
  source.hidden = [2];
  source.courses = source.courses.filter(({ courseId }) => courseId !== 2);
  await publish();
  t.match(await errorsOf(app, 'type=BasicCourse'), [/^type names no type/]);
  t.match(await errorsOf(app, 'wiki=www.wikidata.org&snapshot=1'), [/^wiki names no wiki/]);
  t.equal((await ask(app, 'campaign=spring')).totals['courses'], 1);
});

void t.test('a campaign that has come without a snapshot is known', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  t.equal((await ask(app, 'campaign=spring')).totals['courses'], 1);
  source.campaigns.push(campaign(9, { slug: 'brand_new' }));
  await publish();
  t.match(await ask(app, 'campaign=brand_new'), {
    snapshot_id: 1,
    totals: { courses: 0, edits: 0 },
  });
});

void t.test('people of the past are known of the whole and its groups only', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  const slice = 'type=BasicCourse&created_to=2026-01-01';
  const before = await app.inject(`/v1/totals?${slice}&snapshot=1`);
  t.equal(before.json<Totals>().totals['editors'], 1);
  source.courses[0] = course(1, { campaignIds: [2], metrics: { edits: 11, bytes_added: 207 } });
  await publish();

  const past = await ask(app, `${slice}&snapshot=1`);
  t.match(past.totals, { courses: 1, edits: 20, editors: null, facilitators: null });
  t.match(past.coverage, { courses: 1, editors: 0 });
  const conditional = await app.inject({
    url: `/v1/totals?${slice}&snapshot=1`,
    headers: { 'if-none-match': String(before.headers.etag) },
  });
  t.equal(conditional.statusCode, 200, 'what was known of the newest snapshot is not any more');
  const since = await app.inject({
    url: `/v1/totals?${slice}&snapshot=1`,
    headers: { 'if-modified-since': String(before.headers['last-modified']) },
  });
  t.equal(since.statusCode, 200);

  t.match((await ask(app, 'snapshot=1')).totals, { editors: 3 });
  t.match((await ask(app, 'snapshot=1&campaign=spring')).totals, { editors: 2 });
  t.match((await ask(app, 'snapshot=1&campaign=none')).totals, { editors: 0 });
  t.match((await ask(app, 'snapshot=1&campaign=spring&campaign=women')).totals, { editors: null });
  t.match((await ask(app, 'snapshot=1&status=upcoming&type=Editathon')).totals, {
    courses: 0,
    editors: 0,
  });
  const groups = await ask(app, 'snapshot=1&campaign=spring&campaign=shared&group_by=campaign');
  t.same(
    groups.groups?.map(({ key, totals }) => [key, totals['editors']]),
    [
      ['spring', 2],
      ['women', null],
      ['shared', 1],
    ],
    'of the slice women has fewer courses than it had',
  );

  source.campaigns[0] = campaign(1, { slug: 'autumn' });
  await publish();
  t.match((await ask(app, 'snapshot=1&campaign=autumn')).totals, { courses: 1, editors: null });
});

void t.test('where a course has been withdrawn since, people are not known', async (t) => {
  const source = state();
  const { app, publish } = await serve(t, source);
  const before = await app.inject('/v1/totals?snapshot=1');
  source.hidden = [1];
  source.courses = source.courses.filter(({ courseId }) => courseId !== 1);
  await publish();
  const whole = await ask(app, 'snapshot=1');
  t.match(whole, { withdrawn_since: 1, totals: { courses: 3, edits: 25, bytes_added: 207 } });
  for (const name of people) t.equal(whole.totals[name], null, name);
  const { groups } = await ask(app, 'snapshot=1&group_by=type');
  for (const { totals } of groups ?? []) t.equal(totals['editors'], null);
  const again = await app.inject({
    url: '/v1/totals?snapshot=1',
    headers: { 'if-none-match': String(before.headers.etag) },
  });
  t.equal(again.statusCode, 200, 'nobody is told that what has the course is still right');
  t.match(await ask(app, ''), { snapshot_id: 2, withdrawn_since: 0, totals: { editors: 2 } });
});

void t.test('totals that were carried over without groups are answered whole only', async (t) => {
  const { app, store } = await serve(t, state());
  await carryOver(store.sql, '2020-01-01', {
    snapshotId: 7,
    totals: { courses: 9, edits: 90 },
    coverage: { courses: 9, edits: null },
  });
  t.match(await ask(app, 'snapshot=7'), {
    snapshot_id: 7,
    withdrawn_since: 0,
    totals: { courses: 9, edits: 90, bytes_added: null },
  });
  for (const query of ['snapshot=7&status=current', 'snapshot=7&group_by=type']) {
    const answer = await app.inject(`/v1/totals?${query}`);
    t.equal(answer.statusCode, 404, query);
    t.equal(answer.json<Problem>().type, '/problems/no-course-rows');
  }
});

void t.test('a sum beyond 2^53 − 1 is null with its coverage, as the document says', async (t) => {
  const most = { metrics: { edits: Number.MAX_SAFE_INTEGER } };
  const courses = [course(1, most), course(2, { ...most, type: null })];
  const { app } = await serve(t, { ...emptyState(), courses });
  const beyond = { totals: { edits: null }, coverage: { edits: 2 } };
  const { groups, ...whole } = await ask(app, 'group_by=type');
  t.match(whole, beyond);
  for (const group of groups ?? []) {
    t.match(group, { totals: { edits: Number.MAX_SAFE_INTEGER }, coverage: { edits: 1 } });
  }
  t.match(await read(app, '/v1/snapshots/latest'), beyond);
  t.match(await read(app, '/v1/trends'), { items: [beyond] });
  const { components } = await read<{
    components: { schemas: Record<string, { description: string }> };
  }>(app, '/openapi.json');
  t.match(components.schemas['MetricTotals']?.description, /A sum beyond 2\^53 − 1 is null too/);
});

void t.test('however many kinds of questions are asked, connections keep none', async (t) => {
  const { app } = await serve(t, state());
  for (const query of ['type=Editathon', 'status=archived', 'status=current&group_by=type']) {
    await ask(app, query);
  }
  const connections = await Promise.all(
    Array.from(
      { length: 20 },
      () => app.sql<[{ kept: number }]>`
        select count(*) as kept from pg_prepared_statements, pg_sleep(0.05)`,
    ),
  );
  t.strictSame([...new Set(connections.map(([{ kept }]) => kept))], [0]);
});
