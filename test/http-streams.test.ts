import type { FastifyInstance } from 'fastify';
import { EventEmitter, once } from 'node:events';
import { createConnection } from 'node:net';
import { Readable } from 'node:stream';
import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import { buildFrame, head, listen } from './http-frame.ts';

const line = `${'1234567890,'.repeat(90)}\r\n`;

interface Source {
  readonly stream: Readable;
  /** Resolves when the generator's own clean-up ran: no cursor is left behind. */
  readonly released: Promise<void>;
}

/** `count` lines, endlessly when it is left out; fails before line `failAt`. */
function lines({ count = Infinity, failAt = Infinity }): Source {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  async function* generate() {
    try {
      for (let number = 0; number < count; number += 1) {
        if (number === failAt) throw new Error('the disk said: secret');
        yield line;
        // The event loop turns between lines, as it does between rows of a database.
        await new Promise(setImmediate);
      }
    } finally {
      release();
    }
  }
  return { stream: Readable.from(generate(), { objectMode: false }), released };
}

function download(app: FastifyInstance, path: string, open: () => Readable | Promise<Readable>) {
  app.get(path, async (_request, reply) =>
    reply.answerStream({
      tag: 'courses-42-0',
      head,
      contentType: 'text/csv; charset=utf-8; header=present',
      extraHeaders: {
        'content-disposition': 'attachment; filename="courses-42.csv"',
        'row-count': '100',
      },
      open,
    }),
  );
}

t.test('a download is whole, with its headers, plain or gzipped', async (t) => {
  const url = await listen(
    await buildFrame(t, (app) => download(app, '/csv', () => lines({ count: 100 }).stream)),
  );
  for (const [accept, coding] of [
    ['identity', null],
    ['gzip, br', 'gzip'],
    ['br', null],
  ] as const) {
    const answer = await fetch(new URL('/csv', url), { headers: { 'accept-encoding': accept } });
    t.equal(answer.status, 200);
    t.equal(await answer.text(), line.repeat(100));
    t.equal(answer.headers.get('content-encoding'), coding);
    t.equal(answer.headers.get('etag'), coding === null ? '"courses-42-0"' : '"courses-42-0-gzip"');
    t.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
    t.equal(answer.headers.get('row-count'), '100');
    t.equal(answer.headers.get('snapshot-id'), '42');
    t.equal(answer.headers.get('content-length'), null);
  }
});

t.test('HEAD and a 304 do not open the stream', async (t) => {
  let opened = 0;
  const url = await listen(
    await buildFrame(t, (app) => {
      download(app, '/csv', () => {
        opened += 1;
        return lines({ count: 1 }).stream;
      });
    }),
  );
  const address = new URL('/csv', url);
  const headed = await fetch(address, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
  t.equal(headed.status, 200);
  t.equal(headed.headers.get('etag'), '"courses-42-0-gzip"');
  t.equal(headed.headers.get('content-encoding'), 'gzip');
  const same = { 'accept-encoding': 'identity', 'if-none-match': '"courses-42-0"' };
  t.equal((await fetch(address, { headers: same })).status, 304);
  t.equal(opened, 0);
});

t.test('what fails before the first byte is a problem', async (t) => {
  const url = await listen(
    await buildFrame(t, (app) => {
      download(app, '/at-once', () => Promise.reject(new Error('secret')));
      download(app, '/at-first', () => lines({ failAt: 0 }).stream);
    }),
  );
  for (const path of ['/at-once', '/at-first']) {
    for (const coding of ['identity', 'gzip']) {
      const answer = await fetch(new URL(path, url), { headers: { 'accept-encoding': coding } });
      t.equal(answer.status, 500, `${path} ${coding}`);
      t.equal(answer.headers.get('content-type'), 'application/problem+json');
      t.equal(((await answer.json()) as Problem).type, '/problems/internal');
      const left = ['etag', 'content-encoding', 'content-disposition', 'row-count', 'snapshot-id'];
      t.strictSame(
        left.filter((name) => answer.headers.has(name)),
        [],
      );
    }
  }
});

t.test('what fails later breaks the connection: a short file never looks whole', async (t) => {
  const sources: Source[] = [];
  const url = await listen(
    await buildFrame(t, (app) => {
      download(app, '/csv', () => {
        const source = lines({ failAt: 200 });
        sources.push(source);
        return source.stream;
      });
    }),
  );
  for (const coding of ['identity', 'gzip']) {
    const answer = await fetch(new URL('/csv', url), { headers: { 'accept-encoding': coding } });
    t.equal(answer.status, 200);
    await t.rejects(answer.text(), { message: 'terminated' }, coding);
  }
  t.equal(sources.length, 2);
  await Promise.all(sources.map(({ released }) => released));
});

t.test('an HTTP/1.0 client, which has only the end of the connection, sees a reset', async (t) => {
  const url = await listen(
    await buildFrame(t, (app) => download(app, '/csv', () => lines({ failAt: 200 }).stream)),
  );
  const socket = createConnection(Number(url.port), url.hostname);
  socket.write('GET /csv HTTP/1.0\r\n\r\n');
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  t.equal(error.code, 'ECONNRESET');
  t.match(Buffer.concat(received).toString(), /^HTTP\/1\.1 200 OK\r\n/);
});

t.test('a client that leaves ends the source', async (t) => {
  const sources: Source[] = [];
  const url = await listen(
    await buildFrame(t, (app) => {
      download(app, '/csv', () => {
        const source = lines({});
        sources.push(source);
        return source.stream;
      });
    }),
  );
  for (const coding of ['identity', 'gzip']) {
    const leaving = new AbortController();
    const answer = await fetch(new URL('/csv', url), {
      headers: { 'accept-encoding': coding },
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    const source = sources.at(-1);
    await source?.released;
    t.equal(source?.stream.destroyed, true, coding);
  }
});

t.test('a client that leaves before the source is open ends it too', async (t) => {
  const { stream, released } = lines({});
  const gate = new EventEmitter();
  const url = await listen(
    await buildFrame(t, (app) => {
      download(app, '/csv', async () => {
        gate.emit('asked');
        await once(gate, 'open');
        // Reading has begun: only then is there something to release.
        await once(stream, 'readable');
        return stream;
      });
      app.addHook('onRequestAbort', (_request, done) => {
        gate.emit('left');
        done();
      });
    }),
  );
  const socket = createConnection(Number(url.port), url.hostname);
  const asked = once(gate, 'asked');
  socket.write('GET /csv HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked;
  const left = once(gate, 'left');
  socket.destroy();
  await left;
  gate.emit('open');
  await released;
  t.equal(stream.destroyed, true);
});
