import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import assert from 'node:assert/strict';
import t from 'tap';
import { courseMetricsAt, definitionsVersion, metrics } from '../metrics/registry.ts';
import type { SourceEnrollment } from '../sources/source.ts';
import { worldSource } from './properties/world-source.ts';
import { changes, enrollmentsOf, happen, newWorld, wikis } from './properties/world.ts';
import { splitList } from './support/csv-lists.ts';
import { read } from './support/served.ts';
import { createService, publish, TestClock } from './support/service.ts';
import type { Group, Totals, TrendItem, Trends, Values } from './support/slices.ts';
import { createStore } from './support/store.ts';

type Row = Readonly<Record<string, string>>;
type Filters = Readonly<Partial<Record<string, readonly string[]>>>;

const dimensions = ['home_wiki', 'wiki', 'campaign', 'type', 'status', 'start_year'] as const;
type Dimension = (typeof dimensions)[number];

const some = (...values: string[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const days = ['2025-12-31', '2026-01-01', '2026-02-01', '2026-11-24', '2026-12-31'];

const filter = fc.oneof(
  fc.tuple(fc.constant('campaign'), some('drive_0', 'drive_1', 'drive_2', 'drive_3', 'none')),
  fc.tuple(fc.constantFrom('wiki', 'home_wiki'), some(...wikis, 'none')),
  fc.tuple(fc.constant('type'), some('Editathon', 'BasicCourse', 'none')),
  fc.tuple(
    fc.constant('status'),
    some('upcoming', 'current', 'ended_recently', 'archived', 'undated'),
  ),
  fc.tuple(
    fc.constantFrom(
      ...['start_from', 'start_to', 'end_from', 'end_to', 'created_from', 'created_to'],
    ),
    some(...days).map((days) => days.slice(0, 1)),
  ),
);

function hasReversedRange(filters: Filters): boolean {
  return ['start', 'end', 'created'].some((of) => {
    const [from = ''] = filters[`${of}_from`] ?? [];
    const [to = from] = filters[`${of}_to`] ?? [];
    return from > to;
  });
}

// More filters than a few leave no courses.
const questions = fc.record({
  filters: fc
    .uniqueArray(filter, { maxLength: 2, selector: ([name]) => name })
    .map((entries): Filters => Object.fromEntries(entries))
    // Is refused, and has no law.
    .filter((filters) => !hasReversedRange(filters)),
  dimension: fc.constantFrom(...dimensions),
});

const histories = fc.record({
  publications: fc.array(
    fc.record({
      // Hours: statuses change with time alone, too, one of them to the second after 30 days.
      after: fc.constantFrom(1, 30, 300, 720),
      changes: fc.array(changes, { maxLength: 6 }),
    }),
    { minLength: 4, maxLength: 7 },
  ),
  questions: fc.array(questions, { minLength: 12, maxLength: 12 }),
});

const listOf = (text: string | undefined) => splitList(text ?? '');

/** The values by which a course is filtered and grouped; none where it has none. */
function valuesOf(row: Row, dimension: string): (string | null)[] {
  const values = {
    campaign: listOf(row['campaigns']),
    wiki: listOf(row['wikis']),
    home_wiki: listOf(row['home_wiki']),
    type: listOf(row['type']),
    status: listOf(row['status']),
    start_year: listOf(row['start']?.slice(0, 4)),
  }[dimension];
  return values === undefined || values.length === 0 ? [null] : values;
}

function matches(row: Row, filters: Filters): boolean {
  return Object.entries(filters).every(([name, asked = []]) => {
    const [day = ''] = asked;
    const dated = /^(start|end|created)_(from|to)$/.exec(name);
    if (dated !== null) {
      const on = row[dated[1] === 'created' ? 'created_at' : String(dated[1])]?.slice(0, 10) ?? '';
      return on !== '' && (dated[2] === 'from' ? on >= day : on <= day);
    }
    return valuesOf(row, name).some((value) => asked.includes(value ?? 'none'));
  });
}

const columns = courseMetricsAt(definitionsVersion).filter(({ kind }) => kind === 'sum');

/** What totals must be over rows, of the metrics that courses have. */
function sumsOf(rows: readonly Row[]): Values {
  const sums: Record<string, number | null> = {
    courses: rows.length,
    active_courses: rows.filter((row) => row['status'] === 'current').length,
    archived_courses: rows.filter((row) => row['status'] === 'archived').length,
  };
  for (const { name } of columns) {
    const known = rows.map((row) => row[name] ?? '').filter((text) => text !== '');
    sums[name] =
      rows.length > 0 && known.length === 0
        ? null
        : known.reduce((sum, text) => sum + Number(text), 0);
  }
  const bytes = sums['bytes_added'] ?? null;
  sums['words_added'] = bytes === null ? null : Math.trunc((bytes * 40) / 207);
  return sums;
}

function coverageOf(rows: readonly Row[]): Values {
  return Object.fromEntries(
    columns.map(({ name }) => [name, rows.filter((row) => row[name] !== '').length]),
  );
}

const people = metrics.filter(({ kind }) => kind === 'distinct').map(({ name }) => name);

function peopleOf(rows: readonly Row[], enrolled: readonly SourceEnrollment[]): Values {
  const members = new Map(rows.map((row) => [Number(row['course_id']), row]));
  const count = (want: (one: SourceEnrollment, row: Row) => boolean) =>
    new Set(
      enrolled
        .filter((one) => {
          const row = members.get(one.courseId);
          return row !== undefined && want(one, row);
        })
        .map(({ userId }) => userId),
    ).size;
  return {
    editors: count(({ role }) => role === 0),
    new_editors: count(({ role, newEditor }) => role === 0 && newEditor),
    new_editors_60d: count(({ role, newEditor60d }) => role === 0 && newEditor60d),
    facilitators: count(({ role }) => role === 1),
    active_facilitators: count(({ role }, row) => role === 1 && row['status'] === 'current'),
  };
}

type Sliced = Pick<Totals, 'withdrawn_since' | 'totals' | 'coverage' | 'groups'>;

/** Which people must be known: all, or those that are said, if any are. */
type Knowledge = 'all' | 'nobody' | 'right or nobody';

function checkSums(
  given: Pick<Group, 'totals' | 'coverage'>,
  rows: readonly Row[],
  enrolled: readonly SourceEnrollment[],
  knowledge: Knowledge,
  where: string,
): void {
  const pick = (values: Values, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, values[name]]));
  const sums = sumsOf(rows);
  assert.deepEqual(pick(given.totals, Object.keys(sums)), sums, where);
  const coverage = coverageOf(rows);
  assert.deepEqual(pick(given.coverage, Object.keys(coverage)), coverage, where);
  const counts = pick(given.totals, people);
  const nobody = Object.fromEntries(people.map((name) => [name, null]));
  const isUnknown = Object.values(counts).every((value) => value === null);
  if (knowledge === 'nobody' || (knowledge === 'right or nobody' && isUnknown)) {
    assert.deepEqual(counts, nobody, where);
  } else {
    assert.deepEqual(counts, peopleOf(rows, enrolled), where);
  }
}

