import type { FastifyInstance } from 'fastify';
import { request as ask } from 'node:http';
import t from 'tap';
import { demoSource } from '../sources/demo.ts';
import type { Source, SourceCourse } from '../sources/source.ts';
import { NonconformingAnswer } from './support/conformance.ts';
import { listen } from './support/downloads.ts';
import { RandomRequests, type KnownValues, type MadeRequest } from './support/random-requests.ts';
import { createService, publish, TestClock, wrongAnswers } from './support/service.ts';
import { createStore } from './support/store.ts';

const adminToken = 'correct-horse-battery-staple-0123456789';
/** In all; `npm run conformance` sends 20,000. */
const wanted = Number(process.env['CONFORMANCE_REQUESTS'] ?? '2000');
const seeds = (process.env['CONFORMANCE_SEEDS'] ?? '20261123,1').split(',').map(Number);

/** Of so many requests one goes over a connection, and one to a service with a low quota. */
const overConnection = 10;
const overQuota = 10;
const lowQuota = 20;

t.setTimeout(120_000 + wanted * 100);

interface CourseRow {
  readonly course_id: number;
  readonly type: string | null;
  readonly home_wiki: string | null;
  readonly wikis: readonly string[];
  readonly campaigns: readonly string[];
}

/** The source without these courses, which are there and not public. */
function hiding(source: Source, hidden: readonly number[]): Source {
  const isShown = ({ courseId }: Pick<SourceCourse, 'courseId'>) => !hidden.includes(courseId);
  async function* shown<T extends Pick<SourceCourse, 'courseId'>>(
    batches: AsyncIterable<readonly T[]>,
  ) {
    for await (const batch of batches) yield batch.filter(isShown);
  }
  return {
    ...source,
    open: async (options) => {
      const reading = await source.open(options);
      return {
        ...reading,
        courses: () => shown(reading.courses()),
        enrollments: () => shown(reading.enrollments()),
        activity: () => shown(reading.activity()),
        hiddenCourseIds: async function* () {
          yield* reading.hiddenCourseIds();
          yield hidden;
        },
      };
    },
  };
}

/** The status of an answer over a connection. */
function statusOverConnection(url: URL, { options }: MadeRequest): Promise<number> {
  const { payload } = options;
  return new Promise((resolve, reject) => {
    const asking = ask(
      {
        host: url.hostname,
        port: url.port,
        // As it stands: nothing makes a better address of it.
        path: options.url,
        method: options.method,
        headers: options.headers ?? {},
      },
      (answer) => {
        answer.resume().once('end', () => {
          resolve(answer.statusCode ?? 0);
        });
      },
    );
    asking.once('error', (error: NodeJS.ErrnoException) => {
      // A body may be refused, and the connection closed, while it is still being sent.
      const isRefused = ['EPIPE', 'ECONNRESET'].includes(error.code ?? '');
      if (typeof payload === 'string' && payload.length > 100_000 && isRefused) resolve(413);
      else reject(error);
    });
    asking.end(payload);
  });
}

