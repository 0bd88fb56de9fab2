import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { known, verify } from '../commands/verify.mjs';
import { findSnapshot, insertSnapshot } from '../db/queries/snapshots.ts';
import { metrics, type Metric } from '../metrics/registry.ts';
import { makeDirectory } from './embedded/holder.ts';
import { campaign, course, emptyState } from './support/courses.ts';
import { listen } from './support/downloads.ts';
import { runProgram } from './support/program.ts';
import { serve } from './support/served.ts';

const state = {
  ...emptyState(),
  campaigns: [campaign(1)],
  courses: Array.from({ length: 40 }, (_, index) =>
    course(index + 1, {
      campaignIds: [1],
      type: index % 3 === 0 ? null : 'Editathon',
      homeWiki: index % 4 === 0 ? null : 'de.wikipedia.org',
      start: index % 5 === 0 ? null : `20${String(10 + (index % 7))}-03-04T00:00:00Z`,
      title: `A title, "${String(index)}"\nin two lines`,
      metrics: { edits: index, references_added: index - 20, uploads: index % 2 ? null : index },
    }),
  ),
};

type Change = (
  path: string,
  body: string,
  setHeader: (name: string, value: string) => void,
) => string;

/** Stands between the service and who asks, and changes what is said. */
async function liar(
  t: Test,
  truth: URL,
  change: Change,
  gone: readonly string[] = [],
  goneBody = '{}',
): Promise<URL> {
  const server = createServer((request, response) => {
    if (gone.some((path) => request.url?.startsWith(path) === true)) {
      response.writeHead(404).end(goneBody);
      return;
    }
    pass(truth, change, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
}

async function pass(
  truth: URL,
  change: Change,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? '/';
  const answer = await fetch(new URL(path, truth), { headers: { 'accept-encoding': 'identity' } });
  for (const name of ['content-type', 'snapshot-id', 'row-count', 'retry-after', 'repr-digest']) {
    const value = answer.headers.get(name);
    if (value !== null) response.setHeader(name, value);
  }
  response.statusCode = answer.status;
  const setHeader = (name: string, value: string) => response.setHeader(name, value);
  response.end(change(path, await answer.text(), setHeader));
}

const program = ['commands/verify.mjs'] as const;

/** Changes answers whose address begins so. */
const at =
  (beginning: string, from: string, to: string): Change =>
  (path, body) =>
    path.startsWith(beginning) ? body.replace(from, to) : body;

interface Sums {
  totals: Record<string, number | null>;
  coverage: Record<string, number>;
}

interface Answer extends Sums {
  groups: (Sums & { key: string | null })[];
  resources: { name: string; hash: string }[];
  items: { kind: string }[];
}

/** The same, of JSON, unless it says to come again. */
const edit =
  (beginning: string, change: (answer: Answer) => void): Change =>
  (path, body) => {
    if (!path.startsWith(beginning) || body.includes('/problems/')) return body;
    const answer = JSON.parse(body) as Answer;
    change(answer);
    return JSON.stringify(answer);
  };

const both =
  (one: Change, other: Change): Change =>
  (path, body, setHeader) =>
    other(path, one(path, body, setHeader), setHeader);

const raise = (values: Sums['totals'] | undefined, name: string): void => {
  if (values !== undefined) values[name] = (values[name] ?? 0) + 1;
};

interface Verdict {
  readonly code: number;
  readonly output: string;
}

/** As the program does it, in this process. */
async function check(url: URL, snapshot = 'latest'): Promise<Verdict> {
  let output = '';
  const code = await verify(url.origin, snapshot, (line) => (output += `${line}\n`)).catch(
    (error: unknown) => {
      output += String(error);
      return 1;
    },
  );
  return { code, output };
}

t.test('the check knows every metric, and how it is computed', (t) => {
  const named = (kind: Metric['kind']) =>
    metrics.filter((metric) => metric.kind === kind).map(({ name }) => name);
  t.strictSame(known.sums, named('sum'));
  t.strictSame(known.people, named('distinct'));
  const isSigned = (metric: Metric) => metric.kind === 'sum' && metric.signed;
  t.strictSame(
    [...known.signed],
    metrics.filter(isSigned).map(({ name }) => name),
  );
  t.strictSame(
    Object.entries(known.counts),
    metrics.flatMap((metric) =>
      metric.kind === 'count' ? [[metric.name, metric.status ?? null]] : [],
    ),
  );
  t.strictSame(
    Object.entries(known.derived),
    metrics.flatMap((metric) => {
      if (metric.kind !== 'derived') return [];
      const { input, numerator, denominator } = metric;
      const formula = { input, numerator: BigInt(numerator), denominator: BigInt(denominator) };
      return [[metric.name, formula]];
    }),
  );
  t.end();
});

t.test('npm run verify says what agrees, and no lie passes', async (t) => {
  const { app } = await serve(t, state);
  const url = await listen(app);
  const honest = await check(url);
  t.equal(honest.code, 0, honest.output);
  for (const name of ['courses', 'campaigns', 'wikis']) {
    t.match(
      honest.output,
      new RegExp(`agrees +${name}\\.csv is the file that the package describes`),
    );
  }
  for (const name of ['home_wiki', 'type', 'status', 'start_year', 'wiki', 'campaign']) {
    t.match(honest.output, new RegExp(`agrees +the groups by ${name} are the sums of their rows`));
  }
  t.match(honest.output, /agrees +the rows of campaigns\.csv are the sums of their courses/);
  t.match(honest.output, /agrees +the published totals are the sums of the rows/);
  t.match(honest.output, /All \d+ values agree\.\n$/);
  t.notMatch(honest.output, /DISAGREES|NOT COMPARED/);

  const group = '/v1/totals?snapshot=1&group_by=';
  const lies: readonly [what: string, expected: RegExp, Change][] = [
    [
      'a row',
      /courses\.csv[^]*bytes: said \d+, found \d+[^]*hash: /,
      at('/v1/courses.csv', 'Course_7', 'Course'),
    ],
    [
      'a published total',
      /published[^]*edits: said 781, found 780/,
      edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'edits')),
    ],
    [
      'a derived total',
      /published[^]*words_added: said/,
      edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'words_added')),
    ],
    [
      'a key of a group',
      /the groups by type[^]*groups: said/,
      at(`${group}type`, '"key":"Editathon"', '"key":"Other"'),
    ],
    [
      'a total of a group',
      /the groups by wiki[^]*edits: said/,
      edit(`${group}wiki`, ({ groups }) => raise(groups[0]?.totals, 'edits')),
    ],
    [
      'a missing group',
      /the groups by campaign[^]*groups: said/,
      edit(`${group}campaign`, (answer) => (answer.groups = [])),
    ],
    [
      'coverage',
      /coverage of uploads: said 21, found 20/,
      edit('/v1/totals?snapshot=1', ({ coverage }) => raise(coverage, 'uploads')),
    ],
    [
      'a metric that is left out',
      /edits: said undefined, found 780/,
      edit('/v1/snapshots/1', ({ totals }) => delete totals['edits']),
    ],
    [
      'a metric that there is not',
      /metrics that are not recomputed/,
      edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'edits_more')),
    ],
    [
      'a dictionary that calls everything people',
      /edits: said 781, found 780/,
      both(
        edit('/v1/metrics', ({ items }) => {
          for (const item of items) item.kind = 'distinct';
        }),
        edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'edits')),
      ),
    ],
    [
      'an empty dictionary',
      /edits: said 781, found 780/,
      both(
        edit('/v1/metrics', (answer) => (answer.items = [])),
        edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'edits')),
      ),
    ],
    [
      'courses that nobody says were withdrawn',
      /courses: said 41, found 40/,
      edit('/v1/snapshots/1', ({ totals }) => {
        raise(totals, 'courses');
        raise(totals, 'edits');
      }),
    ],
    [
      'a package without the files of groups',
      /describes no campaigns/,
      edit('/v1/datapackage.json', (answer) => {
        answer.resources = answer.resources.filter(({ name }) => name !== 'campaigns');
      }),
    ],
  ];
  for (const [what, expected, change] of lies) {
    const lied = await check(await liar(t, url, change));
    t.equal(lied.code, 1, what);
    t.match(lied.output, expected, what);
    t.notMatch(lied.output, /values agree/, what);
  }

  const gone = await check(await liar(t, url, (_path, body) => body, ['/v1/totals']));
  t.equal(gone.code, 1);
  t.match(gone.output, /\/v1\/totals\?snapshot=1 answers 404/);
});

