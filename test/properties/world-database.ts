import type { TestDatabase } from '../dashboard-database/database.ts';
import { createdAtOf, seen, wikis, type Behaviour, type World, type WorldCourse } from './world.ts';

type Row = readonly (string | number | null)[];

const secret = 'MUST-NEVER-BE-READ';
const longAgo = '2020-01-01 00:00:00';

/**
 * Makes a Dashboard's database say what is true of the world. Time slices are rewritten only
 * where they changed, as the Dashboard does; `mirrored` remembers which were, by course.
 */
export async function mirrorWorld(
  { root }: TestDatabase,
  whole: World,
  behaviour: Behaviour,
  mirrored: Map<number, number>,
): Promise<void> {
  const insert = async (table: string, columns: readonly string[], rows: readonly Row[]) => {
    if (rows.length === 0) return;
    const names = columns.map((column) => `\`${column}\``).join(', ');
    await root.query(`insert into ${table} (${names}) values ?`, [rows]);
  };
  if (mirrored.size === 0) {
    await root.query('delete from course_wiki_timeslices; delete from article_course_timeslices');
  }
  const tables = [
    'courses',
    'courses_users',
    'courses_wikis',
    'campaigns',
    'campaigns_courses',
    'users',
    'tags',
    'course_stats',
  ];
  await root.query(
    [...tables, 'wikis', 'articles'].map((name) => `delete from ${name}`).join('; '),
  );

  const world = seen(whole, behaviour);
  const courses = [...world.courses.values()];
  await insert(
    'wikis',
    ['id', 'language', 'project'],
    [
      [1, 'en', 'wikipedia'],
      [2, 'ta', 'wikipedia'],
      [3, null, 'wikidata'],
    ],
  );
  await insert(
    'articles',
    ['id', 'namespace'],
    [0, 1, 2, 3].map((namespace) => [namespace + 1, namespace]),
  );
  await insert('courses', courseColumns, courses.map(courseRow));
  await insert(
    'courses_wikis',
    ['course_id', 'wiki_id', 'created_at', 'updated_at'],
    courses.flatMap(({ id, wikis: tracked }) =>
      [...tracked].map((wiki) => [id, wikiId(wiki), longAgo, longAgo]),
    ),
  );
  await insert(
    'campaigns',
    ['id', 'slug', 'title', 'default_passcode'],
    [...world.campaigns].map(([id, { slug, title }]) => [id, slug, title, secret]),
  );
  await insert(
    'campaigns_courses',
    ['course_id', 'campaign_id'],
    courses.flatMap(({ id, campaigns }) => [...campaigns].map((campaign) => [id, campaign])),
  );
  await insert(
    'users',
    ['id', 'username', 'registered_at', 'email', 'real_name'],
    [...world.users].map(([id, at]) => [id, `${secret} ${id}`, datetime(at), secret, secret]),
  );
  await insert(
    'courses_users',
    ['course_id', 'user_id', 'role', 'real_name'],
    [...world.enrollments].map((enrollment) => [...enrollment.split(' ').map(Number), secret]),
  );

  await insert(
    'tags',
    ['course_id', 'tag', 'key'],
    courses.filter(({ tag }) => tag !== 'unknown').map(({ id, tag }) => [id, tag, tag]),
  );
  await insert(
    'course_stats',
    ['course_id', 'stats_hash', 'created_at', 'updated_at'],
    courses
      .filter(({ items }) => items !== null)
      .map(({ id, items }) => [
        ...[id, `---\nwww.wikidata.org:\n  items created: ${items}\n`, longAgo, longAgo],
      ]),
  );

  for (const course of courses) {
    if (mirrored.get(course.id) === course.slicesChanged) continue;
    mirrored.set(course.id, course.slicesChanged);
    await replaceWikiSlices(root, course);
    await root.query(`delete from article_course_timeslices where course_id = ${course.id}`);
    await insert('article_course_timeslices', articleSliceColumns, articleSlices(course));
  }
}