function checkGroups(
  groups: readonly Group[],
  rows: readonly Row[],
  dimension: Dimension,
  check: (group: Group, rows: readonly Row[]) => void,
): void {
  const members = new Map<string | null, Row[]>();
  for (const row of rows) {
    for (const key of valuesOf(row, dimension)) {
      members.set(key, [...(members.get(key) ?? []), row]);
    }
  }
  assert.deepEqual(new Set(groups.map(({ key }) => key)), new Set(members.keys()));
  assert.equal(groups.length, members.size);
  for (const group of groups) check(group, members.get(group.key) ?? []);
  const edits = groups.map(({ totals }) => totals['edits'] ?? -1);
  assert.deepEqual(
    edits,
    [...edits].sort((a, b) => b - a),
  );
}

function queryOf(filters: Filters): string {
  const parameters = new URLSearchParams();
  for (const [name, values = []] of Object.entries(filters)) {
    for (const value of values) parameters.append(name, value);
  }
  return parameters.toString();
}

async function rowsOf(app: FastifyInstance, snapshot: number, query = ''): Promise<Row[]> {
  const file = await app.inject(`/v1/courses.csv?snapshot=${snapshot}&${query}`);
  assert.equal(file.statusCode, 200, file.body);
  return parse<Record<string, string>>(file.body, { columns: true, record_delimiter: '\r\n' });
}

