import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { request as httpRequest } from 'node:http';
import t from 'tap';
import zlib from 'node:zlib';
import type { Problem } from '../openapi/problem.ts';
import { CodingChoice, evaluate } from '../plugins/preconditions.ts';
import { Representation } from '../plugins/representation.ts';
import { buildFrame, computedAt, head, listen } from './http-frame.ts';

const body = JSON.stringify({ snapshot_id: 42, totals: { edits: 91_234_567 } }).repeat(20);
const representation = Representation.of(body);
const { tag } = representation;

function routes(app: FastifyInstance): void {
  app.get('/memory', (_request, reply) => {
    reply.answer(representation, head);
  });
  app.get('/async', async (_request, reply) => reply.answer(representation, head));
}

function get(app: FastifyInstance, headers: InjectOptions['headers'] = {}, url = '/memory') {
  return app.inject({ url, headers });
}

t.test('an answer says what it is, and what goes with it', async (t) => {
  const app = await buildFrame(t, routes);
  for (const url of ['/memory', '/async']) {
    const answer = await get(app, {}, url);
    t.equal(answer.statusCode, 200);
    t.equal(answer.body, body);
    t.match(answer.headers, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
      'snapshot-id': '42',
      etag: `"${tag}"`,
      'last-modified': 'Sun, 22 Nov 2026 12:00:00 GMT',
      'cache-control': 'no-cache',
      vary: 'Accept-Encoding',
      link: '<https://creativecommons.org/publicdomain/zero/1.0/>; rel="license"',
    });
    t.equal(answer.headers['content-encoding'], undefined);
  }
});

t.test('each coding has its own strong tag, and decodes to the same body', async (t) => {
  const app = await buildFrame(t, routes);
  const decoders = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };
  for (const coding of ['gzip', 'br'] as const) {
    const answer = await get(app, { 'accept-encoding': coding });
    t.equal(answer.headers['content-encoding'], coding);
    t.equal(answer.headers.etag, `"${tag}-${coding}"`);
    t.equal(answer.headers['content-length'], String(answer.rawPayload.length));
    t.equal(decoders[coding](answer.rawPayload).toString(), body);
  }
});

t.test('the coding is the one that the client weighs most, then the smallest', (t) => {
  const bodies = CodingChoice.ofBodies();
  const streams = CodingChoice.ofStreams();
  const choices: [string | undefined, string, string][] = [
    [undefined, 'identity', 'identity'],
    ['', 'identity', 'identity'],
    ['gzip, deflate, br, zstd', 'br', 'gzip'],
    ['br;q=0.5, gzip;q=0.8', 'gzip', 'gzip'],
    ['gzip;q=0', 'identity', 'identity'],
    ['*', 'br', 'gzip'],
    ['*, br;q=0', 'gzip', 'gzip'],
    ['gzip, identity;q=0', 'gzip', 'gzip'],
    ['br, identity;q=0', 'br', 'identity'],
    ['identity;q=0, *;q=0', 'identity', 'identity'],
    ['identity, gzip;q=0.1', 'identity', 'identity'],
    ['zstd', 'identity', 'identity'],
    ['GZIP', 'gzip', 'gzip'],
  ];
  for (const [field, ofBody, ofStream] of choices) {
    t.equal(bodies.choose(field), ofBody, `${field}: body`);
    t.equal(bodies.choose(field), ofBody, `${field}: body, again`);
    t.equal(streams.choose(field), ofStream, `${field}: stream`);
  }
  t.end();
});

t.test(
  'If-None-Match is compared with the selected coding, by list, weakly, or with *',
  async (t) => {
    const app = await buildFrame(t, routes);
    const hits = [`"${tag}"`, `W/"${tag}"`, `"a", "${tag}"`, `"a",W/"${tag}" , "b"`, '*'];
    for (const field of hits) {
      const answer = await get(app, { 'if-none-match': field });
      t.equal(answer.statusCode, 304, field);
      t.equal(answer.body, '');
      t.match(answer.headers, {
        etag: `"${tag}"`,
        'cache-control': 'no-cache',
        vary: 'Accept-Encoding',
      });
      t.equal(answer.headers['content-length'], undefined);
      t.equal(answer.headers['content-type'], undefined);
    }
    for (const field of ['"a"', tag, `"${tag}-gzip"`, `"${tag}-br"`, '', '"*"']) {
      t.equal((await get(app, { 'if-none-match': field })).statusCode, 200, field);
    }
    const gzip = { 'accept-encoding': 'gzip' };
    t.equal((await get(app, { ...gzip, 'if-none-match': `"${tag}-gzip"` })).statusCode, 304);
    t.equal((await get(app, { ...gzip, 'if-none-match': `"${tag}"` })).statusCode, 200);
  },
);

