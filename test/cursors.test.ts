import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { Cursors } from '../openapi/cursor.ts';
import { packNumbers, unpackNumbers } from '../openapi/number-sets.ts';
import type { Problem } from '../openapi/problem.ts';
import { campaign, course, emptyState } from './support/courses.ts';
import { read, serve } from './support/served.ts';
import { createService, TestClock } from './support/service.ts';

const question = { path: '/v1/courses', sort: 'title' };
const cursors = new Cursors(Buffer.from('a secret'));
const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const place = fc.record({
  pinnedTo: number,
  after: fc.record({
    key: fc.oneof(fc.constant(null), fc.integer(), fc.string({ unit: 'grapheme', maxLength: 255 })),
    id: number,
  }),
});
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

void t.test('a cursor says what was written', (t) => {
  fc.assert(
    fc.property(place, (cursor) => {
      const text = cursors.writeSorted(cursor, question);
      t.match(text, /^[\w-]+$/);
      t.same(cursors.readSorted(text, question), cursor);
      t.ok(text.length <= 3000, 'as long as the parameter may be');
    }),
    { numRuns: 50 },
  );
  const after = { pinnedTo: 3, after: 4 };
  t.same(cursors.read(cursors.write(after, question), question), after);
  t.end();
});

void t.test('a cursor that was not written here, or to another question, is none', (t) => {
  fc.assert(
    fc.property(place, fc.nat(), fc.nat({ max: 63 }), (cursor, at, letter) => {
      const text = cursors.writeSorted(cursor, question);
      const place = at % text.length;
      const changed = text.slice(0, place) + (alphabet[letter] ?? '') + text.slice(place + 1);
      return changed === text || cursors.readSorted(changed, question) === undefined;
    }),
    { numRuns: 2000 },
  );
  const text = cursors.writeSorted({ pinnedTo: 1, after: { key: 'a', id: 2 } }, question);
  for (const wrong of ['!!', '=', '==', ' ', '\n', 'A', 'AAAA', '%', '.']) {
    t.equal(cursors.readSorted(text + wrong, question), undefined, JSON.stringify(wrong));
    t.equal(cursors.readSorted(wrong + text, question), undefined, JSON.stringify(wrong));
  }
  t.equal(cursors.readSorted(text.slice(0, -1), question), undefined);
  t.equal(cursors.readSorted('', question), undefined);
  t.equal(cursors.readSorted(text, { ...question, sort: 'edits' }), undefined);
  t.equal(new Cursors(Buffer.from('another')).readSorted(text, question), undefined);
  t.end();
});

void t.test('a set of numbers is read as it was packed, in few bytes', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.oneof(number, fc.integer({ min: 0, max: 300 })), { maxLength: 200 }),
      (numbers) => {
        const sorted = [...numbers].sort((a, b) => a - b);
        t.same(unpackNumbers(packNumbers(numbers)), sorted);
      },
    ),
    { numRuns: 200 },
  );
  const half = Array.from({ length: 5000 }, (_, index) => index).filter((n) => (n * n) % 7 < 3);
  t.ok(packNumbers(half).length < 640, 'half of 5,000');
  t.end();
});

async function refusal(app: FastifyInstance, url: string) {
  const response = await app.inject(url);
  const { errors } = response.json<Problem>();
  return [response.statusCode, errors?.map(({ name }) => name)];
}

void t.test('cursors of every list', async (t) => {
  const state = {
    ...emptyState(),
    campaigns: [1, 2, 3].map((id) => campaign(id)),
    courses: [1, 2, 3].map((id) => course(id, { wikis: [`w${id}.wikipedia.org`] })),
  };
  const { app, publish, store } = await serve(t, state);
  for (const edits of [5, 6]) {
    state.courses[0] = course(1, { metrics: { edits } });
    await publish();
  }
  const other = await createService(t, store, new TestClock());
  const lists = [
    '/v1/courses?limit=1',
    '/v1/courses?limit=1&sort=title',
    '/v1/courses/1/history?limit=1',
    '/v1/campaigns?limit=1',
    '/v1/wikis?limit=1&sort=-edits',
    '/v1/snapshots?limit=1&interval=all',
  ];
  const given = new Map<string, string>();
  for (const list of lists) {
    const { next_cursor } = await read<{ next_cursor: string }>(app, list);
    given.set(list, next_cursor);
  }

  void t.test('cannot be forged, and are named when they are wrong', async (t) => {
    const forged = [
      [1, -1e15, 1],
      [1, 1, -9_007_199_254_740_991],
      [1, 0, 9999],
      [2, 9999],
    ].map((parts) => Buffer.from(JSON.stringify([...parts, 'abcdefgh'])).toString('base64url'));
    for (const [list, cursor] of given) {
      const said = Buffer.from(cursor, 'base64url');
      const edited = Array.from({ length: said.length }, (_, at) => {
        const bytes = Buffer.from(said);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes.toString('base64url');
      });
      const wrong = [...forged, ...edited, `${cursor}!!`, `${cursor}=`, `${cursor}A`, 'x', 'W10'];
      for (const one of wrong) {
        const began = performance.now();
        t.same(await refusal(app, `${list}&cursor=${encodeURIComponent(one)}`), [400, ['cursor']]);
        t.ok(performance.now() - began < 5000);
      }
      for (const [another, its] of given) {
        if (another !== list)
          t.same(await refusal(app, `${list}&cursor=${its}`), [400, ['cursor']]);
      }
    }
  });

  void t.test('are good at every instance on the store', async (t) => {
    for (const [list, cursor] of given) {
      const address = `${list}&cursor=${cursor}`;
      t.same(await read(other, address), await read(app, address), list);
    }
  });

  void t.test('are sealed with a secret of the store that is nowhere else', async (t) => {
    const [row] = await store.sql<[{ secret: Buffer }]>`select cursor_secret as secret from store`;
    t.equal(row.secret.length, 32);
    t.ok(new Set(row.secret).size > 10, 'random');
  });
});
