import assert from 'node:assert/strict';
import type { SourceEnrollment } from '../../sources/source.ts';
import { modelSnapshot, rowOf, type ModelRow, type ModelSnapshot } from './model-snapshot.ts';
import { activityOf } from './world-source.ts';
import { enrollmentsOf, isPublic, seen, type Behaviour, type World } from './world.ts';

export type ModelState = 'succeeded' | 'unchanged' | 'refused' | 'failed';

const grace = 30 * 24 * 60 * 60 * 1000;

/** What the store must hold: the rules of publishing over a list of whole snapshots. */
export class StoreModel {
  readonly snapshots: ModelSnapshot[] = [];
  /** Public courses, as they are now. */
  current: ReadonlyMap<number, ModelRow> = new Map();
  /** When they were withdrawn; not those erased since. */
  readonly withdrawn = new Map<number, Date>();
  /** The campaigns' slugs as they are now, or last were. */
  slugs: ReadonlyMap<number, string> = new Map();
  #people: readonly SourceEnrollment[] = [];
  readonly #before: number;
  /** `course wiki month edits bytes references` of public courses. */
  activity: readonly string[] = [];

  /** Snapshots are numbered from the one after `before`. */
  constructor(before: number) {
    this.#before = before;
  }

  /**
   * Publishes what is true of the world, and says how that must end. A snapshot is of the moment
   * given, which must not be before now, and must be later than the one before.
   */
  publish(whole: World, behaviour: Behaviour, now: Date, at: Date): ModelState {
    for (const [id, at] of this.withdrawn) {
      if (at.getTime() < now.getTime() - grace) this.purge(id);
    }
    if (behaviour === 'breaks') return 'failed';
    const world = seen(whole, behaviour);
    const courses = [...world.courses.values()].filter(isPublic);
    const staged = new Map(courses.map((course) => [course.id, rowOf(world, course)]));
    const missing = [...this.current.keys()].filter((id) => !staged.has(id));
    const hidden = missing.filter((id) => {
      const course = world.courses.get(id);
      return course !== undefined && !isPublic(course);
    });
    const people = enrollmentsOf(world);
    if (this.#losesTooMuch(staged, missing.length - hidden.length, people)) {
      this.#withdraw(hidden, now);
      return 'refused';
    }
    return this.#publish(world, staged, missing, now, at);
  }

  /**
   * Time slices are left out: how many of the courses lose theirs in a few steps is never
   * enough to be refused.
   */
  #losesTooMuch(
    staged: ReadonlyMap<number, ModelRow>,
    disappeared: number,
    people: readonly SourceEnrollment[],
  ): boolean {
    const stay = [...this.current.values()].flatMap((before) => {
      const now = staged.get(before.id);
      return now === undefined ? [] : [{ before, now }];
    });
    const loses = (count: (row: ModelRow, isNow: boolean) => number): boolean => {
      const counts = stay.map(({ before, now }) => [count(before, false), count(now, true)]);
      const before = counts.reduce((sum, [had = 0]) => sum + had, 0);
      const lost = counts.reduce((sum, [had = 0, has = 0]) => sum + Math.max(had - has, 0), 0);
      return (lost > 50 && lost > before / 2) || (lost >= 10 && lost === before);
    };
    const enrolled = (of: readonly SourceEnrollment[], { id }: ModelRow): number =>
      of.filter(({ courseId }) => courseId === id).length;
    return (
      (disappeared > 0 && stay.length === 0) ||
      loses((row, isNow) => enrolled(isNow ? people : this.#people, row)) ||
      loses((row) => row.wikis.length) ||
      loses((row) => row.campaigns.length) ||
      loses((row) => (row.homeWiki === null ? 0 : 1)) ||
      loses((row) => (row.tag === 'unknown' ? 0 : 1)) ||
      loses((row) => (typeof row.values['wikidata_items_created'] === 'number' ? 1 : 0))
    );
  }

  #publish(
    world: World,
    staged: ReadonlyMap<number, ModelRow>,
    missing: readonly number[],
    now: Date,
    computedAt: Date,
  ): ModelState {
    const returned = [...staged.keys()].filter((id) => this.withdrawn.delete(id));
    this.#withdraw(missing, now);
    this.current = staged;
    const slugs = [...world.campaigns].map(([id, { slug }]) => [id, slug] as const);
    this.slugs = new Map([...this.slugs, ...slugs]);
    const people = enrollmentsOf(world);
    const activity = [...staged.keys()]
      .flatMap((id) => activityOf(world.courses.get(id)!))
      .map(
        ({ courseId, wiki, month, edits, bytesAdded, referencesAdded }) =>
          `${courseId} ${wiki} ${month} ${edits} ${bytesAdded} ${referencesAdded}`,
      )
      .sort();

    const last = this.snapshots.at(-1);
    const known = (id: number) => last?.rows.get(id);
    const rows = [...staged.values()];
    const added = rows.filter(({ id }) => known(id) === undefined).length;
    const changes = {
      added,
      changed: rows.filter((row) => known(row.id) !== undefined && !same(known(row.id), row))
        .length,
      withdrawn: (last?.courses ?? 0) + added - rows.length,
    };
    const isNews =
      returned.length + changes.added + changes.changed + changes.withdrawn > 0 ||
      !same(people, this.#people) ||
      !same(activity, this.activity);
    this.#people = people;
    this.activity = activity;
    if (!isNews && last !== undefined && day(last.computedAt) === day(now)) return 'unchanged';

    const second = Math.floor(now.getTime() / 1000) * 1000;
    const earliest = Math.max(second, (last?.computedAt.getTime() ?? 0) + 1000);
    assert.ok(computedAt.getTime() >= earliest, 'moments go on, and not into the past');
    const id = this.#before + this.snapshots.length + 1;
    this.snapshots.push(
      modelSnapshot({ id, computedAt, changes, rows: staged, people, slugs: this.slugs }),
    );
    return 'succeeded';
  }

  #withdraw(ids: readonly number[], at: Date): void {
    for (const id of ids) this.withdrawn.set(id, at);
    this.current = new Map([...this.current].filter(([id]) => !ids.includes(id)));
    this.activity = this.activity.filter((line) => !ids.includes(Number(line.split(' ')[0])));
  }

  /** Erases a withdrawn course, whatever is left of its grace. */
  purge(id: number): 'withdrawn' | 'public' | 'unknown' {
    if (this.current.has(id)) return 'public';
    if (!this.withdrawn.delete(id)) return 'unknown';
    for (const snapshot of this.snapshots) {
      // People are not told of a snapshot that is not whole any more.
      if (snapshot.rows.delete(id)) snapshot.people.clear();
    }
    return 'withdrawn';
  }

  /** The rows of a snapshot that are still public, by number. */
  visible({ rows }: ModelSnapshot): ModelRow[] {
    return [...rows.values()].filter(({ id }) => this.current.has(id)).sort((a, b) => a.id - b.id);
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function day(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
