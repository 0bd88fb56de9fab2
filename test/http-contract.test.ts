import { Type } from '@sinclair/typebox';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import t from 'tap';
import { ParameterProblem, Problem, problemTypes, type ProblemSlug } from '../openapi/problem.ts';
import { problemExample } from '../openapi/problem-examples.ts';
import { problems } from '../openapi/responses.ts';
import { exposedHeaders } from '../plugins/cors.ts';
import docs from '../routes/docs.ts';
import { buildFrame, listen } from './http-frame.ts';

interface Document {
  openapi: string;
  paths: Record<string, { get: { parameters?: unknown; responses: Record<string, unknown> } }>;
  components: { schemas: Record<string, unknown> };
}

function routes(app: FastifyInstance): void {
  app.get(
    '/things',
    {
      schema: {
        operationId: 'listThings',
        response: {
          200: Type.Object({ n: Type.Integer() }),
          400: problems[400],
          404: problems[404],
        },
      },
    },
    (_request, reply) => {
      reply.send({ n: 1 });
    },
  );
}

t.test('any origin may read, and see the headers; none may send credentials', async (t) => {
  const app = await buildFrame(t, routes);
  for (const headers of [{}, { origin: 'https://elsewhere.example' }]) {
    const answer = await app.inject({ url: '/things', headers });
    t.equal(answer.headers['access-control-allow-origin'], '*');
    t.equal(answer.headers['access-control-allow-credentials'], undefined);
    t.equal(answer.headers['access-control-expose-headers'], exposedHeaders.join(', '));
    t.notMatch(answer.headers.vary, /origin/i);
  }
});

t.test('a preflight lets conditional reads through, and no writes', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject({
    method: 'OPTIONS',
    url: '/things',
    headers: {
      origin: 'https://elsewhere.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'if-none-match, authorization',
    },
  });
  t.equal(answer.statusCode, 204);
  t.match(answer.headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD, OPTIONS',
    'access-control-max-age': '86400',
  });
  // A browser does not take the wildcard for Authorization.
  t.equal(answer.headers['access-control-allow-headers'], '*, Authorization');
});

t.test('OPTIONS says what an address answers, and that there is no body', async (t) => {
  const app = await buildFrame(t, (app) => {
    routes(app);
    app.post('/jobs', (_request, reply) => {
      reply.send({ ok: true });
    });
  });
  const url = await listen(app);
  for (const [path, allow] of [
    ['/things', 'GET, HEAD, OPTIONS'],
    ['/things?x=1', 'GET, HEAD, OPTIONS'],
    ['/jobs', 'OPTIONS, POST'],
  ] as const) {
    const answer = await app.inject({ method: 'OPTIONS', url: path });
    t.equal(answer.statusCode, 204);
    t.equal(answer.headers.allow, allow);
    t.equal(answer.headers['content-length'], undefined);
    const sent = await fetch(new URL(path, url), { method: 'OPTIONS' });
    t.equal(sent.status, 204);
    t.equal(sent.headers.get('content-length'), null);
    t.equal(sent.headers.get('transfer-encoding'), null);
  }
});

t.test('OPTIONS where there is nothing is a 404, with a preflight too', async (t) => {
  const app = await buildFrame(t, routes);
  for (const headers of [
    {},
    { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' },
  ]) {
    const answer = await app.inject({ method: 'OPTIONS', url: '/nowhere', headers });
    t.equal(answer.statusCode, 404);
    t.equal(answer.headers['content-type'], 'application/problem+json');
    t.equal(answer.headers.allow, undefined);
    t.equal(answer.headers['access-control-allow-origin'], '*');
  }
  const slash = await app.inject({ method: 'OPTIONS', url: '/things/' });
  t.match(slash.json<{ detail: string }>().detail, 'it is /things.');
});

t.test('data are never taken for a page', async (t) => {
  const app = await buildFrame(t, routes);
  t.match((await app.inject('/things')).headers, {
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-security-policy': undefined,
    'strict-transport-security': undefined,
  });
});

t.test('/openapi.json is OpenAPI 3.1 with components by their names', async (t) => {
  const app = await buildFrame(t, routes);
  const answer = await app.inject({ url: '/openapi.json', headers: { 'if-none-match': '"x"' } });
  t.equal(answer.statusCode, 200);
  const document = answer.json<Document>();
  t.equal(document.openapi, '3.1.0');
  t.hasProps(document.components.schemas, ['Problem', 'ParameterProblem']);
  t.strictSame(Object.keys(document.paths), ['/things']);
  const operation = document.paths['/things']?.get;
  t.strictSame(operation?.parameters ?? [], []);
  t.match(operation?.responses['404'], {
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
  const again = await app.inject({
    url: '/openapi.json',
    headers: { 'if-none-match': String(answer.headers.etag) },
  });
  t.equal(again.statusCode, 304);
});

t.test('a problem is what the document says it is', async (t) => {
  const app = await buildFrame(t, routes);
  const ajv = new Ajv({ strictSchema: false });
  ajvFormats.default(ajv);
  ajv.addSchema(ParameterProblem);
  const isProblem = ajv.compile({ ...Problem, additionalProperties: false });
  for (const url of ['/things?x=1&y=2', '/nowhere', '/%zz']) {
    t.equal(isProblem((await app.inject(url)).json()), true, url);
  }
  for (const slug of Object.keys(problemTypes) as ProblemSlug[]) {
    t.equal(isProblem(problemExample(slug)), true, slug);
  }
});

t.test('/docs is whole from our own address, under a strict policy', async (t) => {
  const app = await buildFrame(t, async (app) => {
    routes(app);
    await app.register(docs);
  });
  const page = await app.inject('/docs?utm_source=x');
  t.equal(page.statusCode, 200);
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  t.equal(page.headers['referrer-policy'], 'no-referrer');
  const policy = String(page.headers['content-security-policy']);
  t.notMatch(policy, /unsafe|https?:|\*/);
  const parts = page.body.matchAll(/<(?:script|link)[^>]* (?:src|href)="([^"]*)"/g);
  const addresses = [...parts].map((match) => match[1]);
  t.ok(addresses.length >= 4);
  t.notMatch(page.body, /<script(?![^>]*src=)|<style|style=|\son[a-z]+=/);
  for (const address of addresses) {
    t.match(address, /^\//);
    const part = await app.inject({ url: String(address), headers: { 'accept-encoding': 'br' } });
    t.equal(part.statusCode, 200, String(address));
    t.equal(part.headers['content-encoding'], 'br');
    t.equal(part.headers['ratelimit'], undefined);
  }
  for (const sheet of ['swagger-ui.css', 'start.css']) {
    const css = (await app.inject(`/docs/${sheet}`)).body;
    t.notMatch(css, /@import|url\(["']?(?!["']?data:)/, sheet);
  }
  t.equal((await app.inject('/docs/nothing.js')).statusCode, 404);
});
