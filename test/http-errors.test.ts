import postgres from 'postgres';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import type { FastifyInstance } from 'fastify';
import { connect } from '../db/connect.ts';
import { type Problem, problemTypes, type ProblemType } from '../openapi/problem.ts';
import { ProblemError } from '../plugins/errors.ts';
import problems from '../routes/problems.ts';
import { buildFrame, head, listen } from './http-frame.ts';
import { createStore } from './support/store.ts';

const types: readonly ProblemType[] = Object.values(problemTypes);

function routes(app: FastifyInstance): void {
  app.get('/things/:thing_id', (_request, reply) => {
    reply.send({ ok: true });
  });
  app.post('/things/:thing_id', (_request, reply) => {
    reply.send({ ok: true });
  });
  app.get('/gone', () => {
    throw ProblemError.gone('Course 7 was withdrawn.');
  });
  app.get('/broken', (_request, reply) => {
    reply.header('etag', '"x"').header('snapshot-id', '3').header('content-encoding', 'gzip');
    throw new Error('the password is 12345');
  });
}

async function raw(url: URL, text: string): Promise<string> {
  const socket = createConnection(Number(url.port), url.hostname);
  await once(socket, 'connect');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

t.test('a problem has type, title, status, detail and instance, and is not kept', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject('/gone?');
  t.equal(answer.statusCode, 410);
  t.equal(answer.headers['content-type'], 'application/problem+json');
  t.equal(answer.headers['cache-control'], 'no-store');
  t.strictSame(answer.json<Problem>(), {
    type: '/problems/gone',
    title: 'Withdrawn',
    status: 410,
    detail: 'Course 7 was withdrawn.',
    instance: '/gone',
  });
});

t.test('an unknown path is a 404 that repeats only the path', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject('/nowhere?secret=1');
  t.equal(answer.statusCode, 404);
  t.match(answer.json<Problem>(), { type: '/problems/not-found', instance: '/nowhere' });
  t.equal(answer.headers['cache-control'], 'no-store');
  t.equal(answer.headers['access-control-allow-origin'], '*');
});

t.test('another method of a known path is a 405 whose Allow lists what is answered', async (t) => {
  const app = await buildFrame(t, routes);
  for (const method of ['PUT', 'DELETE', 'PATCH'] as const) {
    const answer = await app.inject({ method, url: '/things/a%20b?x=1' });
    t.equal(answer.statusCode, 405, method);
    t.equal(answer.headers.allow, 'GET, HEAD, OPTIONS, POST');
    t.equal(answer.json<Problem>().type, '/problems/method-not-allowed');
  }
  const form = await app.inject({
    method: 'POST',
    url: '/gone',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=b',
  });
  t.equal(form.statusCode, 405, 'whatever the body is');
  t.equal(form.headers.allow, 'GET, HEAD, OPTIONS');
  const nowhere = await app.inject({
    method: 'POST',
    url: '/nowhere',
    headers: { 'content-type': 'text/x-unknown' },
    payload: 'a=b',
  });
  t.equal(nowhere.statusCode, 404);
});

t.test('a 500 says nothing of the inside, and the log says all with the request id', async (t) => {
  const log: Record<string, unknown>[] = [];
  const app = await buildFrame(t, routes, { log });
  const answer = await app.inject('/broken');
  t.equal(answer.statusCode, 500);
  t.notMatch(answer.body, /12345/);
  t.equal(answer.json<Problem>().type, '/problems/internal');
  for (const name of ['etag', 'snapshot-id', 'content-encoding']) {
    t.equal(answer.headers[name], undefined, `${name} is not the error's`);
  }
  const lines = log.filter(({ level }) => level === 50);
  t.equal(lines.length, 1);
  t.match(lines[0], { reqId: String, err: { message: 'the password is 12345' } });
});

t.test('a 4xx is not logged as an error', async (t) => {
  const log: Record<string, unknown>[] = [];
  const app = await buildFrame(t, routes, { log });
  await app.inject('/gone');
  await app.inject('/nowhere');
  t.ok(log.length > 0);
  t.strictSame(
    log.filter(({ level }) => Number(level) >= 40),
    [],
  );
});

