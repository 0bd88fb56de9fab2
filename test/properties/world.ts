import fc from 'fast-check';
import {
  newOrReturningValues,
  type NewOrReturning,
  type SourceEnrollment,
} from '../../sources/source.ts';

/*
 * What is true at an invented source, and everything that can happen to it. The numbers of
 * courses and users, and the token in a course's names, occur nowhere else by chance.
 */

export interface WorldCourse {
  readonly id: number;
  /** Part of the slug and the title, whatever they are changed to. */
  readonly token: string;
  slug: string;
  title: string | null;
  institution: string | null;
  type: string | null;
  homeWiki: string | null;
  wikis: Set<string>;
  campaigns: Set<number>;
  window: Window;
  /** Public is 0 and nothing else. */
  privacy: 0 | 1 | 2 | null;
  edits: number | null;
  bytes: number | null;
  references: number | null;
  /** Edits of articles; null where there are no time slices. */
  mainspace: number | null;
  /** Of the Wikidata statistics; null where there are none. */
  items: number | null;
  tag: NewOrReturning;
  /** By wiki and month: edits, bytes, references. */
  slices: Map<string, readonly [number, number, number]>;
  /** Moves with what time slices say. */
  slicesChanged: number;
  /** Moves with `updated_at`. */
  touched: number;
}

/** When a course was created, which nothing changes. */
export function createdAtOf(courseId: number): string | null {
  const moments = [null, '2025-12-31T23:59:59Z', '2026-02-01T00:00:00Z', '2026-11-24T12:00:00Z'];
  return moments[courseId % moments.length] ?? null;
}

export type Window = readonly [start: string | null, end: string | null];

export interface World {
  readonly courses: Map<number, WorldCourse>;
  /** Deleted courses, which a backup can bring back. */
  readonly gone: Map<number, WorldCourse>;
  readonly campaigns: Map<number, { slug: string; title: string }>;
  /** When they registered, by user. */
  readonly users: Map<number, string | null>;
  /** `course user role`. */
  readonly enrollments: Set<string>;
  /** Every course there ever was, by its number: its token. */
  readonly tokens: Map<number, string>;
  names: number;
}

export const wikis = ['en.wikipedia.org', 'ta.wikipedia.org', 'www.wikidata.org'] as const;
const types = ['Editathon', 'BasicCourse', null];
const windows: readonly Window[] = [
  ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'],
  ['2026-10-01T17:00:00Z', '2026-11-25T16:59:59Z'],
  ['2026-11-24T00:00:00Z', '2049-01-01T00:00:00Z'],
  ['2026-11-22T12:00:00Z', '2026-11-22T12:00:00Z'],
  [null, '2026-12-01T00:00:00Z'],
  ['2019-12-31T17:00:00Z', null],
];
const registrations = [
  null,
  '2025-12-31T23:59:59Z',
  '2026-01-01T00:00:00Z',
  '2026-08-02T17:00:00Z',
  '2026-11-22T12:00:00Z',
  '2010-05-05T05:05:05Z',
];
const months = ['2026-01', '2026-10', '2026-11'];

export const firstCourse = 2_000_000_001;
/** No number is given to a second campaign. */
const firstNewCampaign = 100;
export const firstUser = 1_900_000_001;

/** With some campaigns, users and courses, so that something can happen from the start. */
export function newWorld(): World {
  const world: World = {
    courses: new Map(),
    gone: new Map(),
    campaigns: new Map([1, 2, 3].map((id) => [id, { slug: `drive_${id}`, title: `Drive ${id}` }])),
    users: new Map(registrations.map((at, user) => [firstUser + user, at])),
    enrollments: new Set(),
    tokens: new Map(),
    names: 0,
  };
  for (const which of [0, 1, 2]) {
    create(world, which, which + 1);
    happen(world, { kind: 'edit slices', which, value: 7 * which });
    happen(world, { kind: 'link', which, other: which });
    happen(world, { kind: 'enrol', which, other: 1, role: 0 });
  }
  return world;
}

const index = fc.nat({ max: 11 });
const value = fc.option(fc.nat({ max: 5000 }), { freq: 4 });

