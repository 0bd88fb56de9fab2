import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { problemTypes, type ProblemSlug } from '../openapi/problem.ts';
import { Findings, holdToContract } from './support/conformance.ts';
import { startContractProxy } from './support/contract-proxy.ts';
import { Contract, RowCounter, type Exchange } from './support/contract.ts';
import { course, emptyState } from './support/courses.ts';
import { listen } from './support/downloads.ts';
import { serve } from './support/served.ts';
import { buildFrame } from './http-frame.ts';

const document = JSON.parse(
  await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8'),
) as object;
const contract = new Contract(document);

type Headers = Record<string, string | undefined>;

const frame: Headers = {
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'ETag',
};
const counted: Headers = {
  'ratelimit-policy': '"anonymous";q=60;w=60',
  ratelimit: '"anonymous";r=59;t=60',
};
const kept: Headers = {
  ...frame,
  ...counted,
  etag: '"abc"',
  'cache-control': 'no-cache',
  vary: 'Accept-Encoding',
  'last-modified': 'Sun, 22 Nov 2026 12:00:00 GMT',
  'snapshot-id': '3',
  link:
    '<https://example.org/cc0>; rel="license", </v1/metrics>; rel="describedby", ' +
    '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"',
};

const file = 'a,b\r\n1,"two\r\nlines"\r\n2,x\r\n';
const csv: Headers = {
  ...kept,
  'content-type': 'text/csv; charset=utf-8; header=present',
  'content-disposition': 'attachment; filename="dashboard-courses-snapshot-3.csv"',
  'row-count': '2',
  'content-length': String(file.length),
  'repr-digest': `sha-256=:${createHash('sha256').update(file).digest('base64')}:`,
};

function download(headers: Headers = {}, body: string | Buffer = file): Exchange {
  return {
    method: 'GET',
    url: '/v1/courses.csv',
    status: 200,
    headers: { ...csv, ...headers },
    body: Buffer.from(body),
  };
}

function failure(
  url: string,
  slug: ProblemSlug,
  {
    headers = {},
    members = {},
    ...exchange
  }: { headers?: Headers; members?: object } & Partial<Pick<Exchange, 'method' | 'status'>> = {},
): Exchange {
  const { uri, title, status } = problemTypes[slug];
  const problem = { type: uri, title, status, detail: 'So it is.', instance: url, ...members };
  return {
    method: 'GET',
    url,
    status,
    headers: {
      ...frame,
      ...counted,
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...headers,
    },
    body: Buffer.from(JSON.stringify(problem)),
    ...exchange,
  };
}

const preflight: Exchange = {
  method: 'OPTIONS',
  url: '/v1/courses',
  status: 204,
  headers: { ...frame, allow: 'GET, HEAD, OPTIONS' },
  body: Buffer.alloc(0),
};

t.test('an answer as it should be has nothing wrong with it', async (t) => {
  const zipped = gzipSync(file);
  for (const exchange of [
    download(),
    download(
      { 'content-encoding': 'gzip', 'repr-digest': undefined, 'content-length': undefined },
      zipped,
    ),
    { ...download(), body: undefined, rows: 2 },
    { ...download(), method: 'HEAD', body: undefined },
    failure('/v1/courses/7', 'gone'),
    failure('/nowhere', 'not-found'),
    failure('/v1/courses', 'method-not-allowed', {
      method: 'PUT',
      headers: { allow: 'GET, HEAD, OPTIONS' },
    }),
    failure('/v1/courses', 'quota-exceeded', { headers: { 'retry-after': '7' } }),
    preflight,
    failure('/nowhere', 'not-found', { method: 'OPTIONS' }),
  ]) {
    t.strictSame(contract.violations(exchange), [], `${exchange.method} ${exchange.url}`);
  }
});

