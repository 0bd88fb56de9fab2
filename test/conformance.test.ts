import t from 'tap';
import { demoSource } from '../sources/demo.ts';
import { NonconformingAnswer } from './support/conformance.ts';
import { RandomRequests, type KnownValues } from './support/random-requests.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const adminToken = 'correct-horse-battery-staple-0123456789';
const wanted = Number(process.env['CONFORMANCE_REQUESTS'] ?? '2000');
const seed = Number(process.env['CONFORMANCE_SEED'] ?? '20261123');

t.setTimeout(60_000 + wanted * 100);

interface CourseRow {
  readonly course_id: number;
  readonly type: string | null;
  readonly home_wiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly string[];
}

t.test(`${wanted} random requests find nothing that the document does not say`, async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  for (const day of ['20', '21', '22']) {
    clock.set(`2026-11-${day}T12:00:00Z`);
    await publish(store, demoSource({ courses: 120 }), clock);
  }
  const app = await createService(t, store, clock, {
    ADMIN_TOKEN: adminToken,
    RATE_LIMIT_PER_MINUTE: '900000000',
  });
  const { items } = (await app.inject('/v1/courses?limit=1000')).json<{ items: CourseRow[] }>();
  t.ok(items.length > 50);
  const some = (values: readonly (string | null)[]) => [
    ...new Set(values.filter((value) => value !== null)),
    'none',
  ];
  const campaigns = some(items.flatMap((row) => row.campaigns));
  const known: KnownValues = {
    campaign: campaigns,
    campaign_slug: campaigns.filter((slug) => slug !== 'none'),
    course_id: items.slice(0, 20).map((row) => String(row.course_id)),
    home_wiki: some(items.map((row) => row.home_wiki)),
    run_id: ['1', '2', '3'],
    snapshot: ['latest', '1', '2', '3'],
    snapshot_id: ['1', '2', '3'],
    type: some(items.map((row) => row.type)),
    wiki: some(items.flatMap((row) => row.wikis)),
  };
  const requests = new RandomRequests(app.swagger(), known, seed);
  const statuses = new Map<number, number>();
  const answered = new Set<string>();
  const found = new Set<string>();
  for (let n = 0; n < wanted; n += 1) {
    const { options, operation, refusal } = requests.next();
    const authorization = `Bearer ${adminToken}`;
    // Most that goes to operators' routes is to get further than the door.
    const headers =
      options.url.startsWith('/v1/admin') && n % 4 !== 0
        ? { ...options.headers, authorization }
        : options.headers;
    const request = `${options.method} ${options.url.slice(0, 300)} ${JSON.stringify(headers)}`;
    try {
      const { statusCode } = await app.inject({ ...options, ...(headers && { headers }) });
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      if (statusCode < 400 && operation !== undefined && options.method !== 'OPTIONS') {
        answered.add(operation);
      }
      if (statusCode >= 500 && !isStillBuilt(options.url, statusCode)) {
        found.add(`${request} → ${String(statusCode)}`);
      }
      if (statusCode < 400 && refusal !== undefined) {
        found.add(`${request} → ${String(statusCode)}, although ${refusal.slice(0, 100)}`);
      }
    } catch (error) {
      found.add(
        error instanceof NonconformingAnswer
          ? `${error.message.slice(0, 900)} ${JSON.stringify(headers)}`
          : `${request}: ${String(error)}`,
      );
    }
  }
  t.comment(`statuses: ${JSON.stringify([...statuses].sort((a, b) => a[0] - b[0]))}`);
  t.strictSame([...found].slice(0, 40), []);
  t.ok((statuses.get(200) ?? 0) > wanted / 4, 'enough of them were good');
  t.ok((statuses.get(400) ?? 0) > wanted / 10, 'enough of them were bad');
  // Nothing can be published without a source.
  t.strictSame(
    requests.operations.filter((name) => !answered.has(name)),
    ['publishSnapshot'],
    'every operation was reached',
  );
});

/** The one thing that is not there at once after a publication. */
function isStillBuilt(url: string, statusCode: number): boolean {
  return statusCode === 503 && url.startsWith('/v1/datapackage.json');
}