/** One thing that happens; `which` and `other` pick among what there is, so that all shrink. */
export const changes = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('create'), which: index, other: index }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('edit'), which: index, value }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('edit references'), which: index, value }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('edit slices'), which: index, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename'), which: index, value }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('describe'), which: index, other: index }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('return'), which: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete'), which: index }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('flip privacy'),
      which: index,
      privacy: fc.constantFrom(0 as const, 0 as const, 1 as const, 2 as const, null),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('link'), which: index, other: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('track'), which: index, other: index }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('enrol'),
      which: index,
      other: index,
      role: fc.constantFrom(0, 0, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('merge users'), which: index, other: index }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rename campaign'), which: index, other: index }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('create campaign'), which: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete campaign'), which: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tag'), which: index, other: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('edit items'), which: index, value }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('touch'), which: index }) },
);
export type Change = typeof changes extends fc.Arbitrary<infer Each> ? Each : never;

function pick<Item>(items: Iterable<Item>, which: number): Item | undefined {
  const list = [...items];
  return list[which % list.length];
}

function toggle<Item>(set: Set<Item>, item: Item): void {
  if (!set.delete(item)) set.add(item);
}

/** Makes it happen, where there is something for it to happen to. */
export function happen(world: World, change: Change): void {
  if (change.kind === 'create') {
    create(world, change.which, change.other);
    return;
  }
  if (change.kind === 'return') {
    returnCourse(world, change.which);
    return;
  }
  if (change.kind === 'merge users') {
    mergeUsers(world, change.which, change.other);
    return;
  }
  if (change.kind === 'rename campaign') {
    const campaign = pick(world.campaigns.values(), change.which);
    // Two campaigns can come to share a slug.
    if (campaign) campaign.slug = `drive_${change.other % 5}`;
    return;
  }
  if (change.kind === 'create campaign') {
    world.names += 1;
    const id = firstNewCampaign + world.names;
    world.campaigns.set(id, { slug: `drive_${change.which % 7}`, title: `Drive ${id}` });
    return;
  }
  if (change.kind === 'delete campaign') {
    const id = pick(world.campaigns.keys(), change.which);
    if (id === undefined) return;
    world.campaigns.delete(id);
    for (const course of [...world.courses.values(), ...world.gone.values()]) {
      course.campaigns.delete(id);
    }
    return;
  }
  const course = pick(world.courses.values(), change.which);
  if (course !== undefined) happenTo(world, course, change);
}

function happenTo(world: World, course: WorldCourse, change: Change): void {
  switch (change.kind) {
    case 'edit':
      course.edits = change.value;
      course.bytes = change.value === null ? null : change.value * 7;
      break;
    case 'edit references':
      course.references = change.value === null ? null : 1000 - change.value;
      break;
    case 'edit slices':
      course.mainspace = change.value;
      course.slices = new Map(slicesOf(change.value ?? 0));
      course.slicesChanged += 1;
      course.touched += 1;
      break;
    case 'edit items':
      course.items = change.value;
      break;
    case 'tag':
      course.tag = pick(newOrReturningValues, change.other) ?? 'unknown';
      break;
    case 'touch':
      course.touched += 1;
      break;
    case 'rename':
      rename(world, course, change.value === null);
      break;
    case 'describe':
      course.type = pick(types, change.other) ?? null;
      course.homeWiki = pick([...wikis, null], change.other) ?? null;
      course.institution = pick([null, '', 'School, "A"'], change.other) ?? null;
      course.window = pick(windows, change.other) ?? [null, null];
      break;
    case 'delete':
      world.courses.delete(course.id);
      world.gone.set(course.id, course);
      for (const enrollment of world.enrollments) {
        if (enrollment.startsWith(`${course.id} `)) world.enrollments.delete(enrollment);
      }
      break;
    case 'flip privacy':
      course.privacy = change.privacy;
      break;
    case 'link': {
      const campaign = pick(world.campaigns.keys(), change.other);
      if (campaign !== undefined) toggle(course.campaigns, campaign);
      break;
    }
    case 'track':
      toggle(course.wikis, pick(wikis, change.other) ?? wikis[0]);
      break;
    case 'enrol':
      toggle(
        world.enrollments,
        `${course.id} ${String(pick(world.users.keys(), change.other))} ${change.role}`,
      );
      break;
  }
}