t.test('a field that is missing or nonsense is a violation', async (t) => {
  const cases: readonly (readonly [Headers, RegExp])[] = [
    [{ 'row-count': '3' }, /Row-Count is 3, and there are 2 rows/],
    [{ 'row-count': 'two' }, /row-count is not well formed/],
    [{ 'row-count': undefined }, /the header Row-Count is missing/],
    [{ etag: 'garbage' }, /etag is not well formed/],
    [{ etag: 'W/"abc"' }, /etag is not well formed/],
    [{ etag: undefined }, /the header ETag is missing/],
    [{ ratelimit: 'garbage' }, /ratelimit is not well formed/],
    [{ ratelimit: '"key";r=59;t=60' }, /do not go together/],
    [{ ratelimit: '"anonymous";r=61;t=60' }, /more is left than there was/],
    [{ ratelimit: '"anonymous";r=1;t=61' }, /the window is longer than it is/],
    [{ ratelimit: undefined }, /the header RateLimit is missing/],
    [{ 'ratelimit-policy': '60;w=60' }, /ratelimit-policy is not well formed/],
    [{ 'snapshot-id': undefined }, /the header Snapshot-Id is missing/],
    [{ 'snapshot-id': '0' }, /snapshot-id is not well formed/],
    [{ link: undefined }, /the header Link is missing/],
    [{ link: 'garbage' }, /link is not well formed/],
    [{ link: '</v1/metrics>; rel="describedby"' }, /Link leads to no license/],
    [{ 'last-modified': undefined }, /the header Last-Modified is missing/],
    [{ 'last-modified': '2026-11-22T12:00:00Z' }, /last-modified is not well formed/],
    [{ 'last-modified': 'Sun, 99 Nov 2026 12:00:00 GMT' }, /is no moment/],
    [{ 'cache-control': undefined }, /the header Cache-Control is missing/],
    [{ vary: 'Origin' }, /Vary does not name Accept-Encoding/],
    [{ 'repr-digest': 'sha-256=abc' }, /repr-digest is not well formed/],
    [
      { 'repr-digest': `sha-256=:${createHash('sha256').update('x').digest('base64')}:` },
      /Repr-Digest is not that of the bytes/,
    ],
    [{ 'content-length': '1' }, /Content-Length is 1, and there are \d+ bytes/],
    [{ 'content-disposition': 'inline' }, /content-disposition is not well formed/],
    [{ 'content-type': 'text/csv' }, /the content type is not text\/csv; charset/],
    [{ 'content-type': 'text/plain' }, /text\/plain is not documented for 200/],
    [{ allow: 'GET, OPTIONS' }, /the header allow is not documented/],
    [{ 'x-powered-by': 'us' }, /the header x-powered-by is not documented/],
    [{ 'x-content-type-options': undefined }, /the type may be guessed at/],
    [{ 'access-control-allow-origin': undefined }, /not for any origin/],
  ];
  for (const [headers, sentence] of cases) {
    t.match(contract.violations(download(headers)).join('; '), sentence, JSON.stringify(headers));
  }
  t.match(
    contract.violations({ ...download(), rows: 1, body: undefined }).join('; '),
    /Row-Count is 2/,
  );
});

t.test('a status that nobody documents is a violation, wherever it comes from', async (t) => {
  for (const [exchange, sentence] of [
    [failure('/nowhere', 'internal'), /GET is not documented here, and was answered 500/],
    [failure('/v1/courses', 'internal', { method: 'PUT' }), /PUT is not documented here/],
    [failure('/nowhere', 'gone'), /was answered 410/],
    [{ ...download(), url: '/nowhere' }, /GET is not documented here, and was answered 200/],
    [failure('/v1/metrics', 'gone'), /the status 410 is not documented/],
    [
      failure('/v1/metrics', 'method-not-allowed', { headers: { allow: 'OPTIONS' } }),
      /GET is documented, and was answered 405/,
    ],
    [
      failure('/v1/courses', 'method-not-allowed', { method: 'PUT' }),
      /405 does not say what is answered/,
    ],
    [
      failure('/nowhere', 'not-found', {
        headers: { ratelimit: undefined, 'ratelimit-policy': undefined },
      }),
      /404 is not counted/,
    ],
    [failure('/nowhere', 'quota-exceeded'), /429 does not say when to come back/],
    [failure('/nowhere', 'unauthorized'), /401 does not say how/],
    [failure('/v1/courses', 'quota-exceeded'), /the header Retry-After is missing/],
    [{ ...preflight, headers: frame }, /OPTIONS has no Allow/],
    [
      { ...preflight, headers: { ...preflight.headers, 'content-length': '0' } },
      /a 204 has a length/,
    ],
    [{ ...preflight, status: 200 }, /OPTIONS was answered 200/],
    [
      { ...download({ 'content-length': '0' }), method: 'HEAD', status: 304, body: undefined },
      /a 304 has a length/,
    ],
  ] as const) {
    t.match(
      contract.violations(exchange).join('; '),
      sentence,
      `${exchange.method} ${exchange.url}`,
    );
  }
});

t.test('a failure is a problem of a kind that is known, and says its own status', async (t) => {
  const url = '/v1/courses/7';
  for (const [exchange, sentence] of [
    [failure(url, 'gone', { members: { status: 404 } }), /says that its status is 404/],
    [failure(url, 'not-found', { status: 410 }), /not-found has the status 410/],
    [failure(url, 'gone', { members: { type: '/problems/unheard-of' } }), /is not known/],
    [failure(url, 'gone', { members: { title: 'Gone' } }), /the title is not that of gone/],
    [
      failure(url, 'gone', { members: { stack: 'at line 1' } }),
      /must NOT have additional properties/,
    ],
    [failure(url, 'gone', { members: { detail: 7 } }), /\/detail must be string/],
    [failure(url, 'gone', { headers: { 'cache-control': 'max-age=9' } }), /a problem may be kept/],
    [
      failure(url, 'gone', { headers: { 'content-type': 'text/html' } }),
      /text\/html, and no problem/,
    ],
    [{ ...failure(url, 'gone'), body: Buffer.from('{') }, /the body is no JSON/],
    [{ ...failure(url, 'gone'), status: 200 }, /a problem has the status 200/],
  ] as const) {
    t.match(contract.violations(exchange).join('; '), sentence);
  }
});

