import fc from 'fast-check';
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { foldText } from '../db/queries/search-text.ts';
import type { SourceCourse } from '../sources/source.ts';
import { campaign, course, emptyState, type SourceState } from './support/courses.ts';
import { read, serve } from './support/served.ts';
import { createService, TestClock } from './support/service.ts';

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

interface GroupBody {
  readonly wiki?: string;
  /** Of a campaign, which stays when its slug changes. */
  readonly created_at?: string;
}

/** What tells a group from the others, whatever happens to it. */
const identityOf = ({ wiki, created_at }: GroupBody) => String(wiki ?? created_at);
const yearOf = (id: number) => `${2000 + id}-01-01T00:00:00Z`;
const groupNumbers = Array.from({ length: 12 }, (_, index) => index + 1);
const wikiOf = (id: number) => `w${String(id)}.wikipedia.org`;
const slugs = ['alpha', 'beta', 'gamma', 'omega'];

/** Courses of one group each, so that withdrawals turn its order over. */
const groupChange: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat({ max: 59 }), fc.nat({ max: 99 })).map(([place, edits]): Change => (state) => {
    const id = place + 1;
    const index = state.courses.findIndex(({ courseId }) => courseId === id);
    if (index >= 0) state.courses.splice(index, 1);
    else state.courses.push(groupCourse(id, edits));
  }),
  fc
    .tuple(fc.constantFrom(...groupNumbers), fc.constantFrom(...slugs))
    .map(([id, slug]): Change => (state) => {
      if (state.campaigns.some((one) => one.slug === slug)) return;
      state.campaigns[id - 1] = groupCampaign(id, slug);
    }),
  fc.nat({ max: 20 }).map((id): Change => (state) => {
    if (!state.campaigns.some(({ campaignId }) => campaignId === 100 + id)) {
      state.campaigns.push(groupCampaign(100 + id, `new_${id}`));
    }
  }),
);

function groupCampaign(id: number, slug: string) {
  return campaign(id, { slug, title: slug.toUpperCase(), createdAt: yearOf(id) });
}

/** Five for each group. */
function groupCourse(courseId: number, edits: number) {
  const group = ((courseId - 1) % groupNumbers.length) + 1;
  const metrics = { edits, references_added: -edits };
  return course(courseId, { wikis: [wikiOf(group)], campaignIds: [group], metrics });
}

void t.test('a walk through campaigns and wikis', async (t) => {
  const state: SourceState = {
    ...emptyState(),
    campaigns: groupNumbers.map((id) => groupCampaign(id, `campaign_${id}`)),
    courses: Array.from({ length: 60 }, (_, index) => groupCourse(index + 1, (index * 37) % 100)),
  };
  const { app, publish, store } = await serve(t, state);

  void t.test('gives each that stays once, whatever is published', async (t) => {
    const wanted = fc.record({
      list: fc.constantFrom('campaigns', 'wikis'),
      sort: fc.constantFrom('name', 'edits', 'references_added', 'editors', 'courses'),
      descending: fc.boolean(),
      limit: fc.integer({ min: 2, max: 4 }),
    });
    const changes = fc.array(groupChange, { minLength: 1, maxLength: 8 });
    await t.resolves(
      fc.assert(
        fc.asyncProperty(
          wanted,
          fc.array(changes, { minLength: 4, maxLength: 4 }),
          async ({ list, sort, descending, limit }, publications) => {
            const name = list === 'wikis' ? 'wiki' : 'title';
            const by = `${descending ? '-' : ''}${sort === 'name' ? name : sort}`;
            const everything = async (snapshot: number | 'latest') => {
              const url = `/v1/${list}?limit=1000&snapshot=${String(snapshot)}`;
              const page = await read<Page<GroupBody>>(app, url);
              return { pinned: page.snapshot_id, all: page.items.map(identityOf) };
            };
            const { pinned, all } = await everything('latest');
            const everThere = [new Set(all)];
            const left = [...publications];
            const pages = await walk<GroupBody>(
              app,
              `/v1/${list}?limit=${limit}&sort=${by}`,
              async () => {
                const happening = left.shift();
                if (happening === undefined) return;
                for (const one of happening) one(state);
                await publish();
                everThere.push(new Set((await everything(pinned)).all));
              },
            );
            const given = pages.flatMap(({ items }) => items.map(identityOf));
            assert.equal(new Set(given).size, given.length, `${list} by ${by}: none comes twice`);
            assert.ok(pages.every(({ snapshot_id }) => snapshot_id === pinned));
            const stayed = all.filter((one) => everThere.every((there) => there.has(one)));
            assert.deepEqual(
              stayed.filter((one) => !given.includes(one)),
              [],
              `${list} by ${by}: none is missing`,
            );
          },
        ),
        { numRuns: 8, endOnFailure: true },
      ),
    );
  });

  void t.test('goes on at another instance, which has not seen its beginning', async (t) => {
    const first = await read<Page<GroupBody>>(app, '/v1/wikis?sort=-edits&limit=3');
    // What happened before is random, so some wikis may have lost all of their courses.
    const all = async () => {
      const url = `/v1/wikis?limit=1000&snapshot=${String(first.snapshot_id)}`;
      return (await read<Page<GroupBody>>(app, url)).items.map(identityOf);
    };
    const before = await all();
    t.not(state.courses.shift(), undefined);
    await publish();
    const other = await createService(t, store, new TestClock());
    const cursor = String(first.next_cursor);
    const address = `/v1/wikis?sort=-edits&limit=1000&cursor=${cursor}`;
    const rest = await read<Page<GroupBody>>(other, address);
    const given = [...first.items, ...rest.items].map(identityOf);
    t.equal(new Set(given).size, given.length, 'none twice');
    t.same(
      given.filter((one) => !before.includes(one)),
      [],
      'none that was not there',
    );
    t.same(
      (await all()).filter((one) => !given.includes(one)),
      [],
      'and none that stays is missing',
    );
    t.equal(rest.next_cursor, null);
    t.same(rest, await read(app, address), 'and both say the same');
  });

  void t.test('is in the order that was asked for, where nothing happens', async (t) => {
    for (const by of ['-edits', 'edits', 'wiki', '-wiki', '-references_added']) {
      const whole = await read<Page<GroupBody>>(app, `/v1/wikis?limit=1000&sort=${by}`);
      const pages = await walk<GroupBody>(app, `/v1/wikis?limit=5&sort=${by}`);
      t.equal(pages.length, Math.ceil(whole.items.length / 5));
      t.same(
        pages.flatMap(({ items }) => items),
        whole.items,
        by,
      );
    }
  });
});