/** Of the filters, the values that name what is at the source, or what a course has or had. */
function knownOf(filters: Filters, rows: readonly Row[], campaigns: Iterable<string>): Filters {
  const wikisOf = (row: Row) => [...valuesOf(row, 'wiki'), ...valuesOf(row, 'home_wiki')];
  const names: Readonly<Record<string, ReadonlySet<string | null>>> = {
    campaign: new Set([...campaigns, ...rows.flatMap((row) => valuesOf(row, 'campaign')), 'none']),
    wiki: new Set([...rows.flatMap(wikisOf), 'none']),
    home_wiki: new Set([...rows.flatMap(wikisOf), 'none']),
    type: new Set([...rows.flatMap((row) => valuesOf(row, 'type')), 'none']),
  };
  const entries = Object.entries(filters).map(
    ([name, values = []]) =>
      [name, values.filter((value) => names[name]?.has(value) ?? true)] as const,
  );
  return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
}

const intervals = ['day', 'week', 'month', 'year'] as const;
type Interval = (typeof intervals)[number];

/** The first day of the period that a moment is in. */
function periodOf(moment: string, interval: Interval): string {
  const day = new Date(`${moment.slice(0, 10)}T00:00:00Z`);
  if (interval === 'week') day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  if (interval === 'month' || interval === 'year') day.setUTCDate(1);
  if (interval === 'year') day.setUTCMonth(0);
  return day.toISOString().slice(0, 10);
}

function differencesOf(totals: Values, before: Values | undefined): Values | null {
  if (before === undefined) return null;
  return Object.fromEntries(
    Object.entries(totals).map(([name, value]) => {
      const earlier = before[name] ?? null;
      return [name, value === null || earlier === null ? null : value - earlier];
    }),
  );
}

/** The items of a longer interval are the last ones of each period, and what is between them. */
function checkPeriods(
  items: readonly TrendItem[],
  every: readonly TrendItem[],
  interval: Interval,
  where: string,
): void {
  const lasts = new Map(every.map((item) => [periodOf(item.computed_at, interval), item]));
  const newest = [...lasts.keys()].at(-1);
  const expected = [...lasts].map(([period, item], index, all) => ({
    ...item,
    partial: period === newest,
    deltas: differencesOf(item.totals, all[index - 1]?.[1].totals),
  }));
  assert.deepEqual(items, expected, where);
}

/** The file has a row for each group of each item. */
function checkFile(csv: string, items: readonly TrendItem[], where: string): void {
  const rows = parse<Record<string, string | null>>(csv, {
    columns: true,
    cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
  });
  const expected = items.flatMap(({ snapshot_id, groups }) =>
    (groups ?? []).map(({ key, totals, coverage }) => ({
      ...{ snapshot_id, key },
      ...totals,
      ...Object.fromEntries(Object.entries(coverage).map(([n, v]) => [`${n}_coverage`, v])),
    })),
  );
  assert.deepEqual(
    rows.map(({ computed_at: _, partial: __, withdrawn_since: ___, label: ____, ...row }) => row),
    expected.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)]),
      ),
    ),
    where,
  );
}

