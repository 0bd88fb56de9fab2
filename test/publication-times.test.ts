import fc from 'fast-check';
import cron from 'node-cron';
import t, { type Test } from 'tap';
import { PublicationTimes } from '../jobs/publication-times.ts';

function timesOf(t: Test, schedule: string) {
  const task = cron.createTask(schedule, () => undefined, { timezone: 'UTC' });
  t.teardown(() => task.destroy());
  return { task, times: new PublicationTimes(task) };
}

void t.test('the next publication is when node-cron runs it', async (t) => {
  for (const [schedule, after, next] of [
    ['0 4 * * *', '2026-11-22T04:00:00Z', '2026-11-23T04:00:00Z'],
    ['0 4 * * *', '2026-11-22T03:59:59Z', '2026-11-22T04:00:00Z'],
    // A day of the month and a weekday must both hold.
    ['0 4 1 * 1', '2026-11-22T00:00:00Z', '2027-02-01T04:00:00Z'],
    ['0 4 1-7 * 1', '2026-11-22T00:00:00Z', '2026-12-07T04:00:00Z'],
    ['0 4 15W * *', '2026-07-20T00:00:00Z', '2026-08-14T04:00:00Z'],
    ['0 22-2 * * *', '2026-11-22T02:00:00Z', '2026-11-22T22:00:00Z'],
    ['30 0 4 29 2 *', '2026-11-22T00:00:00Z', '2028-02-29T04:00:30Z'],
    ['0 4 L * *', '2026-11-30T04:00:00Z', '2026-12-31T04:00:00Z'],
    ['@monthly', '2026-11-22T00:00:00Z', '2026-12-01T00:00:00Z'],
  ] as const) {
    const { times } = timesOf(t, schedule);
    t.equal(times.next(new Date(after)).toISOString(), next.replace('Z', '.000Z'), schedule);
    t.equal(times.next(new Date(after)).toISOString(), next.replace('Z', '.000Z'), 'asked again');
  }
});

void t.test('whatever the schedule, the next publication is as the library tells it', async (t) => {
  const list = (min: number, max: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min, max }).map(String),
      fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${a}-${b}`),
      fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
    );
  const fields = fc.tuple(list(0, 59), list(0, 23), list(1, 28), list(1, 12), list(0, 7));
  fc.assert(
    fc.property(fields, (each) => {
      const { task, times } = timesOf(t, each.join(' '));
      // The library starts from now, so that the walk does too.
      const expected = task.getNextRuns(5);
      let at = new Date((expected[0]?.getTime() ?? 0) - 1);
      for (const run of expected) {
        at = times.next(at);
        if (at.getTime() !== run.getTime()) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.pass('sixty schedules');
});
