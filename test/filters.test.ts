import fc from 'fast-check';
import t from 'tap';
import { FairQueue, QueueFull } from '../plugins/fair-queue.ts';
import { SharedReading } from '../plugins/shared-reading.ts';
import {
  filterParameters,
  filtersOf,
  reversedRanges,
  statuses,
  type Filters,
} from '../openapi/filters.ts';

const text = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' });
const day = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const queries: fc.Arbitrary<Filters> = fc.record(
  {
    campaign: fc.array(text, { minLength: 1, maxLength: 4 }),
    wiki: fc.array(text, { minLength: 1, maxLength: 4 }),
    home_wiki: fc.array(text, { minLength: 1, maxLength: 4 }),
    type: fc.array(text, { minLength: 1, maxLength: 4 }),
    status: fc.array(fc.constantFrom(...statuses), { minLength: 1, maxLength: 8 }),
    start_from: day,
    start_to: day,
    end_from: day,
    created_to: day,
  },
  { requiredKeys: [] },
);

/** The same question: parameters in another order, values in another order and repeated. */
function reworded(query: Filters): Filters {
  const entries = Object.entries(query).reverse();
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      Array.isArray(value) ? [...value, ...value].reverse() : value,
    ]),
  );
}

void t.test('the same question is always written the same', (t) => {
  fc.assert(
    fc.property(queries, (query) => {
      const once = JSON.stringify(filtersOf(query));
      return (
        once === JSON.stringify(filtersOf(reworded(query))) &&
        once === JSON.stringify(filtersOf(filtersOf(query)))
      );
    }),
  );
  t.pass();
  t.end();
});

void t.test('written as a query string and read again, it is the same question', (t) => {
  fc.assert(
    fc.property(queries, (query) => {
      const filters = filtersOf(query);
      const parameters = new URLSearchParams(filterParameters(filters).toString());
      for (const [name, value] of Object.entries(filters)) {
        t.same(parameters.getAll(name), [value].flat());
      }
    }),
    { numRuns: 30 },
  );
  t.end();
});

void t.test('parameters that are no filters are left out', (t) => {
  t.same(filtersOf({ wiki: ['a'], snapshot: 'latest', group_by: 'type' } as Filters), {
    wiki: ['a'],
  });
  t.end();
});

void t.test('a range that ends before it begins is named by its beginning', (t) => {
  t.same(
    reversedRanges({
      start_from: '2026-01-02',
      start_to: '2026-01-01',
      end_from: '2026-01-01',
      end_to: '2026-01-01',
      created_from: '2026-01-01',
      from: '2026-02-01',
      to: '2026-01-31',
    }),
    [
      { name: 'start_from', detail: 'is after start_to: 2026-01-02 is later than 2026-01-01' },
      { name: 'from', detail: 'is after to: 2026-02-01 is later than 2026-01-31' },
    ],
  );
  t.end();
});

/** Something to wait for, ended by hand. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

void t.test('waiting clients have their turns one after the other', async (t) => {
  const queue = new FairQueue({ atOnce: 1, waiting: 10 });
  const order: string[] = [];
  const first = gate();
  const running = queue.run('greedy', () => first.opened);
  const others = ['greedy 1', 'greedy 2', 'greedy 3', 'modest 1', 'other 1', 'modest 2'].map(
    (name) =>
      queue.run(name.split(' ')[0] ?? '', async () => {
        order.push(name);
      }),
  );
  t.equal(queue.waiting, 6);
  first.open();
  await Promise.all([running, ...others]);
  t.same(order, ['greedy 1', 'modest 1', 'other 1', 'greedy 2', 'modest 2', 'greedy 3']);
  t.equal(queue.waiting, 0);
});

void t.test('a full queue refuses the client that has the most in it', async (t) => {
  const queue = new FairQueue({ atOnce: 1, waiting: 2 });
  const first = gate();
  const running = queue.run('a', () => first.opened);
  const waits = queue.run('a', async () => 1);
  const refused = t.rejects(
    queue.run('a', async () => 2),
    QueueFull,
  );
  const modest = queue.run('b', async () => 3);
  await refused;
  await t.rejects(
    queue.run('a', async () => 4),
    QueueFull,
  );
  await t.rejects(
    queue.run('c', async () => 5),
    QueueFull,
    'where nobody has more than another, who comes last',
  );
  first.open();
  t.equal(await waits, 1);
  t.equal(await modest, 3);
  await running;
});

void t.test('a job that fails gives its place to the next', async (t) => {
  const queue = new FairQueue({ atOnce: 1, waiting: 5 });
  const failing = queue.run('a', () => Promise.reject(new Error('failed')));
  const next = queue.run('a', async () => 'done');
  await t.rejects(failing, /failed/);
  t.equal(await next, 'done');
  t.equal(await queue.run('a', async () => 'again'), 'again');
});

void t.test('never do more run at once, and all that are not refused do run', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 6 }),
      fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }),
      async (atOnce, waiting, clients) => {
        const queue = new FairQueue({ atOnce, waiting });
        let running = 0;
        let most = 0;
        const results = await Promise.allSettled(
          clients.map((client) =>
            queue.run(client, async () => {
              running += 1;
              most = Math.max(most, running);
              await Promise.resolve();
              running -= 1;
            }),
          ),
        );
        const done = results.filter(({ status }) => status === 'fulfilled').length;
        return most <= atOnce && done >= Math.min(clients.length, atOnce + waiting);
      },
    ),
  );
  t.pass();
});

void t.test(
  'who asks gets a reading that began after it asked, shared by all who did',
  async (t) => {
    const readings: { value: number; end: () => void }[] = [];
    const reading = new SharedReading(async () => {
      const { open, opened } = gate();
      const value = readings.length + 1;
      readings.push({ value, end: open });
      await opened;
      return value;
    });
    const first = reading.read();
    const same = reading.read();
    await Promise.resolve();
    t.equal(readings.length, 1);
    const later = [reading.read(), reading.read(), reading.read()];
    t.equal(readings.length, 1, 'one at a time');
    readings[0]?.end();
    t.same(await Promise.all([first, same]), [1, 1]);
    while (readings.length < 2) await Promise.resolve();
    readings[1]?.end();
    t.same(await Promise.all(later), [2, 2, 2]);
  },
);

void t.test('a reading that fails is not the next one’s', async (t) => {
  let fails = true;
  const reading = new SharedReading(async () => {
    if (fails) throw new Error('away');
    return 'read';
  });
  await t.rejects(reading.read(), /away/);
  fails = false;
  t.equal(await reading.read(), 'read');
});
