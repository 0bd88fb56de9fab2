import type { Connection } from 'mysql2/promise';

/*
 * An invented Dashboard database with every trap that its meaning knows of. It shares
 * nothing with the source under test: what is true of it is asked of MariaDB itself.
 */

export interface Size {
  readonly courses: number;
  readonly enrollmentsPerCourse: number;
  readonly slicesPerCourse: number;
  readonly seed?: number;
}

/** What cannot be asked in SQL: the Wikidata labels that went into readable YAML. */
export interface Truth {
  readonly wikidata: ReadonlyMap<number, Readonly<Record<string, number>>>;
}

/** Written into every column that must never be read. */
export const secret = 'MUST-NEVER-BE-READ';

type Value = string | number | null;

const wikis: readonly (readonly [string | null, string | null])[] = [
  ['en', 'wikipedia'],
  ['id', 'wikipedia'],
  ['ta', 'wikipedia'],
  ['commons', 'wikimedia'],
  ['incubator', 'wikimedia'],
  [null, 'wikidata'],
  [null, 'wikidata'],
  [null, 'wikisource'],
  [null, 'wikimania'],
  ['de', null],
];
const missingWiki = 99;

const types = [
  'ArticleScopedProgram',
  'BasicCourse',
  'ClassroomProgramCourse',
  'Editathon',
  'LegacyCourse',
  'TimeTravelProgram',
  '',
  'none',
  null,
];
const titles = ['Edit-a-thon', 'தமிழ் விக்கி', 'Größe, "quoted"', 'a/b|c', '=1+1', 'Ünïcode 🎓'];
const labels = [
  'claims created',
  'items created',
  'labels added',
  'other updates',
  'sense claims removed',
];

