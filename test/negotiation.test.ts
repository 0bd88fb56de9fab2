import t from 'tap';
import type { Problem } from '../openapi/problem.ts';
import { MediaChoice } from '../plugins/media-choice.ts';
import { course, emptyState, sourceOf } from './support/courses.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

const adminToken = 'correct-horse-battery-staple-0123456789';

const store = await createStore(t);
const clock = new TestClock();
await publish(store, sourceOf({ ...emptyState(), courses: [course(1)] }), clock);
const app = await createService(t, store, clock, { ADMIN_TOKEN: adminToken });

t.test('a type is chosen by Accept, and what names none rules none out', (t) => {
  const choice = new MediaChoice(['application/json', 'application/problem+json']);
  const cases: readonly (readonly [accept: string | undefined, isAccepted: boolean])[] = [
    [undefined, true],
    ['*/*', true],
    ['application/*', true],
    ['application/json', true],
    ['APPLICATION/JSON', true],
    ['application/json; charset=utf-8', true],
    ['application/json;odata=verbose;q=0.5', true],
    ['application/json;profile="a,b"', true],
    ['application/problem+json', true],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', true],
    ['application/json;q=x', true],
    ['', true],
    [';;;', true],
    ['garbage', true],
    ['a'.repeat(5_000), true],
    ['application/xml', false],
    ['text/*', false],
    ['text/html, application/xml;q=0.9', false],
    ['application/json;q=0', false],
    ['application/json; q=0', false],
    ['application/json ; charset=utf-8 ; q=0.000', false],
    ['application/json;q=0, application/problem+json;q=0, */*', false],
    ['application/*;q=0', false],
    ['*/*;q=0', false],
    ['application/vnd.api+json', false],
  ];
  for (const [accept, isAccepted] of cases) {
    for (const time of ['at first', 'and again']) {
      t.equal(choice.choose(accept) !== undefined, isAccepted, `${String(accept)}, ${time}`);
    }
  }
  t.end();
});

t.test('JSON is ruled out by name beside anything else, too', async (t) => {
  for (const [accept, status] of [
    ['application/json;q=0, */*', 406],
    ['application/json;q=0, application/problem+json', 200],
    ['application/problem+json', 200],
    ['application/*', 200],
  ] as const) {
    const { statusCode } = await app.inject({ url: '/v1/totals', headers: { accept } });
    t.equal(statusCode, status, accept);
  }
});

t.test('JSON that Accept rules out is a 406, on every operation that answers JSON', async (t) => {
  const { paths } = app.swagger() as unknown as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  };
  let refused = 0;
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      const url = path.replace(/\{[^}]*\}/, '1').replace('campaigns/1', 'campaigns/none');
      const isOperators = path.startsWith('/v1/admin');
      const headers = {
        accept: 'application/xml',
        ...(isOperators ? { authorization: `Bearer ${adminToken}` } : {}),
      };
      const verb = method.toUpperCase() as 'GET' | 'POST';
      const answer = await app.inject({ method: verb, url, headers });
      const isJson = JSON.stringify(responses['200'] ?? responses['202']).includes('json"');
      const isFree = path.startsWith('/health') || path === '/metrics';
      t.equal('406' in responses, isJson && !isFree, `${method} ${path} documents it`);
      if (!('406' in responses)) {
        t.equal(answer.statusCode, 200, url);
        continue;
      }
      // What is not there is not there in any form; nor is what is still being made.
      if (answer.statusCode === 404) continue;
      refused += 1;
      t.equal(answer.statusCode, 406, `${method} ${url}`);
      t.equal(answer.headers['content-type'], 'application/problem+json');
      t.match(answer.json<Problem>(), { type: '/problems/not-acceptable', status: 406 });
      for (const name of ['etag', 'snapshot-id', 'link']) t.notOk(name in answer.headers, name);
    }
  }
  t.ok(refused > 12);
  const { items } = (
    await app.inject({ url: '/v1/admin/runs', headers: { authorization: `Bearer ${adminToken}` } })
  ).json<{ items: object[] }>();
  t.equal(items.length, 1, 'nothing was begun');
});