/** Those that are still there are changed in place, and keep their ids. */
async function replaceWikiSlices(root: TestDatabase['root'], course: WorldCourse): Promise<void> {
  const rows = wikiSlices(course);
  const places = rows.map(([, wiki, start]) => [wiki, start]);
  await root.query(
    `delete from course_wiki_timeslices
     where course_id = ? ${places.length === 0 ? '' : 'and (wiki_id, start) not in (?)'}`,
    [course.id, places],
  );
  if (rows.length === 0) return;
  const names = wikiSliceColumns.map((column) => `\`${column}\``);
  await root.query(
    `insert into course_wiki_timeslices (${names.join(', ')}) values ?
     on duplicate key update ${names.map((name) => `${name} = values(${name})`).join(', ')}`,
    [rows],
  );
}

const courseColumns = [
  ...['id', 'slug', 'title', 'school', 'term', 'type', 'start', 'end', 'created_at', 'updated_at'],
  ...['private', 'home_wiki_id', 'passcode', 'flags'],
  ...['revision_count', 'character_sum', 'references_count', 'article_count', 'new_article_count'],
  ...['view_sum', 'upload_count', 'uploads_in_use_count', 'upload_usages_count', 'user_count'],
  'trained_count',
];

function courseRow(course: WorldCourse): Row {
  const [start, end] = course.window;
  const { id, slug, title, institution, type, privacy, edits, bytes, references } = course;
  const homeWiki = course.homeWiki === null ? null : wikiId(course.homeWiki);
  return [
    ...[id, slug, title, institution, null, type, datetime(start), datetime(end)],
    datetime(createdAtOf(id)),
    datetime(new Date(Date.UTC(2020, 0, 1) + course.touched * 1000).toISOString()),
    ...[privacy, homeWiki, secret, secret, edits, bytes, references],
    ...[null, null, null, null, null, null, null, null],
  ];
}

const wikiSliceColumns = [
  ...['course_id', 'wiki_id', 'start', 'end', 'revision_count', 'character_sum'],
  ...['references_count', 'created_at', 'updated_at'],
];

/** Two slices a month, which add up to the month's. */
function wikiSlices(course: WorldCourse): Row[] {
  return [...course.slices].flatMap(([place, [edits, bytes, references]]) => {
    const [wiki = '', month = ''] = place.split(' ');
    const slice = (day: string, ...values: number[]): Row => [
      ...[course.id, wikiId(wiki), `${month}-${day} 00:00:00`, `${month}-${day} 23:59:59`],
      ...[...values, longAgo, longAgo],
    ];
    return [slice('01', edits, 0, references), slice('28', 0, bytes, 0)];
  });
}

const articleSliceColumns = [
  ...['course_id', 'article_id', 'start', 'end', 'revision_count', 'tracked', 'created_at'],
  'updated_at',
];

function articleSlices({ id, mainspace, slicesChanged }: WorldCourse): Row[] {
  if (mainspace === null) return [];
  const updatedAt = new Date(Date.UTC(2020, 0, 1) + slicesChanged * 1000).toISOString();
  const slice = (article: number, day: string, edits: number, tracked = 1): Row => [
    ...[id, article, day, day, edits, tracked, longAgo, datetime(updatedAt)],
  ];
  return [
    slice(1, longAgo, mainspace),
    slice(1, '2020-01-02 00:00:00', 1000, 0),
    slice(2, longAgo, mainspace % 7),
    slice(3, longAgo, mainspace % 5),
    slice(4, longAgo, 11),
  ];
}

function wikiId(domain: string): number {
  return wikis.findIndex((wiki) => wiki === domain) + 1;
}

/** RFC 3339 as MariaDB has it. */
function datetime(time: string | null): string | null {
  return time === null ? null : time.slice(0, 19).replace('T', ' ');
}