t.test('a database that is away is a 503 with Retry-After', async (t: Test) => {
  const refused = postgres({ host: '127.0.0.1', port: 1, max: 1 });
  const noSocket = postgres({ host: '/nonexistent/socket', port: 5432, max: 1 });
  const ended = postgres({ host: '127.0.0.1', port: 1 });
  await ended.end();
  t.teardown(() => Promise.all([refused.end({ timeout: 0 }), noSocket.end({ timeout: 0 })]));
  const { url } = await createStore(t);
  const server = connect({ url }, { max: 2, applicationName: 'test', statementTimeout: 0 });
  t.teardown(() => server.end({ timeout: 1 }));
  const app = await buildFrame(t, (app) => {
    app.get('/refused', () => refused`select 1`);
    app.get('/no-socket', () => noSocket`select 1`);
    app.get('/ended', () => ended`select 1`);
    app.get('/slow', () =>
      server.begin(async (sql) => {
        await sql`set local statement_timeout = 1`;
        return sql`select pg_sleep(5)`;
      }),
    );
    app.get('/killed', () => server`select pg_terminate_backend(pg_backend_pid())`);
    app.get('/full', () =>
      server.unsafe(`do $$ begin raise 'No space left' using errcode = 'disk_full'; end $$`),
    );
    app.get('/wrong', () => server`select no_such_column`);
  });
  for (const path of ['/refused', '/no-socket', '/ended', '/slow', '/full', '/killed']) {
    const answer = await app.inject(path);
    t.equal(answer.statusCode, 503, path);
    t.equal(answer.headers['retry-after'], '5');
    t.equal(answer.headers['cache-control'], 'no-store');
    t.equal(answer.json<Problem>().type, '/problems/unavailable');
    t.equal(/no room/.test(answer.json<Problem>().detail), path === '/full');
  }
  const wrong = await app.inject('/wrong');
  t.equal(wrong.statusCode, 500);
  t.notMatch(wrong.body, /no_such_column/);
});

t.test('what is missing on disk is not a database that is away', async (t) => {
  const app = await buildFrame(t, (app) => {
    app.get('/file', async () => {
      const { readFile } = await import('node:fs/promises');
      return readFile('/nonexistent/file');
    });
  });
  t.equal((await app.inject('/file')).statusCode, 500);
});

t.test('an address that cannot be decoded is a 400 problem', async (t) => {
  const app = await buildFrame(t, routes);
  for (const [url, instance] of [
    ['/%zz', '/%25zz'],
    ['/things/%ff', '/things/%ff'],
  ] as const) {
    const answer = await app.inject(url);
    t.equal(answer.statusCode, 400, url);
    t.equal(answer.headers['content-type'], 'application/problem+json');
    t.match(answer.json<Problem>(), { type: '/problems/bad-request', instance });
  }
});

t.test('a part of the path that is too long is a 414 problem', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject(`/things/${'a'.repeat(5000)}`);
  t.equal(answer.statusCode, 414);
  t.equal(answer.json<Problem>().type, '/problems/address-too-long');
  t.equal((await app.inject(`/things/${'%E2%82%AC'.repeat(255)}`)).statusCode, 200);
});

t.test('bytes that are not HTTP, and headers beyond measure, are problems too', async (t) => {
  const url = await listen(await buildFrame(t, routes));
  const garbage = await raw(url, 'this is not HTTP\r\n\r\n');
  t.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/);
  for (const field of [
    /^Content-Type: application\/problem\+json\r$/m,
    /^Date: \w+, \d\d \w+ \d{4} \d\d:\d\d:\d\d GMT\r$/m,
    /^Access-Control-Allow-Origin: \*\r$/m,
    /^Access-Control-Expose-Headers: Accept-Ranges, /m,
    /^X-Content-Type-Options: nosniff\r$/m,
    /^Connection: close\r$/m,
  ]) {
    t.match(garbage, field);
  }
  const overflow = await raw(url, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
  t.match(overflow, /^HTTP\/1\.1 431 /);
  t.match(overflow, /"type":"\/problems\/headers-too-large"/);
});