t.test('files that are wrong and described so are found out by their courses', async (t) => {
  const { app } = await serve(t, state);
  const url = await listen(app);
  for (const name of ['campaigns', 'wikis']) {
    const csv = await (await fetch(new URL(`/v1/${name}.csv`, url))).text();
    const wrong = csv.replace(',780,', ',781,');
    t.not(wrong, csv);
    const digest = (as: 'hex' | 'base64') => createHash('sha256').update(wrong).digest(as);
    const consistently: Change = (path, body, setHeader) => {
      if (!path.startsWith(`/v1/${name}.csv`)) return body;
      setHeader('repr-digest', `sha-256=:${digest('base64')}:`);
      return wrong;
    };
    const described = edit('/v1/datapackage.json', ({ resources }) => {
      for (const one of resources) if (one.name === name) one.hash = `sha256:${digest('hex')}`;
    });
    const { code, output } = await check(await liar(t, url, both(consistently, described)));
    t.equal(code, 1);
    t.match(output, new RegExp(`agrees +${name}.csv is the file`));
    t.match(output, new RegExp(`DISAGREES +the rows of ${name}.csv[^]*edits: said 781, found 780`));
  }
});

t.test('what was withdrawn since is said, and is no excuse for more', async (t) => {
  const now = { ...state, courses: [...state.courses] };
  const { app, publish } = await serve(t, now);
  const url = await listen(app);
  now.hidden = [40];
  now.courses.pop();
  await publish();
  const honest = await check(url, '1');
  t.equal(honest.code, 2, honest.output);
  t.match(
    honest.output,
    /NOT COMPARED the published totals exactly: 1 courses were withdrawn since/,
  );
  t.match(honest.output, /\d+ values agree, but not everything could be compared\.\n$/);
  for (const [expected, change] of [
    [
      /courses: said 41, found 40/,
      edit('/v1/snapshots/1', ({ totals }) => raise(totals, 'courses')),
    ],
    [
      /edits: said 700, found at least 741/,
      edit('/v1/snapshots/1', ({ totals }) => (totals['edits'] = 700)),
    ],
  ] as const) {
    const lied = await check(await liar(t, url, change), '1');
    t.equal(lied.code, 1);
    t.match(lied.output, expected);
  }
});