t.test('Cache-Control of a request does not undo its precondition', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await get(app, { 'if-none-match': `"${tag}"`, 'cache-control': 'no-cache' });
  t.equal(answer.statusCode, 304);
});

t.test(
  'If-Modified-Since counts only without If-None-Match, and only as an HTTP date',
  async (t) => {
    const app = await buildFrame(t, routes);
    const since = (date: string, more = {}) => get(app, { 'if-modified-since': date, ...more });
    t.equal((await since(computedAt.toUTCString())).statusCode, 304);
    t.equal((await since('Sun, 22 Nov 2026 12:00:01 GMT')).statusCode, 200, 'not what was sent');
    t.equal((await since('Sun Nov 22 12:00:00 2026')).statusCode, 304, 'asctime is UTC');
    t.equal((await since('Sunday, 22-Nov-26 12:00:00 GMT')).statusCode, 304);
    t.equal((await since('Sun, 22 Nov 2026 11:59:59 GMT')).statusCode, 200);
    t.equal((await since('2027')).statusCode, 200);
    t.equal((await since('2027-01-01T00:00:00Z')).statusCode, 200);
    t.equal(
      (await since(computedAt.toUTCString(), { 'if-none-match': '"other"' })).statusCode,
      200,
    );
  },
);

t.test('If-Match and If-Unmodified-Since that fail are 412', async (t) => {
  const app = await buildFrame(t, routes);
  for (const field of ['"other"', `W/"${tag}"`]) {
    const answer = await get(app, { 'if-match': field });
    t.equal(answer.statusCode, 412, field);
    t.equal(answer.json<Problem>().type, '/problems/precondition-failed');
    t.equal(answer.headers.etag, undefined);
  }
  for (const field of ['*', `"${tag}"`, `"x", "${tag}"`]) {
    t.equal((await get(app, { 'if-match': field })).statusCode, 200, field);
  }
  const until = (date: string) => get(app, { 'if-unmodified-since': date });
  t.equal((await until('Sun, 22 Nov 2026 11:59:59 GMT')).statusCode, 412);
  t.equal((await until('Sun, 22 Nov 2026 12:00:01 GMT')).statusCode, 200);
  t.equal((await until(computedAt.toUTCString())).statusCode, 200);
  t.equal((await until('whenever')).statusCode, 200);
});

t.test(
  'a 304 at a later date is of what never changes alone, and none of vague dates',
  async (t) => {
    const app = await buildFrame(t, (app) => {
      for (const dates of ['immutable', 'vague'] as const) {
        app.get(`/${dates}`, (_request, reply) => {
          reply.answer(representation, { ...head, dates });
        });
      }
    });
    const status = async (path: string, name: string, moment: Date) =>
      (await get(app, { [name]: moment.toUTCString() }, path)).statusCode;
    const [earlier, later] = [-1000, 1000].map((by) => new Date(computedAt.getTime() + by));
    for (const [moment, since, until] of [
      [earlier, 200, 412],
      [computedAt, 304, 200],
      [later, 304, 200],
    ] as const) {
      if (moment === undefined) continue;
      t.equal(await status('/immutable', 'if-modified-since', moment), since);
      t.equal(await status('/vague', 'if-modified-since', moment), 200);
      for (const path of ['/immutable', '/vague']) {
        t.equal(await status(path, 'if-unmodified-since', moment), until, path);
      }
    }
  },
);

t.test('the same bytes at two addresses have two tags', (t) => {
  const at = (address: string) => Representation.of('{}', undefined, address).tag;
  t.equal(at('/a'), at('/a'));
  t.not(at('/a'), at('/b'));
  t.end();
});

const validatorsOf = (own: string) => ({
  etag: `"${own}"`,
  lastModified: undefined,
  dates: undefined,
});

t.test('a tag matches exactly when it is in the list', (t) => {
  const opaque = fc.stringMatching(/^[a-zA-Z0-9_-]{1,8}$/);
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(fc.array(opaque, { minLength: 1 }), opaque, fc.boolean(), (tags, own, weak) => {
        const field = tags.map((tag) => `${weak ? 'W/' : ''}"${tag}"`).join(', ');
        const verdict = evaluate({ 'if-none-match': field }, validatorsOf(own));
        return (verdict === 'not-modified') === tags.includes(own);
      }),
    );
  });
  t.end();
});

