import fc from 'fast-check';
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { foldText } from '../db/queries/search-text.ts';
import type { SourceCourse } from '../sources/source.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';

interface Page<Item = Record<string, unknown>> {
  readonly snapshot_id: number;
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** Every page from the first to the last, with something happening between two of them. */
async function walk<Item>(
  app: FastifyInstance,
  url: string,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<Page<Item>[]> {
  const pages = [await read<Page<Item>>(app, url)];
  for (;;) {
    const cursor = pages.at(-1)?.next_cursor ?? null;
    if (cursor === null) return pages;
    await between();
    const joint = url.includes('?') ? '&' : '?';
    pages.push(await read<Page<Item>>(app, `${url}${joint}cursor=${cursor}`));
  }
}

const letters = [
  'ä',
  'A',
  'b',
  'Łódź',
  'ﬁ',
  'ß',
  '%',
  '_',
  '\\',
  ' ',
  'مُ',
  'حم',
  'か',
  'が',
  '한',
  'Σ',
];

const title = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 5,
    arbitrary: fc.array(fc.constantFrom(...letters), { maxLength: 4 }).map((l) => l.join('')),
  },
);
const amount = fc.option(fc.integer({ min: 0, max: 3 }), { nil: null });
const day = fc.option(fc.constantFrom('2026-01-01T00:00:00Z', '2026-05-01T00:00:00Z'));

/** Few values, so that many courses are alike. */
const variety = fc.record({
  title,
  type: fc.constantFrom('Editathon', 'BasicCourse', null),
  start: day,
  campaignIds: fc.constantFrom([], [1], [1, 2]),
  metrics: fc.record({ edits: amount, bytes_added: amount.map((n) => n && n * 5) }),
});

type Change = (state: SourceState) => void;

/** What an organiser or the Dashboard may do between two publications. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), variety).map(([place, fields]): Change => (state) => {
    if (state.courses.length === 0) return;
    const index = place % state.courses.length;
    state.courses[index] = course(state.courses[index]!.courseId, fields);
  }),
  fc.nat().map((place): Change => (state) => {
    if (state.courses.length > 0) state.courses.splice(place % state.courses.length, 1);
  }),
  fc.tuple(fc.integer({ min: 1, max: 40 }), variety).map(([id, fields]): Change => (state) => {
    if (!state.courses.some((one) => one.courseId === id)) state.courses.push(course(id, fields));
  }),
  fc.constantFrom('first', 'second').map((slug): Change => (state) => {
    state.campaigns[0] = campaign(1, { slug });
  }),
);

const sorts = ['course_id', 'title', 'start', 'edits', 'words_added', 'references_added'];
const question = fc.record({
  sort: fc.constantFrom(...sorts.flatMap((name) => [name, `-${name}`])),
  limit: fc.integer({ min: 3, max: 9 }),
  type: fc.constantFrom('', '&type=Editathon', '&type=none&type=BasicCourse'),
});

function sortedLike(courses: readonly SourceCourse[], sort: string): number[] {
  const by = sort.replace('-', '');
  const sign = sort.startsWith('-') ? -1 : 1;
  const keyOf = (one: SourceCourse): string | number | null => {
    const bytes = one.metrics['bytes_added'] ?? null;
    switch (by) {
      case 'course_id':
        return one.courseId;
      case 'title':
        return one.title === null ? null : foldText(one.title);
      case 'start':
        return one.start;
      case 'words_added':
        return bytes === null ? null : Math.trunc(bytes / 5.175);
      default:
        return one.metrics[by] ?? null;
    }
  };
  // By code points, as the database has it: all of these letters are below U+10000.
  const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
  return [...courses]
    .sort((a, b) => {
      const [x, y] = [keyOf(a), keyOf(b)];
      const unlike =
        x === null || y === null ? Number(x === null) - Number(y === null) : sign * compare(x, y);
      return unlike || a.courseId - b.courseId;
    })
    .map((one) => one.courseId);
}

function isSelected(one: SourceCourse, type: string): boolean {
  if (type === '') return true;
  return type === '&type=Editathon' ? one.type === 'Editathon' : one.type !== 'Editathon';
}

/** Seconds of wall time are what a publication costs, so few runs do a lot each. */
const runs = { numRuns: 4, endOnFailure: true };