export async function generate(connection: Connection, size: Size): Promise<Truth> {
  const random = randomNumbers(size.seed ?? 1);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  const chance = (probability: number): boolean => random() < probability;
  const insert = inserter(connection);

  await connection.query('set unique_checks = 0, autocommit = 0');
  for (const [index, [language, project]] of wikis.entries()) {
    await insert('wikis', ['id', 'language', 'project'], [index + 1, language, project]);
  }

  const campaigns = Math.max(12, Math.floor(size.courses / 20));
  for (let id = 1; id <= campaigns; id += 1) {
    const slug = id === 1 ? 'miscellanea' : id === 2 ? null : id <= 4 ? 'twins' : `campaign_${id}`;
    await insert(
      'campaigns',
      ['id', 'slug', 'title', 'description', 'start', 'end', 'created_at', 'default_passcode'],
      [
        id * 3,
        slug,
        id === 5 ? null : `${pick(titles)} ${id}`,
        chance(0.5) ? null : 'Lines\nof text, "quoted"',
        id === 6 ? '0000-00-00 00:00:00' : chance(0.3) ? null : '2019-12-31 17:00:00',
        chance(0.3) ? null : '2020-12-31 16:59:59',
        '2019-01-01 00:00:00',
        secret,
      ],
    );
  }

  const users = Math.max(50, Math.floor((size.courses * size.enrollmentsPerCourse) / 3));
  const articles = Math.max(40, size.courses * 5);
  for (let id = 1; id <= articles; id += 1) {
    await insert('articles', ['id', 'namespace', 'title'], [id, below(6), secret]);
  }

  const registrations: string[] = [];
  const wikidata = new Map<number, Record<string, number>>();
  let id = 0;
  for (let index = 0; index < size.courses; index += 1) {
    id += 1 + below(3);
    const start = new Date(Date.UTC(2016 + below(10), below(12), 1 + below(28), 17));
    const long = chance(0.03);
    const end = long
      ? new Date(Date.UTC(pick([2049, 2067]), 0, 1))
      : new Date(start.getTime() + below(200) * 86_400_000);
    const day = 86_400_000;
    registrations.push(
      sql(start),
      sql(end),
      sql(new Date(start.getTime() - 1000)),
      sql(new Date(end.getTime() + 1000)),
      sql(new Date(start.getTime() - 60 * day)),
      sql(new Date(start.getTime() - 60 * day - 1000)),
    );
    const starts: Value =
      index % 97 === 5 ? null : index % 97 === 6 ? '0000-00-00 00:00:00' : sql(start);
    const ends: Value =
      index % 97 === 7 ? null : index % 97 === 8 ? '2020-00-15 00:00:00' : sql(end);
    const count = (limit: number): Value => (chance(0.05) ? null : below(limit));
    const privacy = pick([0, 0, 0, 0, 0, 0, 0, 1, null, 2]);
    await insert(
      'courses',
      [
        'id',
        'slug',
        'title',
        'school',
        'term',
        'type',
        'start',
        'end',
        'created_at',
        'updated_at',
        'private',
        'home_wiki_id',
        'revision_count',
        'character_sum',
        'references_count',
        'article_count',
        'new_article_count',
        'view_sum',
        'upload_count',
        'uploads_in_use_count',
        'upload_usages_count',
        'user_count',
        'trained_count',
        'passcode',
        'flags',
        'cloned_status',
      ],
      [
        id,
        index % 211 === 3 ? null : `School ${below(40)}/${pick(titles)}_(${id})`,
        index % 211 === 4 ? null : privacy === 0 ? `${pick(titles)} ${id}` : `PRIVATE ${id}`,
        chance(0.1) ? null : chance(0.1) ? '' : `School, ${below(40)}`,
        chance(0.2) ? '' : pick(['Spring 2020', '20-Nov-25']),
        pick(types),
        starts,
        ends,
        index % 300 === 9 ? '0000-00-00 00:00:00' : '2016-01-01 01:02:03',
        '2026-01-01 00:00:00',
        privacy,
        chance(0.1) ? null : chance(0.02) ? missingWiki : 1 + below(wikis.length),
        count(5000),
        index % 223 === 11 ? -5 : chance(0.01) ? 2_147_483_647 : count(1_000_000),
        chance(0.05) ? null : below(300) - 100,
        count(300),
        count(50),
        index % 131 === 20
          ? '9223372036854775807'
          : index % 131 === 21
            ? -9
            : chance(0.05)
              ? null
              : below(2 ** 45),
        count(100),
        count(50),
        count(500),
        count(60),
        count(60),
        secret,
        secret,
        chance(0.02) ? 1 : 0,
      ],
    );

    for (const campaign of some(below(4), () => 1 + below(campaigns))) {
      await insert('campaigns_courses', ['campaign_id', 'course_id'], [campaign * 3, id]);
    }
    if (chance(0.02))
      await insert('campaigns_courses', ['campaign_id', 'course_id'], [1_000_000, id]);
    const tracked = some(1 + below(3), () =>
      chance(0.02) ? missingWiki : 1 + below(wikis.length),
    );
    if (chance(0.1)) for (const twin of [6, 7]) tracked.add(twin);
    for (const wiki of tracked) {
      await insert(
        'courses_wikis',
        ['course_id', 'wiki_id', 'created_at', 'updated_at'],
        [id, wiki, '2020-01-01 00:00:00', '2020-01-01 00:00:00'],
      );
    }
    const tags = pick([
      [],
      ['first_time_instructor'],
      ['returning_instructor'],
      ['other'],
      ['returning_instructor', 'first_time_instructor'],
    ]);
    for (const tag of tags)
      await insert('tags', ['course_id', 'tag', 'key'], [id, tag, `${tag}_key`]);

    if (chance(0.4)) {
      const stats = Object.fromEntries(labels.map((label) => [label, below(1000)]));
      const shape = below(5);
      if (shape < 4) wikidata.set(id, withUnknown(stats, shape === 1 ? below(100) : 0));
      for (const text of yaml(stats, shape, wikidata.get(id))) {
        await insert(
          'course_stats',
          ['course_id', 'stats_hash', 'created_at', 'updated_at'],
          [id, text, '2020-01-01 00:00:00', '2020-01-01 00:00:00'],
        );
      }
    }

    for (const person of some(below(2 * size.enrollmentsPerCourse + 1), () => 1 + below(users))) {
      for (const role of some(chance(0.1) ? 2 : 1, () =>
        pick([0, 0, 0, 0, 0, 1, 1, 2, 4, -1, null]),
      )) {
        await insert(
          'courses_users',
          ['course_id', 'user_id', 'role', 'real_name'],
          [id, chance(0.005) ? users + 1000 + person : person, role, secret],
        );
      }
    }

    if (chance(0.15)) continue; // Never updated since there are time slices.
    const slices = below(2 * size.slicesPerCourse + 1);
    for (let slice = 0; slice < slices; slice += 1) {
      const at = new Date(start.getTime() + slice * day);
      at.setUTCHours(slice % 7 === 0 ? 23 : 0, slice % 7 === 0 ? 59 : 0, slice % 7 === 0 ? 59 : 0);
      await insert(
        'course_wiki_timeslices',
        [
          'course_id',
          'wiki_id',
          'start',
          'end',
          'revision_count',
          'character_sum',
          'references_count',
          'created_at',
          'updated_at',
        ],
        [
          id,
          chance(0.05) ? 1 + below(wikis.length) : pick([...tracked]),
          chance(0.002) ? null : sql(at),
          sql(new Date(at.getTime() + day)),
          count(50),
          count(90_000),
          chance(0.05) ? null : below(20) - 8,
          '2026-01-01 00:00:00',
          '2026-01-01 00:00:00',
        ],
      );
      await insert(
        'article_course_timeslices',
        [
          'course_id',
          'article_id',
          'start',
          'end',
          'revision_count',
          'tracked',
          'user_ids',
          'created_at',
          'updated_at',
        ],
        [
          id,
          chance(0.002) ? articles + 9 : 1 + below(articles),
          sql(at),
          sql(at),
          count(20),
          pick([1, 1, 1, 1, 0]),
          secret,
          '2026-01-01 00:00:00',
          '2026-01-01 00:00:00',
        ],
      );
    }
  }

  for (let person = 1; person <= users; person += 1) {
    await insert(
      'users',
      ['id', 'username', 'registered_at', 'email', 'real_name', 'wiki_token', 'wiki_secret'],
      [
        person,
        `${secret} ${person}`,
        person % 401 === 0 ? '0000-00-00 00:00:00' : chance(0.3) ? null : pick(registrations),
        secret,
        secret,
        secret,
        secret,
      ],
    );
  }
  for (let gone = 1; gone <= 3; gone += 1) {
    const course = id + 1000 + gone;
    await insert('campaigns_courses', ['campaign_id', 'course_id'], [3, course]);
    await insert('courses_users', ['course_id', 'user_id', 'role'], [course, 1, 0]);
  }
  await insert.flush();
  await connection.query('commit; set unique_checks = 1, autocommit = 1');
  await connection.query(
    `analyze table courses, courses_users, users, campaigns_courses, courses_wikis, tags,
       course_stats, course_wiki_timeslices, article_course_timeslices, articles`,
  );
  return { wikidata };
}