function create(world: World, which: number, other: number): void {
  const id = firstCourse + world.tokens.size;
  const token = `zq${String(world.tokens.size).padStart(3, '0')}x`;
  world.tokens.set(id, token);
  const course: WorldCourse = {
    id,
    token,
    slug: '',
    title: null,
    institution: 'School',
    type: pick(types, which) ?? null,
    homeWiki: pick([...wikis, null], which) ?? null,
    wikis: new Set(wikis.slice(0, other % 4)),
    campaigns: new Set(),
    window: pick(windows, other) ?? [null, null],
    privacy: which === 11 ? 1 : 0,
    edits: which * 10,
    bytes: other === 0 ? null : other * 100,
    references: null,
    mainspace: null,
    items: null,
    tag: 'unknown',
    slices: new Map(),
    slicesChanged: 0,
    touched: 0,
  };
  rename(world, course, other === 1);
  world.courses.set(id, course);
}

function returnCourse(world: World, which: number): void {
  const hidden = [...world.courses.values()].filter((course) => !isPublic(course));
  const course = pick([...hidden, ...world.gone.values()], which);
  if (course === undefined) return;
  world.gone.delete(course.id);
  world.courses.set(course.id, course);
  course.privacy = 0;
}

function rename(world: World, course: WorldCourse, untitled: boolean): void {
  world.names += 1;
  course.slug = `School/Größe,_"${world.names}"_${course.token}`;
  course.title = untitled ? null : `Title ${world.names}\n=${course.token}`;
}

function* slicesOf(value: number): Generator<[string, [number, number, number]]> {
  for (const [at, wiki] of wikis.entries()) {
    const month = months[(value + at) % months.length] ?? '2026-01';
    if ((value + at) % 4 !== 0) yield [`${wiki} ${month}`, [value + at, value * 3, 5 - value]];
  }
}

/** The Dashboard's own way: the one keeps the enrolments of both, the other is gone. */
function mergeUsers(world: World, which: number, other: number): void {
  const kept = pick(world.users.keys(), which);
  const gone = pick(world.users.keys(), other);
  if (kept === undefined || gone === undefined || kept === gone) return;
  world.users.delete(gone);
  for (const enrollment of [...world.enrollments]) {
    const [courseId, userId, role] = enrollment.split(' ');
    if (Number(userId) !== gone) continue;
    world.enrollments.delete(enrollment);
    world.enrollments.add(`${courseId} ${kept} ${role}`);
  }
}

/** How the source behaves at the next publication. */
export type Behaviour =
  | 'whole'
  | 'without courses'
  | 'with half of the courses'
  | 'without people'
  | 'without links'
  | 'breaks';

/** The world as a source shows it that lacks something: of what is not public it shows all. */
export function seen(world: World, behaviour: Behaviour): World {
  const isShown = (course: WorldCourse): boolean =>
    !isPublic(course) ||
    (behaviour !== 'without courses' &&
      (behaviour !== 'with half of the courses' || course.id % 2 === 0));
  const courses = [...world.courses.values()].filter(isShown).map((course) => {
    if (behaviour !== 'without links') return course;
    return { ...course, wikis: new Set<string>(), campaigns: new Set<number>() };
  });
  return {
    ...world,
    courses: new Map(courses.map((course) => [course.id, course])),
    enrollments: behaviour === 'without people' ? new Set() : world.enrollments,
  };
}

export function isPublic(course: WorldCourse): boolean {
  return course.privacy === 0;
}

const sixtyDays = 60 * 24 * 60 * 60 * 1000;

/** The enrolments of public courses, with what their users' registrations make of them. */
export function enrollmentsOf(world: World): SourceEnrollment[] {
  return [...world.enrollments].sort().flatMap((enrollment) => {
    const [courseId = 0, userId = 0, role = 0] = enrollment.split(' ').map(Number);
    const course = world.courses.get(courseId);
    if (course === undefined || !isPublic(course)) return [];
    const registered = moment(world.users.get(userId) ?? null);
    const [start, end] = course.window.map(moment);
    const newEditor60d =
      role === 0 && registered >= (start ?? NaN) - sixtyDays && registered <= (end ?? NaN);
    const newEditor = newEditor60d && registered >= (start ?? NaN);
    return [{ courseId, userId, role, newEditor, newEditor60d }];
  });
}

/** NaN for null: neither before nor after anything. */
function moment(time: string | null): number {
  return time === null ? NaN : Date.parse(time);
}
