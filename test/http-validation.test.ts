import { Type } from '@sinclair/typebox';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import type { ParameterProblem, Problem } from '../openapi/problem.ts';
import { nearestName } from '../plugins/nearest-name.ts';
import { malformedNames, parseQueryString } from '../plugins/query-string.ts';
import { isDay } from '../plugins/request-validation.ts';
import { snapshotProperty } from '../openapi/filters.ts';
import { buildFrame } from './http-frame.ts';

const Interval = Type.Unsafe<string>({
  $id: 'Interval',
  type: 'string',
  enum: ['all', 'day', 'week', 'month', 'year'],
});

function routes(app: FastifyInstance): void {
  app.addSchema(Interval);
  app.get(
    '/list/:id',
    {
      schema: {
        params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
        querystring: Type.Object({
          limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          from: Type.Optional(Type.String({ format: 'date' })),
          interval: Type.Optional(Type.Ref('Interval')),
          wiki: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 3 })),
          years: Type.Optional(Type.Array(Type.Integer())),
          exact: Type.Optional(Type.Boolean()),
          q: Type.Optional(Type.String({ minLength: 1, maxLength: 10 })),
        }),
      },
    },
    (request, reply) => {
      reply.send({ query: request.query, params: request.params });
    },
  );
  app.post(
    '/things',
    {
      schema: {
        body: Type.Object(
          { name: Type.String(), count: Type.Integer() },
          { additionalProperties: false },
        ),
      },
    },
    (_request, reply) => {
      reply.send({ ok: true });
    },
  );
  app.get('/plain', (_request, reply) => {
    reply.send({ ok: true });
  });
  app.get('/page', { config: { anyQuery: true } }, (_request, reply) => {
    reply.send({ ok: true });
  });
}

async function problemsOf(app: FastifyInstance, url: string): Promise<ParameterProblem[]> {
  const answer = await app.inject(url);
  const problem = answer.json<Problem>();
  if (problem.type !== '/problems/invalid-parameter') throw new Error(`${url}: ${answer.body}`);
  return problem.errors ?? [];
}

t.test('a whole number is only what is written as one', async (t) => {
  const app = await buildFrame(t, routes);
  for (const text of ['abc', '', ' 5', '+5', '5 ', '0x10', '5.0', '1e2', '007', '-0', '٣', 'NaN']) {
    t.strictSame(
      await problemsOf(app, `/list/1?limit=${encodeURIComponent(text)}`),
      [
        {
          in: 'query',
          name: 'limit',
          detail: `must be a whole number from 1 to 1000; got "${text}"`,
        },
      ],
      JSON.stringify(text),
    );
  }
  for (const text of ['0', '-1', '1001', '9007199254740993', '9'.repeat(400)]) {
    const [problem] = await problemsOf(app, `/list/1?limit=${text}`);
    t.match(problem?.detail, /^must be a whole number from 1 to 1000; got "/, text);
  }
  t.match((await app.inject('/list/7?limit=1000')).json(), {
    query: { limit: 1000 },
    params: { id: 7 },
  });
  t.match((await app.inject('/list/7')).json(), { query: { limit: 100 } });
});

t.test('a parameter that is not a list may be given only once', async (t) => {
  const app = await buildFrame(t, routes);
  t.strictSame(await problemsOf(app, '/list/1?limit=1&limit=2'), [
    { in: 'query', name: 'limit', detail: 'may be given only once; got 2' },
  ]);
});

t.test('a parameter that is a list may be given once or more', async (t) => {
  const app = await buildFrame(t, routes);
  t.match((await app.inject('/list/1?wiki=a&years=2020')).json(), {
    query: { wiki: ['a'], years: [2020] },
  });
  t.match((await app.inject('/list/1?wiki=a&wiki=b')).json(), { query: { wiki: ['a', 'b'] } });
  t.strictSame(await problemsOf(app, '/list/1?wiki=a&wiki=b&wiki=c&wiki=d&years=1&years=x'), [
    { in: 'query', name: 'years', detail: 'must be a whole number; got "x"' },
    { in: 'query', name: 'wiki', detail: 'may be given at most 3 times' },
  ]);
});

t.test('a day is a day of the calendar', async (t) => {
  const app = await buildFrame(t, routes);
  for (const day of ['2026-02-30', '2025-02-29', '0000-01-01', '2026-1-1', '2026-13-01', 'x']) {
    t.strictSame(
      await problemsOf(app, `/list/1?from=${day}`),
      [
        {
          in: 'query',
          name: 'from',
          detail: `must be a day of the calendar, as in 2026-02-28; got "${day}"`,
        },
      ],
      day,
    );
  }
  for (const day of ['2024-02-29', '0001-01-01', '9999-12-31']) {
    t.equal((await app.inject(`/list/1?from=${day}`)).statusCode, 200, day);
  }
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => isDay(date.toISOString().slice(0, 10)),
      ),
    );
  });
});

