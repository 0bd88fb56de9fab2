import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
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

type Change = (path: string, body: string) => string;

/** Stands between the service and who asks, and changes what is said. */
async function liar(t: Test, truth: URL, change: Change): Promise<URL> {
  const server = createServer((request, response) => {
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
  response.end(change(path, await answer.text()));
}

t.test('npm run verify says what agrees, and what does not', async (t) => {
  const { app } = await serve(t, state);
  const url = await listen(app);
  const verify = (address: URL) => runProgram(t, ['commands/verify.ts', address.href], {});

  const honest = await verify(url);
  t.equal(honest.code, 0, honest.output + honest.errors);
  t.match(honest.output, /agrees +courses\.csv is the file that the package describes/);
  t.match(honest.output, /agrees +the published totals are the sums of the rows/);
  t.match(honest.output, /agrees +the groups by start_year are the sums of their rows/);
  t.match(honest.output, /All \d+ values agree\.\n$/);
  t.notMatch(honest.output, /DISAGREES|skipped/);

  const lies: readonly [RegExp, Change][] = [
    [
      /courses\.csv[^]*bytes: said \d+, found \d+[^]*hash: /,
      (path, body) =>
        path.startsWith('/v1/courses.csv') ? body.replace('Course_7', 'Course') : body,
    ],
    [
      /edits: said 781, found 780/,
      (path, body) =>
        path === '/v1/snapshots/1' ? body.replace('"edits":780', '"edits":781') : body,
    ],
    [
      /the groups by type/,
      (path, body) =>
        path.includes('group_by=type') ? body.replace('"key":"Editathon"', '"key":"Other"') : body,
    ],
    [
      /coverage of uploads: said 21, found 20/,
      (path, body) =>
        path === '/v1/totals?snapshot=1'
          ? body.replace(/("coverage":.*"uploads":)20/, '$121')
          : body,
    ],
  ];
  for (const [expected, change] of lies) {
    const lied = await verify(await liar(t, url, change));
    t.equal(lied.code, 1);
    t.match(lied.output, /DISAGREES/);
    t.match(lied.output, expected);
    t.match(lied.output, /\d+ of \d+ values disagree\.\n$/);
  }
});

t.test('npm run verify tells why it could not', async (t) => {
  const closed = await runProgram(t, ['commands/verify.ts', 'http://127.0.0.1:1/'], {});
  t.equal(closed.code, 1);
  t.not(closed.errors, '');
  const wrong = await runProgram(t, ['commands/verify.ts'], {});
  t.equal(wrong.code, 1);
  t.match(wrong.errors, /^Usage: npm run verify/);
});