t.test('a 304 has no length, to HEAD either', async (t) => {
  const app = await buildFrame(t, routes);
  const url = await listen(app);
  for (const method of ['GET', 'HEAD'] as const) {
    const headers = { 'if-none-match': `"${tag}"`, 'accept-encoding': 'identity' };
    const answer = await app.inject({ method, url: '/memory', headers });
    t.equal(answer.statusCode, 304);
    t.equal(answer.headers['content-length'], undefined, method);
    const sent = await fetch(new URL('/memory', url), { method, headers });
    t.equal(sent.status, 304);
    t.equal(sent.headers.get('content-length'), null, method);
  }
  const whole = await app.inject({ method: 'HEAD', url: '/memory' });
  t.equal(whole.headers['content-length'], String(body.length));
});

t.test('HEAD says what GET says, without the body', async (t) => {
  const url = await listen(await buildFrame(t, routes));
  for (const coding of ['identity', 'gzip', 'br']) {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) =>
        fetch(new URL('/memory', url), { method, headers: { 'accept-encoding': coding } }),
      ),
    );
    const names = ['etag', 'content-type', 'content-encoding', 'vary', 'link', 'last-modified'];
    for (const name of names) t.equal(head?.headers.get(name), get?.headers.get(name), name);
    t.equal((await head?.arrayBuffer())?.byteLength, 0);
    await get?.arrayBuffer();
  }
  const length = await new Promise((resolve) => {
    httpRequest(new URL('/memory', url), { method: 'HEAD' }, (answer) => {
      resolve(answer.headers['content-length']);
      answer.resume();
    }).end();
  });
  t.equal(length, String(body.length));
});

t.test('a lazy answer is not made for a 304, nor for a 412', async (t) => {
  let made = 0;
  const app = await buildFrame(t, (app) => {
    app.get('/lazy', (_request, reply) =>
      reply.answerLazily({
        tag: '42-0-abc',
        head,
        make: async () => {
          made += 1;
          return Representation.of(body);
        },
      }),
    );
  });
  const first = await get(app, { 'accept-encoding': 'br' }, '/lazy');
  t.equal(first.statusCode, 200);
  t.equal(first.headers.etag, '"42-0-abc-br"');
  t.equal(zlib.brotliDecompressSync(first.rawPayload).toString(), body);
  t.equal(made, 1);
  const again = { 'accept-encoding': 'br', 'if-none-match': '"42-0-abc-br"' };
  t.equal((await get(app, again, '/lazy')).statusCode, 304);
  t.equal((await get(app, { 'if-match': '"41-0-abc"' }, '/lazy')).statusCode, 412);
  t.equal(made, 1);
  const changed = await get(app, { 'if-none-match': '"41-0-abc"' }, '/lazy');
  t.equal(changed.statusCode, 200);
  t.equal(changed.headers['content-type'], 'application/json; charset=utf-8');
  t.equal(made, 2);
});

t.test('text beyond ASCII, long text and bytes arrive as they are', async (t) => {
  const bodies = ['{"title":"Éditathon 女性"}', 'x'.repeat(100_000), '\u007f', '\u0080'];
  const url = await listen(
    await buildFrame(t, (app) => {
      for (const [n, text] of bodies.entries()) {
        const made = Representation.of(text);
        app.get(`/of/${n}`, (_request, reply) => {
          reply.answer(made, head);
        });
      }
    }),
  );
  for (const [n, text] of bodies.entries()) {
    for (const coding of ['identity', 'gzip', 'br']) {
      const headers = { 'accept-encoding': coding };
      const answer = await fetch(new URL(`/of/${n}`, url), { headers });
      t.equal(answer.headers.get('content-encoding') ?? 'identity', coding);
      t.ok((await answer.text()) === text, `${n} ${coding}`);
    }
  }
});

t.test('the same representation can be answered under different heads', async (t) => {
  const app = await buildFrame(t, (app) => {
    app.get<{ Params: { id: string } }>('/of/:id', (request, reply) => {
      reply.answer(representation, { ...head, snapshotId: Number(request.params.id) });
    });
  });
  for (const id of ['1', '2', '1']) {
    t.equal((await get(app, {}, `/of/${id}`)).headers['snapshot-id'], id);
  }
});

t.test('the same bytes have the same tag, and others another', (t) => {
  t.equal(Representation.of('a').tag, Representation.of(Buffer.from('a')).tag);
  t.not(Representation.of('a').tag, Representation.of('b').tag);
  t.match(Representation.of('a').tag, /^[A-Za-z0-9_-]{22}$/);
  t.end();
});