t.test('an unknown parameter is an error that names the nearest known one', async (t) => {
  const app = await buildFrame(t, routes);
  t.strictSame(await problemsOf(app, '/list/1?limt=5'), [
    { in: 'query', name: 'limt', detail: 'is not known here; did you mean "limit"?' },
  ]);
  t.strictSame(await problemsOf(app, '/list/1?zzzzzzzz=5'), [
    {
      in: 'query',
      name: 'zzzzzzzz',
      detail: 'is not known here; known are limit, from, interval, wiki, years, exact, q',
    },
  ]);
  t.strictSame(await problemsOf(app, '/plain?a'), [
    { in: 'query', name: 'a', detail: 'is not known here; there are none' },
  ]);
  t.strictSame(
    (await problemsOf(app, '/list/1?__proto__=5&constructor=1')).map(({ name }) => name),
    ['__proto__', 'constructor'],
  );
  t.equal((await app.inject('/page?utm_source=x')).statusCode, 200);
});

t.test('a value that is not one of a list names the list and the nearest', async (t) => {
  const app = await buildFrame(t, routes);
  t.strictSame(await problemsOf(app, '/list/1?interval=weak'), [
    {
      in: 'query',
      name: 'interval',
      detail:
        'must be one of "all", "day", "week", "month", "year"; got "weak", did you mean "week"?',
    },
  ]);
});

t.test('every bad parameter is named, in the path and in the query at once', async (t) => {
  const app = await buildFrame(t, routes);
  const errors = await problemsOf(app, '/list/x?limit=0&exact=yes&q=');
  t.strictSame(
    errors.map((error) => `${error.in} ${error.name} ${error.detail}`),
    [
      'path id must be a whole number of at least 1; got "x"',
      'query exact must be true or false; got "yes"',
      'query limit must be a whole number from 1 to 1000; got "0"',
      'query q must be text of 1 to 10 characters; got ""',
    ],
  );
});

t.test('text that is not percent-encoded UTF-8, or has a U+0000, is an error', async (t) => {
  const app = await buildFrame(t, routes);
  for (const text of ['%zz', '%ff', '%e2%82']) {
    t.strictSame(await problemsOf(app, `/list/1?q=${text}`), [
      { in: 'query', name: 'q', detail: 'is not percent-encoded UTF-8' },
    ]);
  }
  t.strictSame(await problemsOf(app, '/list/1?q=a%00b'), [
    { in: 'query', name: 'q', detail: 'must not contain the character U+0000' },
  ]);
});

t.test('a body is not coerced, and its problems are JSON Pointers', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject({
    method: 'POST',
    url: '/things',
    payload: { count: '5', nam: 'x' },
  });
  t.equal(answer.statusCode, 400);
  t.strictSame(answer.json<Problem>().errors, [
    { in: 'body', name: '/name', detail: 'is required' },
    { in: 'body', name: '/nam', detail: 'is not known here; did you mean "name"?' },
    { in: 'body', name: '/count', detail: 'must be integer; got "5"' },
  ]);
});

t.test('what was sent is cut where it is repeated', async (t) => {
  const app = await buildFrame(t, routes);
  const [problem] = await problemsOf(app, `/list/1?limit=${'x'.repeat(2000)}`);
  t.ok((problem?.detail.length ?? 0) < 200);
});

t.test('a query string is read as URLSearchParams reads it, where that can be written', (t) => {
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string())), (pairs) => {
        const search = new URLSearchParams(pairs);
        const query = parseQueryString(search.toString());
        if (malformedNames(query).length > 0) return false;
        return [...new Set(search.keys())].every(
          (name) => [query[name]].flat().join('\n') === search.getAll(name).join('\n'),
        );
      }),
    );
  });
  t.strictSame({ ...parseQueryString('a&b=&c=1=2&&c=+x') }, { a: '', b: '', c: ['1=2', ' x'] });
  t.end();
});

t.test('the nearest name is near', (t) => {
  t.equal(
    nearestName('en.wikipedia.og', ['en.wikipedia.org', 'fr.wikipedia.org']),
    'en.wikipedia.org',
  );
  t.equal(nearestName('LIMIT', ['limit']), 'limit');
  t.equal(nearestName('ab', ['xy']), undefined);
  t.equal(nearestName('snapshot', ['cursor', 'limit']), undefined);
  t.equal(nearestName('x'.repeat(10_000), ['x']), undefined);
  t.end();
});

t.test(
  'people are told in words what a pattern asks for, and one sign ends a sentence',
  async (t) => {
    const app = await buildFrame(t, (app) => {
      const querystring = Type.Object({ snapshot: Type.Optional(snapshotProperty) });
      app.get('/pinned', { schema: { querystring } }, (_request, reply) => {
        reply.send({});
      });
    });
    for (const text of ['007', '0', 'newest', '']) {
      const { detail } = (await app.inject(`/pinned?snapshot=${text}`)).json<{ detail: string }>();
      t.equal(detail, `"snapshot" must be a snapshot_id, or latest; got "${text}".`);
    }
    const { detail } = (await app.inject('/pinned?snapshpt=1')).json<{ detail: string }>();
    t.equal(detail, '"snapshpt" is not known here; did you mean "snapshot"?');
  },
);
