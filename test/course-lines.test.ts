import t from 'tap';
import { courseSorts } from '../db/queries/course-order.ts';
import { sourceOf } from './support/courses.ts';
import { oddTexts } from './support/odd-texts.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

t.test('a selection of every course is the file of all courses, in any order', async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const state = oddTexts();
  state.courses = state.courses.map((one, index) => ({
    ...one,
    createdAt: `2025-12-${String(1 + (index % 28)).padStart(2, '0')}T00:00:00Z`,
    start: index % 5 === 0 ? null : one.start,
    metrics: index % 3 === 0 ? {} : { ...one.metrics, edits: index % 7 },
  }));
  await publish(store, sourceOf(state), clock);
  state.courses = state.courses.slice(2).map((one) => ({ ...one, title: `${one.title ?? ''}!` }));
  await publish(store, sourceOf(state), clock, { confirmWithdrawals: true });
  const settings = { RATE_LIMIT_PER_MINUTE: '1000000' };
  const app = await createService(t, store, clock, settings);
  for (const by of courseSorts) {
    for (const asked of [`sort=${by}`, `sort=-${by}&snapshot=1`]) {
      // All are copied; a selection comes from a cursor.
      const all = await app.inject(`/v1/courses.csv?${asked}`);
      const selected = await app.inject(`/v1/courses.csv?${asked}&created_from=2025-01-01`);
      t.equal(all.statusCode, 200);
      t.equal(all.headers['row-count'], String(state.courses.length));
      t.ok(all.rawPayload.equals(selected.rawPayload), asked);
    }
  }
});
