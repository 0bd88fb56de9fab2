import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import { closestName } from '../plugins/nearest-name.ts';
import { campaign, course, emptyState } from './support/courses.ts';
import { read, serve } from './support/served.ts';
import { createService, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

interface Totals {
  readonly totals: { readonly courses: number };
}

async function courses(app: FastifyInstance, query: string): Promise<number> {
  return (await read<Totals>(app, `/v1/totals?${query}`)).totals.courses;
}

async function status(app: FastifyInstance, query: string): Promise<number> {
  return (await app.inject(`/v1/totals?${query}`)).statusCode;
}

void t.test('a wiki is known if it is at the source, or of a course still public', async (t) => {
  const state = {
    ...emptyState(),
    courses: [course(1), course(2, { homeWiki: 'fr.wikipedia.org', wikis: ['de.wikipedia.org'] })],
    wikis: ['en.wikipedia.org', 'eo.wikipedia.org'],
  };
  const { app, publish } = await serve(t, state);
  t.equal(await courses(app, 'wiki=eo.wikipedia.org'), 0, 'of no course, but there');
  t.equal(await courses(app, 'home_wiki=eo.wikipedia.org'), 0);
  t.equal(await courses(app, 'wiki=de.wikipedia.org'), 1, 'not at the source any more, but had');
  t.equal(await courses(app, 'home_wiki=fr.wikipedia.org'), 1);
  t.equal(await status(app, 'wiki=la.wikipedia.org'), 400);

  state.wikis = ['en.wikipedia.org', 'la.wikipedia.org'];
  await publish();
  t.equal(await courses(app, 'wiki=la.wikipedia.org'), 0, 'new without a snapshot');
  t.equal(await status(app, 'wiki=eo.wikipedia.org'), 400, 'gone without one');

  state.courses[1] = course(2);
  await publish();
  t.equal(await courses(app, 'wiki=de.wikipedia.org'), 0, 'of a past state of a public course');
  const withdrawn = state.courses.splice(1, 1);
  await publish();
  t.equal(await status(app, 'wiki=de.wikipedia.org'), 400, 'of a withdrawn course');
  t.equal(await status(app, 'home_wiki=fr.wikipedia.org'), 400);

  state.courses.push(...withdrawn);
  await publish();
  t.equal(await courses(app, 'wiki=de.wikipedia.org'), 0, 'it has returned with its history');
  t.equal(await courses(app, 'wiki=de.wikipedia.org&snapshot=1'), 1);
});

void t.test('a refused publication forgets the wikis of the courses it withdraws', async (t) => {
  const state = {
    ...emptyState(),
    courses: [course(1), course(2, { wikis: ['de.wikipedia.org'] })],
    wikis: ['en.wikipedia.org', 'eo.wikipedia.org'],
  };
  const { app, tryToPublish } = await serve(t, state);
  Object.assign(state, { courses: [], hidden: [2], wikis: [] });
  t.match(await tryToPublish(), { state: 'refused' });
  t.equal(await status(app, 'wiki=de.wikipedia.org'), 400);
  t.equal(await courses(app, 'wiki=eo.wikipedia.org'), 0, 'what the source lacks was not believed');
});

async function hints(app: FastifyInstance, query: string): Promise<string[]> {
  const problem = (await app.inject(`/v1/totals?${query}`)).json<Problem>();
  return (problem.errors ?? []).map(({ name, detail }) => {
    const near = [...detail.matchAll(/got "([^"]*)", did you mean "([^"]*)"\?/g)];
    const rest = /and \d+ more$/.exec(detail)?.[0];
    const parts = [...near.map(([, got, meant]) => `${got} ${meant}`), ...(rest ? [rest] : [])];
    return `${name}: ${parts.join(', ')}`;
  });
}

void t.test('an unknown value is answered with the closest known one', async (t) => {
  const state = {
    ...emptyState(),
    campaigns: ['miscellanea', 'misc_events_of_2019', 'women'].map((slug, index) =>
      campaign(index + 1, { slug }),
    ),
    courses: [
      course(1, { type: 'ClassroomProgramCourse' }),
      course(2, { type: 'LegacyCourse', wikis: ['www.wikidata.org', 'commons.wikimedia.org'] }),
    ],
    wikis: ['en.wikinews.org', 'de.wikipedia.org'],
  };
  const { app } = await serve(t, state);
  for (const [query, meant] of Object.entries({
    'wiki=wikidata': 'wiki: wikidata www.wikidata.org',
    'wiki=commons': 'wiki: commons commons.wikimedia.org',
    'wiki=WWW.Wikidata.org': 'wiki: WWW.Wikidata.org www.wikidata.org',
    'home_wiki=en': 'home_wiki: en en.wikipedia.org',
    'wiki=https://de.wikipedia.org/': 'wiki: https://de.wikipedia.org/ de.wikipedia.org',
    'campaign=misc': 'campaign: misc miscellanea',
    'campaign=None': 'campaign: None none',
    'campaign=NONE&campaign=wommen': 'campaign: NONE none, wommen women',
    'type=Class': 'type: Class ClassroomProgramCourse',
    'type=course': 'type: course LegacyCourse',
    'wiki=q': 'wiki: q en.wikinews.org',
    'campaign=nonee': 'campaign: nonee none',
  })) {
    t.same(await hints(app, query), [meant], query);
  }
  t.same(await hints(app, 'wiki=commons&type=Class'), [
    'wiki: commons commons.wikimedia.org',
    'type: Class ClassroomProgramCourse',
  ]);
  const many = Array.from({ length: 12 }, (_, index) => `wiki=w${index}`).join('&');
  const [detail = ''] = await hints(app, many);
  t.equal(detail.split(', ').length, 11, 'ten, and how many more');
  t.match(detail, /, and 2 more$/);
});

void t.test('of a long list of values the closest one is named first', async (t) => {
  const { app } = await serve(t, { ...emptyState(), courses: [course(1)] });
  const { errors = [] } = (await app.inject('/v1/courses?sort=editz')).json<Problem>();
  t.match(
    errors[0]?.detail,
    /^is not known here; got "editz", did you mean "edits"\? It must be one/,
  );
  const far = (await app.inject('/v1/courses?sort=whatever-else')).json<Problem>();
  t.match(far.errors?.[0]?.detail, /^must be one of .*; got "whatever-else"$/);
});

void t.test('every bad parameter is named, whatever is wrong with each', async (t) => {
  const { app } = await serve(t, {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'women' })],
    courses: [course(1, { campaignIds: [1] })],
  });
  const named = async (url: string) => {
    const answer = await app.inject(url);
    t.equal(answer.statusCode, 400, url);
    return answer.json<Problem>().errors?.map(({ name }) => name);
  };
  const ofForm = 'wiki=&start_from=2026-02-30&foo=1';
  const ofStore = 'campaign=women&campaign=wommen&type=x&end_from=2026-02-02&end_to=2026-02-01';
  t.strictSame(await named(`/v1/totals?${ofForm}&${ofStore}&snapshot=99`), [
    'foo',
    'wiki',
    'start_from',
    'end_from',
    'campaign',
    'type',
    'snapshot',
  ]);
  t.strictSame(await named('/v1/trends?interval=hour&from=2026-02-02&to=2026-02-01&type=x'), [
    'interval',
    'from',
    'type',
  ]);
  t.strictSame(await named('/v1/courses.csv?dialect=x&campaign=wommen'), ['dialect', 'campaign']);
  t.strictSame(await named('/v1/campaigns?limit=0&snapshot=99'), ['limit', 'snapshot']);
  t.strictSame(await named('/v1/courses?limit=0&campaign=women&type=none'), ['limit']);
  t.strictSame(await named('/v1/snapshots?limit=0&campaign=wommen'), ['campaign', 'limit']);
  t.strictSame(await named('/v1/totals?campaign=%ff&campaign=wommen&type=x'), ['campaign', 'type']);
});

void t.test('what the store cannot tell is no reason to tell nothing', async (t) => {
  const store = await createStore(t);
  const app = await createService(t, store, new TestClock());
  const answer = await app.inject('/v1/totals?foo=1&campaign=wommen');
  t.equal(answer.statusCode, 400, 'nothing is published, and the form is wrong all the same');
  t.strictSame(answer.json<Problem>().errors?.length, 1);
  t.equal((await app.inject('/v1/totals?campaign=wommen')).statusCode, 503);
});

void t.test('the closest name is found among thousands without holding up anybody', (t) => {
  const known = Array.from({ length: 5000 }, (_, index) => `${'campaign'.repeat(12)}_${index}`);
  const began = performance.now();
  for (let time = 0; time < 40; time += 1) closestName('z'.repeat(300), known);
  t.ok(performance.now() - began < 4000, 'four parameters with ten values each');
  t.equal(closestName('anything', []), undefined);
  t.equal(closestName('', ['a']), 'a');
  t.end();
});