t.test('a snapshot all of whose courses were withdrawn since is no lie', async (t) => {
  const now = { ...state, courses: state.courses.filter(({ courseId }) => courseId % 2 === 0) };
  const { app, publish } = await serve(t, now);
  now.hidden = now.courses.map(({ courseId }) => courseId);
  now.courses = state.courses.filter(({ courseId }) => courseId % 2 === 1);
  await publish();
  const honest = await check(await listen(app), '1');
  t.equal(honest.code, 2, honest.output);
  t.match(honest.output, /NOT COMPARED the published totals exactly: 20 courses were withdrawn/);
});

t.test('of a snapshot without rows nothing is compared, which is no failure', async (t) => {
  const { app, store } = await serve(t, state);
  const published = await findSnapshot(store.sql, 1);
  await insertSnapshot(store.sql, {
    ...published!,
    snapshotId: 2,
    computedAt: new Date('2026-11-21T00:00:00Z'),
    hasCourseRows: false,
  });
  const url = await listen(app);
  const { code, output } = await check(url, '2');
  t.equal(code, 2, output);
  t.match(output, /NOT COMPARED anything: it has only totals[^]*\nNothing could be compared\.\n$/);
  const unknown = await check(url, '3');
  t.equal(unknown.code, 1);
  t.match(unknown.output, /snapshot=3 answers 400/);
  // Of a snapshot that has begun to be compared, the rest is not excused.
  const without = JSON.stringify({ type: '/problems/no-course-rows' });
  const hidden = await check(
    await liar(t, url, (_path, body) => body, ['/v1/courses.csv'], without),
    '1',
  );
  t.equal(hidden.code, 1, hidden.output);
});

t.test('the service gives the check away, and it runs with nothing else', async (t) => {
  const { app } = await serve(t, state);
  const url = await listen(app);
  const answer = await fetch(new URL('/verify.mjs', url));
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'text/javascript; charset=utf-8');
  t.equal(answer.headers.get('ratelimit'), null, 'and costs nothing');
  const directory = await makeDirectory(t);
  await writeFile(join(directory, 'verify.mjs'), await answer.text());
  const child = spawn(process.execPath, ['verify.mjs', url.href], {
    cwd: directory,
    env: { PATH: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await text(child.stdout);
  t.match(output, /All \d+ values agree\.\n$/);
  t.equal(child.exitCode ?? (await once(child, 'close'))[0], 0);
});

t.test('npm run verify tells why it could not', async (t) => {
  const closed = await runProgram(t, [...program, 'http://127.0.0.1:1/'], {});
  t.equal(closed.code, 1);
  t.not(closed.errors, '');
  const wrong = await runProgram(t, program, {});
  t.equal(wrong.code, 1);
  t.match(wrong.errors, /^Usage: node verify\.mjs/);
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
    scripts: Record<string, string>;
  };
  t.equal(scripts['verify'], `node ${program[0]}`);
});