t.test('an address that is typed as it is read says what to encode, and where', async (t) => {
  const url = await listen(await buildFrame(t, routes));
  const problem = async (target: string) => {
    const answer = await raw(url, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, target);
    return JSON.parse(answer.slice(answer.indexOf('{'))) as Problem;
  };
  const { type, errors } = await problem('/things/1?limit=1&q=a%20école&sort=x');
  t.equal(type, '/problems/invalid-parameter');
  const detail = 'must be percent-encoded: é is %C3%A9';
  t.same(errors, [{ in: 'query', name: 'q', detail }]);
  t.match(await problem('/things/日本?q=a'), {
    type: '/problems/bad-request',
    detail: 'The address must be percent-encoded: 日 is %E6%97%A5.',
  });
  t.match(await problem('/things/1?q\u{1f600}=1'), { detail: /: \u{1f600} is %F0%9F%98%80\.$/u });
  t.match(await problem('/things/\u{fffd}'), { detail: /is not percent-encoded UTF-8/ });
  t.match(await problem('/things/日本?q=é'), { instance: '/things/%E6%97%A5%E6%9C%AC' });
  t.match(await problem('/things/1?q=two words'), {
    detail: 'The address has a space, which must be percent-encoded: %20.',
    instance: '/things/1',
  });
  t.match(await raw(url, 'HEAD /things/é HTTP/1.1\r\nHost: a\r\n\r\n'), /close\r\n\r\n$/);
});

t.test('a method that nobody knows is like any that is not answered', async (t) => {
  const url = await listen(await buildFrame(t, routes));
  const ask = (line: string) => raw(url, `${line}\r\nHost: a\r\n\r\n`);
  const refused = await ask('FETCH /things/1?a=1 HTTP/1.1');
  t.match(refused, /^HTTP\/1\.1 405 Method Not Allowed\r\n/);
  t.match(refused, /^Allow: GET, HEAD, OPTIONS, POST\r$/m);
  t.match(refused, /"detail":"FETCH is not answered here; .*"instance":"\/things\/1"/);
  for (const line of ['FETCH /nowhere HTTP/1.1', 'FETCH /%zz HTTP/1.1', 'FETCH /things/1 SMTP']) {
    t.match(await ask(line), /^HTTP\/1\.1 400 Bad Request\r\n/, line);
  }
});

t.test('a body that cannot be read is a 4xx problem', async (t) => {
  const app = await buildFrame(t, routes);
  const post = (type: string, payload: string) =>
    app.inject({ method: 'POST', url: '/things/1', headers: { 'content-type': type }, payload });
  t.equal((await post('application/json', '{')).json<Problem>().type, '/problems/bad-request');
  t.equal((await post('text/csv', 'a')).json<Problem>().type, '/problems/unsupported-media-type');
  const large = await post('application/json', `"${'a'.repeat(1_100_000)}"`);
  t.equal(large.json<Problem>().type, '/problems/payload-too-large');
});

t.test('every type of problem has a page, and no page calls elsewhere', async (t) => {
  const app = await buildFrame(t, (app) => app.register(problems));
  for (const { slug, title, uri } of types) {
    const answer = await app.inject(`/problems/${slug}`);
    t.equal(answer.statusCode, 200, slug);
    t.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
    t.ok(answer.body.includes(title));
    t.notMatch(answer.body, /(?:src|href)="(?!\/)/);
    t.equal(uri, `/problems/${slug}`);
  }
  t.equal((await app.inject('/problems?utm_source=x')).statusCode, 200);
});

t.test('an error after an answer was prepared does not carry the answer’s headers', async (t) => {
  const app = await buildFrame(t, (app) => {
    app.get('/late', (_request, reply) =>
      reply.answerLazily({
        tag: 'late',
        head,
        make: () => Promise.reject(new Error('inside')),
      }),
    );
  });
  const answer = await app.inject('/late');
  t.equal(answer.statusCode, 500);
  t.strictSame(
    ['etag', 'last-modified', 'snapshot-id', 'link'].filter((name) => name in answer.headers),
    [],
  );
});