void t.test('totals, groups and trends are what the rows of courses add up to', async (t) => {
  const property = fc.asyncProperty(histories, async ({ publications, questions }) => {
    const store = await createStore(t);
    const clock = new TestClock();
    const world = newWorld();
    const enrolled: (readonly SourceEnrollment[])[] = [];
    const publishNow = async () => {
      const options = { confirmWithdrawals: true };
      const { run } = await publish(store, worldSource(world, 'whole'), clock, options);
      if (run.snapshotId !== null) enrolled.push(enrollmentsOf(world));
    };
    await publishNow();
    const app = await createService(t, store, clock);
    for (const publication of publications) {
      for (const change of publication.changes) happen(world, change);
      clock.advance(publication.after * 3600);
      await publishNow();
    }

    const latest = enrolled.length;
    const all = await Promise.all(enrolled.map((_, index) => rowsOf(app, index + 1)));
    for (const [number, question] of questions.entries()) {
      const campaigns = [...world.campaigns.values()].map(({ slug }) => slug);
      const filters = knownOf(question.filters, all.flat(), campaigns);
      if (queryOf(filters) !== queryOf(question.filters)) {
        const refused = await app.inject(`/v1/totals?${queryOf(question.filters)}`);
        assert.equal(refused.statusCode, 400, refused.body);
      }
      const { dimension } = question;
      const query = queryOf(filters);
      const snapshot = 1 + (number % latest);
      const rows = all[snapshot - 1]?.filter((row) => matches(row, filters)) ?? [];
      const where = `${query}&group_by=${dimension} at ${snapshot} of ${latest}`;

      const filtered = await rowsOf(app, snapshot, query);
      assert.deepEqual(filtered, rows, where);

      const totals = await read<Totals>(
        app,
        `/v1/totals?snapshot=${snapshot}&group_by=${dimension}&${query}`,
      );
      const checkAt = (of: Sliced, at: number, rows: readonly Row[]) => {
        const place = `${where}: ${at}`;
        const knowledge =
          of.withdrawn_since > 0 ? 'nobody' : at === latest ? 'all' : 'right or nobody';
        const check = (given: Pick<Group, 'totals' | 'coverage'>, members: readonly Row[]) => {
          checkSums(given, members, enrolled[at - 1] ?? [], knowledge, place);
        };
        check(of, rows);
        checkGroups(of.groups ?? [], rows, dimension, check);
      };
      checkAt(totals, snapshot, rows);

      const trends = await read<Trends>(
        app,
        `/v1/trends?interval=all&group_by=${dimension}&${query}`,
      );
      assert.equal(trends.items.length, latest);
      assert.equal(trends.groups_left_out, 0);
      for (const [index, item] of trends.items.entries()) {
        const then = all[index]?.filter((row) => matches(row, filters)) ?? [];
        checkAt(item, index + 1, then);
      }
      const { partial, deltas, ...item } = trends.items[snapshot - 1] ?? assert.fail(where);
      assert.equal(partial, false);
      const { filters: _, group_by: __, additive, ...same } = totals;
      assert.equal(additive, dimension !== 'wiki' && dimension !== 'campaign');
      assert.deepEqual(item, same, where);
      assert.deepEqual(deltas, differencesOf(item.totals, trends.items[snapshot - 2]?.totals));
      const interval = intervals[number % intervals.length] ?? 'day';
      const url = `interval=${interval}&group_by=${dimension}&${query}`;
      const longer = await read<Trends>(app, `/v1/trends?${url}`);
      checkPeriods(longer.items, trends.items, interval, `${where} by ${interval}`);
      const file = await app.inject(`/v1/trends.csv?${url}`);
      checkFile(file.body, longer.items, where);
      assert.equal(file.headers['row-count'], String(longer.items.flatMap((i) => i.groups).length));
      const plain = await read<Trends>(app, `/v1/trends?interval=all&${query}`);
      assert.deepEqual(
        plain.items.map(({ totals }) => totals),
        trends.items.map(({ totals }) => totals),
      );
    }
  });
  await fc.assert(property, { numRuns: 3, endOnFailure: true });
  t.pass();
});