void t.test('a walk through courses', async (t) => {
  const state: SourceState = {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'first' }), campaign(2, { slug: 'other' })],
    courses: fc
      .sample(variety, { numRuns: 40, seed: 7 })
      .map((fields, index) => course(index + 1, fields)),
  };
  const { app, publish } = await serve(t, state);

  void t.test('gives every course that stays public once, whatever is published', async (t) => {
    await t.resolves(
      fc.assert(
        fc.asyncProperty(
          question,
          fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), {
            minLength: 3,
            maxLength: 3,
          }),
          async ({ sort, limit, type }, publications) => {
            const before = state.courses.filter((one) => isSelected(one, type));
            const wanted = sortedLike(before, sort);
            const everPublic = [new Set(wanted)];
            const left = [...publications];
            const pages = await walk<{ course_id: number }>(
              app,
              `/v1/courses?sort=${sort}&limit=${String(limit)}${type}`,
              async () => {
                const changes = left.shift();
                if (changes === undefined) return;
                for (const one of changes) one(state);
                await publish();
                everPublic.push(new Set(state.courses.map((one) => one.courseId)));
              },
            );
            const given = pages.flatMap((page) => page.items.map((item) => item.course_id));
            assert.equal(new Set(given).size, given.length, 'none comes twice');
            assert.equal(new Set(pages.map((page) => page.snapshot_id)).size, 1, 'of one snapshot');
            const inOrder = wanted.filter((id) => given.includes(id));
            assert.deepEqual(given, inOrder, 'in the order asked for');
            const stayed = wanted.filter((id) => everPublic.every((ids) => ids.has(id)));
            assert.deepEqual(
              stayed.filter((id) => !given.includes(id)),
              [],
              'none that stayed is missing',
            );
          },
        ),
        runs,
      ),
    );
  });

  void t.test('is the same in pages of any size, and is the file', async (t) => {
    await publish();
    await t.resolves(
      fc.assert(
        fc.asyncProperty(question, async ({ sort, limit, type }) => {
          const url = `/v1/courses?sort=${sort}&limit=${String(limit)}${type}`;
          const given = (await walk<{ course_id: number }>(app, url)).flatMap((page) => page.items);
          const whole = await read<Page>(app, `/v1/courses?sort=${sort}&limit=1000${type}`);
          assert.deepEqual(given, whole.items);
          const file = await app.inject(`/v1/courses.csv?sort=${sort}${type}`);
          assert.equal(file.headers['row-count'], String(given.length));
          const ids = file.body.match(/^\d+(?=,School\/)/gm) ?? [];
          assert.deepEqual(
            ids.map(Number),
            given.map((item) => item.course_id),
          );
        }),
        { numRuns: 8, endOnFailure: true },
      ),
    );
  });

  void t.test('finds what is part of a title, and nothing else', async (t) => {
    const found = async (q: string) => {
      const page = await read<Page>(app, `/v1/courses?limit=1000&q=${encodeURIComponent(q)}`);
      return page.items.map((item) => item['course_id']);
    };
    const text = fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 2 });
    await t.resolves(
      fc.assert(
        fc.asyncProperty(
          text.map((parts) => parts.join('')),
          async (q) => {
            fc.pre(foldText(q) !== '');
            const has = ({ title, institution }: SourceCourse) =>
              [title, institution].some((one) => foldText(one ?? '').includes(foldText(q)));
            assert.deepEqual(await found(q), sortedLike(state.courses.filter(has), 'course_id'), q);
            assert.deepEqual(await found(q.toUpperCase()), await found(q.toLowerCase()));
          },
        ),
        { numRuns: 12, endOnFailure: true },
      ),
    );
  });
});

void t.test('folding is of text as people take it for the same', (t) => {
  for (const [a, b] of [
    ['Université', 'UNIVERSITE'],
    ['Straße', 'STRASSE'],
    ['ISPARTA', 'ısparta'],
    ['İzmir', 'izmir'],
    ['ΟΔΥΣΣΕΥΣ', 'Ὀδυσσεύς'],
    ['مُحَمَّد', 'محمد'],
    ['שָׁלוֹם', 'שלום'],
    ['Łódź', 'lodz'],
    ['ﾊﾝｶﾞｸ', 'ハンガク'],
    ['\ufb01lm', 'film'],
    ['می\u200cخواهم', 'میخواهم'],
  ] as const) {
    t.equal(foldText(a), foldText(b), `${a} is ${b}`);
  }
  t.not(foldText('か'), foldText('が'));
  t.not(foldText('क'), foldText('कि'));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(foldText(foldText(text)), foldText(text));
    }),
    { numRuns: 300 },
  );
  t.end();
});

void t.test('a walk through campaigns and wikis gives each once', async (t) => {
  const wikis = Array.from({ length: 12 }, (_, index) => `w${String(index)}.wikipedia.org`);
  const state: SourceState = {
    ...emptyState(),
    campaigns: wikis.map((_, index) => campaign(index + 1)),
    courses: wikis.flatMap((wiki, index) => [
      course(index + 1, { wikis: [wiki], campaignIds: [index + 1] }),
      course(index + 101, { wikis: [wiki], campaignIds: [index + 1] }),
    ]),
  };
  const { app, publish } = await serve(t, state);
  for (const [list, key, count] of [
    ['campaigns', 'campaign_slug', 12],
    ['wikis', 'wiki', 12],
  ] as const) {
    for (const sort of ['-edits', key]) {
      let turn = 0;
      const pages = await walk<Record<string, unknown>>(
        app,
        `/v1/${list}?limit=5&sort=${sort}`,
        async () => {
          turn += 1;
          // The greatest group becomes the least, and back; a name moves to the end, and back.
          const gone = state.courses.findIndex((one) => one.courseId === 112);
          if (gone >= 0) state.courses.splice(gone, 1);
          else state.courses.push(course(112, { wikis: ['w11.wikipedia.org'], campaignIds: [12] }));
          state.campaigns[0] = campaign(1, { slug: turn % 2 === 1 ? 'zzz' : 'campaign_1' });
          await publish();
        },
      );
      const given = pages.flatMap((page) => page.items.map((item) => item[key]));
      t.equal(pages.length, 3);
      t.equal(new Set(given).size, count, `${list} by ${sort}: none comes twice`);
      t.equal(given.length, count, 'and none is missing');
    }
  }
});