t.test('a member that is not documented is a violation, however open the schema is', async (t) => {
  const open = JSON.parse(JSON.stringify(document)) as {
    components: { schemas: Record<string, { additionalProperties?: boolean }> };
  };
  for (const schema of Object.values(open.components.schemas)) delete schema.additionalProperties;
  const { app } = await serve(t, { ...emptyState(), courses: [course(1)] });
  const { headers, body } = await app.inject('/v1/snapshots/latest');
  const snapshot = JSON.parse(body) as { totals: object };
  const answer = (value: object, fields: Headers = {}): Exchange => {
    const bytes = Buffer.from(JSON.stringify(value));
    return {
      method: 'GET',
      url: '/v1/snapshots/latest',
      status: 200,
      headers: { ...headers, 'content-length': String(bytes.length), ...fields },
      body: bytes,
    };
  };
  for (const each of [contract, new Contract(open)]) {
    t.strictSame(each.violations(answer(snapshot)), []);
    t.match(
      each.violations(answer({ ...snapshot, more: 1 })).join(),
      /additional properties .*more/,
    );
    const totals = { ...snapshot.totals, more: 1 };
    t.match(each.violations(answer({ ...snapshot, totals })).join(), /\/totals .*more/);
    t.match(
      each.violations(answer(snapshot, { 'snapshot-id': '7' })).join(),
      /Snapshot-Id is 7, and snapshot_id 1/,
    );
  }
});

t.test('rows are counted however the file is cut', async (t) => {
  for (const [text, rows] of [
    ['a\r\n', 0],
    ['a\n1\n2\n', 2],
    ['a\n1\n2', 2],
    ['\ufeffa\r\n"x\r\n""y"""\r\n', 1],
  ] as const) {
    const whole = new RowCounter();
    whole.add(Buffer.from(text));
    const cut = new RowCounter();
    for (const byte of Buffer.from(text)) cut.add(Buffer.from([byte]));
    t.equal(whole.rows, rows, JSON.stringify(text));
    t.equal(cut.rows, rows);
  }
});

t.test(
  'what is answered over a connection, and by another process, is looked at too',
  async (t) => {
    const tasks: (() => unknown)[] = [];
    const app = await buildFrame(t, (frame) => {
      frame.get('/hidden', { schema: { hide: true } }, (_request, reply) => {
        reply.header('row-count', 'many').send({ secret: true });
      });
    });
    const findings = holdToContract({ teardown: (task) => tasks.push(task) }, app);
    const url = await listen(app);
    t.equal((await fetch(new URL('/hidden', url))).status, 200);
    const [wrong] = await findings.found();
    t.match(
      wrong?.message,
      /GET \/hidden → 200: .*row-count is not well formed.*not documented here/,
    );
    await t.rejects(app.inject('/hidden'), /not documented here/);

    const before = process.exitCode;
    for (const task of tasks) await task();
    t.equal(process.exitCode, 1, 'and the test file fails');
    process.exitCode = before;

    const proxied: (() => unknown)[] = [];
    const proxy = await startContractProxy({ teardown: (task) => proxied.push(task) }, url);
    const answer = await fetch(new URL('/hidden', proxy));
    t.strictSame(await answer.json(), { secret: true });
    for (const task of proxied) await task();
    t.equal(process.exitCode, 1);
    process.exitCode = before;
  },
);

t.test(
  'a connection that breaks behind the proxy breaks before it, and is no answer',
  async (t) => {
    const server = createServer((request, response) => {
      if (request.url === '/openapi.json') {
        response.end(JSON.stringify(document));
        return;
      }
      response.writeHead(200, { 'content-length': '100' }).write('short');
      setImmediate(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    t.teardown(() => void server.close());
    const { port } = server.address() as { port: number };
    const proxy = await startContractProxy(t, new URL(`http://127.0.0.1:${port}`));
    await t.rejects(fetch(new URL('/v1/courses.csv', proxy)).then((answer) => answer.text()));
  },
);

t.test('findings are of whole answers', async (t) => {
  const findings = new Findings(contract);
  findings.add(Promise.resolve(download()));
  findings.add(Promise.resolve(download({ etag: 'x' })));
  t.equal((await findings.found()).length, 1);
});
