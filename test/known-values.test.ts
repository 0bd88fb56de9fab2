import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { course, emptyState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

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