t.test(`${wanted} random requests find nothing that the document does not say`, async (t) => {
  const store = await createStore(t);
  const clock = new TestClock();
  const source = demoSource({ courses: 120 });
  for (const day of ['20', '21', '22']) {
    clock.set(`2026-11-${day}T12:00:00Z`);
    await publish(store, source, clock);
  }
  const rows = async (app: FastifyInstance) =>
    (await app.inject('/v1/courses?limit=1000')).json<{ items: CourseRow[] }>().items;
  const settings = { ADMIN_TOKEN: adminToken, RATE_LIMIT_PER_MINUTE: '900000000' };
  const app = await createService(t, store, clock, settings);
  const withdrawn = (await rows(app)).slice(0, 5).map((row) => row.course_id);
  clock.set('2026-11-23T12:00:00Z');
  await publish(store, hiding(source, withdrawn), clock);
  const items = await rows(app);
  t.ok(items.length > 50);
  for (const courseId of withdrawn) {
    t.equal((await app.inject(`/v1/courses/${courseId}`)).statusCode, 410);
  }

  const url = await listen(app);
  const limited = await createService(t, store, clock, {
    ...settings,
    RATE_LIMIT_PER_MINUTE: String(lowQuota),
  });
  const some = (values: readonly (string | null)[]) => [
    ...new Set(values.filter((value) => value !== null)),
    'none',
  ];
  const campaigns = some(items.flatMap((row) => row.campaigns));
  const known: KnownValues = {
    campaign: campaigns,
    campaign_slug: campaigns.filter((slug) => slug !== 'none'),
    course_id: [...items.slice(0, 20).map((row) => row.course_id), ...withdrawn].map(String),
    home_wiki: some(items.map((row) => row.home_wiki)),
    run_id: ['1', '2', '3', '4'],
    snapshot: ['latest', '1', '2', '3', '4'],
    snapshot_id: ['1', '2', '3', '4'],
    type: some(items.map((row) => row.type)),
    wiki: some(items.flatMap((row) => row.wikis)),
  };

  const statuses = new Map<number, number>();
  const answered = new Set<string>();
  const found = new Set<string>();
  const operations = new Set<string>();
  let sentToLimited = 0;
  for (const seed of seeds) {
    const requests = new RandomRequests(app.swagger(), known, seed);
    for (const name of requests.operations) operations.add(name);
    for (let n = 0; n < wanted / seeds.length; n += 1) {
      const made = requests.next();
      const { operation, refusal } = made;
      const authorization = `Bearer ${adminToken}`;
      // Most that goes to operators' routes is to get further than the door.
      const isOperators = made.options.url.startsWith('/v1/admin') && n % 4 !== 0;
      const headers = { ...made.options.headers, ...(isOperators ? { authorization } : {}) };
      const options = { ...made.options, headers };
      const request = `${options.method} ${options.url.slice(0, 300)} ${JSON.stringify(headers)}`;
      const send = async () => {
        if (n % overConnection === 3) return statusOverConnection(url, { ...made, options });
        if (n % overQuota !== 7) return (await app.inject(options)).statusCode;
        sentToLimited += 1;
        // Twice what there is to spend in a window, so that half of them find nothing left.
        if (sentToLimited % (2 * lowQuota) === 0) clock.advance(60);
        return (await limited.inject(options)).statusCode;
      };
      try {
        const statusCode = await send();
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
  }
  // Too rare to be left to chance: a name that is longer than any, wherever one belongs.
  const tooLong = 'a'.repeat(5000);
  for (const template of Object.keys((app.swagger() as { paths: object }).paths)) {
    if (!template.includes('{')) continue;
    const { statusCode } = await app.inject(template.replace(/\{\w+\}/, tooLong));
    t.equal(statusCode, 414, template);
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
  }
  for (const wrong of await wrongAnswers(app)) found.add(wrong.slice(0, 900));
  t.comment(`statuses: ${JSON.stringify([...statuses].sort((a, b) => a[0] - b[0]))}`);
  t.strictSame([...found].slice(0, 40), []);
  t.ok((statuses.get(200) ?? 0) > wanted / 4, 'enough of them were good');
  t.ok((statuses.get(400) ?? 0) > wanted / 10, 'enough of them were bad');
  for (const status of [204, 304, 401, 404, 405, 406, 410, 412, 414, 429]) {
    t.ok(statuses.has(status), `${status} was reached`);
  }
  // Nothing can be published without a source.
  t.strictSame(
    [...operations].filter((name) => !answered.has(name)),
    ['publishSnapshot'],
    'every operation was reached',
  );
});

/** The one thing that is not there at once after a publication. */
function isStillBuilt(url: string, statusCode: number): boolean {
  return statusCode === 503 && url.startsWith('/v1/datapackage.json');
}