t.test('usual values of Accept change nothing', async (t) => {
  const url = '/v1/snapshots/latest';
  const plain = await app.inject(url);
  for (const accept of ['*/*', 'application/*', 'application/json', 'application/problem+json']) {
    const answer = await app.inject({ url, headers: { accept } });
    t.equal(answer.statusCode, 200, accept);
    t.equal(answer.body, plain.body);
    t.equal(answer.headers.vary, 'Accept-Encoding');
  }
  const head = await app.inject({ method: 'HEAD', url, headers: { accept: 'application/xml' } });
  t.equal(head.statusCode, 406);
  const condition = { 'if-none-match': String(plain.headers.etag), accept: 'application/xml' };
  t.equal((await app.inject({ url, headers: condition })).statusCode, 406);
});

t.test('files, pages and health are for anybody, and errors are problems', async (t) => {
  const headers = { accept: 'application/xml, application/json;q=0, text/csv;q=0' };
  for (const url of [
    '/v1/snapshots.csv',
    '/v1/totals.csv',
    '/v1/trends.csv',
    '/v1/activity.csv',
    '/v1/courses.csv',
    '/v1/campaigns.csv',
    '/v1/wikis.csv',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/problems/not-acceptable',
    '/',
  ]) {
    t.equal((await app.inject({ url, headers })).statusCode, 200, url);
  }
  for (const [url, status] of [
    ['/nowhere', 404],
    ['/v1/courses/999', 404],
    ['/v1/totals?x=1', 400],
  ] as const) {
    const answer = await app.inject({ url, headers });
    t.equal(answer.statusCode, status, url);
    t.equal(answer.headers['content-type'], 'application/problem+json');
  }
});

t.test('a citation comes in the form that Accept prefers, unless format says which', async (t) => {
  const url = '/v1/snapshots/1/citation';
  const csl = 'application/vnd.citationstyles.csl+json';
  const ask = (accept?: string, query = '') =>
    app.inject({ url: url + query, headers: accept === undefined ? {} : { accept } });
  const tags = new Set<unknown>();
  for (const [accept, type] of [
    [undefined, 'text/plain'],
    ['*/*', 'text/plain'],
    ['application/problem+json', 'text/plain'],
    ['text/plain', 'text/plain'],
    ['application/x-bibtex', 'application/x-bibtex'],
    ['text/plain;q=0.5, application/x-bibtex', 'application/x-bibtex'],
    [csl, csl],
    [`text/html, ${csl};q=0.9, */*;q=0.1`, csl],
  ] as const) {
    const answer = await ask(accept);
    t.equal(answer.statusCode, 200, String(accept));
    t.equal(answer.headers['content-type'], `${type}; charset=utf-8`);
    t.equal(answer.headers.vary, 'Accept, Accept-Encoding');
    tags.add(answer.headers.etag);
    const asked = { accept: accept ?? '*/*', 'if-none-match': String(answer.headers.etag) };
    const again = await app.inject({ url, headers: asked });
    t.equal(again.statusCode, 304);
    t.equal(again.headers.vary, 'Accept, Accept-Encoding');
  }
  t.equal(tags.size, 3);
  const refused = await ask('application/xml');
  t.equal(refused.statusCode, 406);
  t.match(refused.json<Problem>().detail, csl);
  const chosen = await ask('application/xml', '?format=bibtex');
  t.equal(chosen.statusCode, 200);
  t.equal(chosen.headers['content-type'], 'application/x-bibtex; charset=utf-8');
  t.equal(chosen.headers.vary, 'Accept-Encoding');
  t.equal((await ask(csl, '?format=text')).body, (await ask()).body);
});