function withUnknown(stats: Record<string, number>, unknown: number): Record<string, number> {
  return { ...stats, 'other updates': (stats['other updates'] ?? 0) + unknown };
}

/** The texts of the rows of course_stats: plain, with the legacy label, tagged, twice, broken. */
function yaml(
  stats: Record<string, number>,
  shape: number,
  truth: Record<string, number> | undefined,
): (string | null)[] {
  const lines = Object.entries(stats).map(([label, value]) => `  ${label}: ${value}\n`);
  const namespaces = 'en.wikipedia.org-namespace-0:\n  :edited_count: 3\n  :reference_count: -2\n';
  const unknown = (truth?.['other updates'] ?? 0) - (stats['other updates'] ?? 0);
  const plain = `---\nwww.wikidata.org:\n${lines.join('')}${namespaces}`;
  switch (shape) {
    case 0:
      return [plain];
    case 1:
      return [`---\n${namespaces}www.wikidata.org:\n${lines.join('')}  unknown: ${unknown}\n`];
    case 2:
      return [
        `--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nwww.wikidata.org: !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n${lines.join('')}  gadgets sharpened: 4\n  items cleared: \n`,
      ];
    case 3:
      return [plain, plain.replaceAll(/\d+\n/g, '1\n')];
    default:
      return [pickBroken(Object.values(stats)[0] ?? 0)];
  }
}

function pickBroken(number: number): string | null {
  const broken = [null, '--- {}\n', '--- [unclosed', 'www.wikidata.org: words', '---\n- 1\n- 2\n'];
  return broken[number % broken.length] ?? null;
}

function some<Item>(count: number, make: () => Item): Set<Item> {
  return new Set(Array.from({ length: count }, make));
}

function sql(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Inserter {
  (table: string, columns: readonly string[], row: readonly Value[]): Promise<void>;
  flush(): Promise<void>;
}

/** Gathers rows, so that a million of them go in within a minute. */
function inserter(connection: Connection): Inserter {
  const waiting = new Map<string, (readonly Value[])[]>();
  const send = async (into: string): Promise<void> => {
    const rows = waiting.get(into) ?? [];
    waiting.delete(into);
    if (rows.length > 0) await connection.query(`insert ignore into ${into} values ?`, [rows]);
  };
  const insert = async (table: string, columns: readonly string[], row: readonly Value[]) => {
    const into = `${table} (${columns.map((column) => `\`${column}\``).join(', ')})`;
    const rows = waiting.get(into) ?? [];
    waiting.set(into, rows);
    rows.push(row);
    if (rows.length >= 1000) await send(into);
  };
  return Object.assign(insert, {
    async flush() {
      for (const into of [...waiting.keys()]) await send(into);
    },
  });
}
