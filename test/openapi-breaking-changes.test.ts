import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { breakingChanges, majorVersion } from '../openapi/breaking-changes.ts';
import { releasedForm } from '../openapi/released-form.ts';
import { runProgram } from './support/program.ts';

interface Made {
  operation?: object;
  parameter?: object;
  thing?: object;
  schemas?: object;
}

function made({ operation = {}, parameter = {}, thing = {}, schemas = {} }: Made = {}) {
  const limit = { name: 'limit', in: 'query', schema: { type: 'string', enum: ['a', 'b'] } };
  const media = { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } };
  return {
    info: { version: '1.2.3' },
    paths: {
      '/things': {
        get: {
          operationId: 'listThings',
          parameters: [{ $ref: '#/components/parameters/Limit' }],
          responses: { 200: { content: media } },
          ...operation,
        },
      },
    },
    components: {
      parameters: { Limit: { ...limit, ...parameter } },
      schemas: {
        Thing: {
          type: 'object',
          required: ['n'],
          properties: { n: { type: 'integer' }, s: { type: 'array', items: { type: 'string' } } },
          ...thing,
        },
        ...schemas,
      },
    },
  };
}

const listed = (parameter: object) => ({ operation: { parameters: [parameter] } });
const n = { type: 'integer' };
const s = { type: 'array', items: { type: 'string' } };

t.test('what takes nothing away breaks nothing', async (t) => {
  const additions = [
    made(),
    made({ thing: { required: ['n', 's'], properties: { n, s, added: { type: 'string' } } } }),
    made({ parameter: { schema: { type: 'string', enum: ['a', 'b', 'c'] } } }),
    made({ parameter: { schema: { type: 'string' } } }),
    made({ schemas: { Other: { type: 'object' } } }),
    made(listed({ name: 'limit', in: 'query', schema: { type: 'string' } })),
  ];
  for (const after of additions) t.strictSame(breakingChanges(made(), after), []);
});

t.test('what takes something away is named', async (t) => {
  const limit = 'the query parameter limit';
  const cases: [object, string[]][] = [
    [{ ...made(), paths: {} }, ['GET /things is gone']],
    [
      made({ operation: { operationId: 'things' } }),
      ['GET /things is not called listThings any more'],
    ],
    [made({ operation: { parameters: [] } }), [`GET /things does not know ${limit} any more`]],
    [made({ parameter: { required: true } }), [`GET /things needs ${limit}`]],
    [
      made({ parameter: { schema: { type: 'string', enum: ['a'] } } }),
      [`${limit} of GET /things does not take b any more`],
    ],
    [
      made({ parameter: { schema: { type: 'integer' } } }),
      [`${limit} of GET /things is of another type`],
    ],
    [
      made({ operation: { responses: { 200: { content: { 'text/csv': {} } } } } }),
      ['GET /things does not answer 200 as application/json any more'],
    ],
    [made({ thing: { properties: { n } } }), ['Thing.s is gone']],
    [
      made({ thing: { properties: { n: { type: ['integer', 'null'] }, s } } }),
      ['Thing.n is of another type'],
    ],
    [
      made({ thing: { properties: { n, s: { type: 'array', items: { type: 'integer' } } } } }),
      ['Thing.s[] is of another type'],
    ],
    [made({ thing: { required: [] } }), ['Thing.n may be left out']],
  ];
  for (const [after, changes] of cases) t.strictSame(breakingChanges(made(), after), changes);
});

const text = await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8');
const committed = JSON.parse(text) as object;
const released = JSON.parse(
  await readFile(new URL('../openapi/released.json', import.meta.url), 'utf8'),
) as object;

/** Any part of a document; what is not there makes the test fail where it is changed. */
interface Node {
  [name: string]: Node;
}

/** The document with one thing changed. */
function changed(change: (document: Node) => void): object {
  const document = JSON.parse(text) as Node;
  change(document);
  return document;
}

const get = (document: Node, path: string): Node => document['paths']![path]!['get']!;
const answer = (document: Node, path: string, status = '200'): Node =>
  get(document, path)['responses']![status]!;
const schemas = (document: Node): Node => document['components']!['schemas']!;
const members = (document: Node, name: string): Node => schemas(document)[name]!['properties']!;
const parameter = (document: Node, name: string): Node =>
  document['components']!['parameters']![name]!;
const header = (document: Node, name: string): Node => document['components']!['headers']![name]!;

/** Sets members to what a document could hold, whatever it is. */
function set(node: Node | undefined, values: object): void {
  if (node === undefined) throw new Error('there is nothing to change');
  Object.assign(node, values);
}

function remove(node: Node | undefined, name: string): void {
  if (node?.[name] === undefined) throw new Error(`there is no ${name} to remove`);
  Reflect.deleteProperty(node, name);
}

const breaking: readonly (readonly [
  what: string,
  change: (document: Node) => void,
  sentence: RegExp,
])[] = [
  [
    'a path',
    (d) => {
      remove(d['paths'], '/v1/totals');
    },
    /^GET \/v1\/totals is gone$/,
  ],
  [
    'a server',
    (d) => {
      set(d, { servers: [{ url: 'https://elsewhere.example' }] });
    },
    /^the server \/ is gone$/,
  ],
  [
    'a key that is needed now',
    (d) => {
      set(get(d, '/v1/totals'), { security: [{ apiKey: [] }] });
    },
    /^GET \/v1\/totals does not answer without a key any more$/,
  ],
  [
    'another key',
    (d) => {
      const post = d['paths']!['/v1/admin/snapshots']!['post'];
      set(post, { security: [{ operatorKey: [], apiKey: [] }] });
    },
    /^POST .* does not answer with operatorKey alone any more$/,
  ],
  [
    'a key that is sent in another way',
    (d) => {
      const key = { type: 'apiKey', in: 'header', name: 'X-Key' };
      set(d['components']!['securitySchemes'], { apiKey: key });
    },
    /^the key apiKey is sent in another way$/,
  ],
  [
    'a parameter’s maximum, lowered',
    (d) => {
      set(parameter(d, 'LimitQuery')['schema'], { maximum: 500 });
    },
    /limit of GET \/v1\/courses has the maximum 500, not 1000/,
  ],
  [
    'a parameter’s minimum, raised',
    (d) => {
      set(parameter(d, 'LimitQuery')['schema'], { minimum: 10 });
    },
    /limit of GET .* has the minimum 10, not 1/,
  ],
  [
    'a default, changed',
    (d) => {
      set(parameter(d, 'LimitQuery')['schema'], { default: 50 });
    },
    /limit of GET .* is 50 where it is left out, not 100/,
  ],
  [
    'a default, taken away',
    (d) => {
      remove(parameter(d, 'SnapshotQuery')['schema'], 'default');
    },
    /snapshot of GET .* is none where it is left out, not "latest"/,
  ],
  [
    'a pattern, changed',
    (d) => {
      set(parameter(d, 'SnapshotQuery')['schema'], { pattern: '^latest$' });
    },
    /snapshot of GET .* has the pattern "\^latest\$"/,
  ],
  [
    'a pattern, added',
    (d) => {
      set(parameter(d, 'QQuery')['schema'], { pattern: '^a' });
    },
    /q of GET .* has the pattern "\^a", not none/,
  ],
  [
    'a length, cut',
    (d) => {
      set(parameter(d, 'CampaignQuery')['schema']!['items'], { maxLength: 100 });
    },
    /campaign of GET .* has the maxLength 100, not 300/,
  ],
  [
    'a format, added',
    (d) => {
      set(parameter(d, 'QQuery')['schema'], { format: 'uri' });
    },
    /q of GET .* has the format "uri", not none/,
  ],
  [
    'a format, changed',
    (d) => {
      set(parameter(d, 'FromQuery')['schema'], { format: 'date-time' });
    },
    /from of GET .* has the format "date-time", not "date"/,
  ],
  [
    'a list that may not be as long',
    (d) => {
      set(parameter(d, 'CampaignQuery')['schema'], { maxItems: 3 });
    },
    /campaign of GET .* has the maxItems 3, not none/,
  ],
  [
    'a list that is written otherwise',
    (d) => {
      set(parameter(d, 'CampaignQuery'), { explode: false });
    },
    /campaign of GET .* is written in another way/,
  ],
  [
    'a style',
    (d) => {
      set(parameter(d, 'CampaignQuery'), { style: 'pipeDelimited', explode: true });
    },
    /campaign of GET .* is written in another way/,
  ],
  [
    'a word of a parameter',
    (d) => {
      set(parameter(d, 'GroupByQuery')['schema'], { enum: ['home_wiki', 'wiki'] });
    },
    /group_by of GET \/v1\/totals does not take campaign any more/,
  ],
  [
    'a word of a list',
    (d) => {
      set(parameter(d, 'StatusQuery')['schema']!['items'], { enum: ['current'] });
    },
    /status of GET .* does not take archived any more/,
  ],
  [
    'a parameter that is needed now',
    (d) => {
      set(parameter(d, 'QQuery'), { required: true });
    },
    /GET \/v1\/courses needs the query parameter q/,
  ],
  [
    'a header’s name',
    (d) => {
      remove(answer(d, '/v1/courses')['headers'], 'Snapshot-Id');
    },
    /^GET \/v1\/courses 200 has no Snapshot-Id any more$/,
  ],
  [
    'a header of a shared response',
    (d) => {
      const { responses } = d['components']!;
      remove(responses!['TooManyRequests']!['headers'], 'Retry-After');
    },
    /^GET \/v1\/courses 429 has no Retry-After any more$/,
  ],
  [
    'a header’s type',
    (d) => {
      set(header(d, 'Row-Count')['schema'], { type: 'string' });
    },
    /^Row-Count of GET \/v1\/courses.csv 200 is of another type$/,
  ],
  [
    'a header that may be left out',
    (d) => {
      set(header(d, 'ETag'), { required: false });
    },
    /^ETag of GET \/v1\/courses 200 may be left out$/,
  ],
  [
    'the status 410',
    (d) => {
      remove(get(d, '/v1/courses/{course_id}')['responses'], '410');
    },
    /^GET \/v1\/courses\/\{course_id\} does not answer 410 any more$/,
  ],
  [
    'the status 304',
    (d) => {
      remove(get(d, '/v1/snapshots/latest')['responses'], '304');
    },
    /^GET \/v1\/snapshots\/latest does not answer 304 any more$/,
  ],
  [
    'a status that nobody expects',
    (d) => {
      set(get(d, '/v1/totals')['responses'], { 202: { description: 'Later.' } });
    },
    /^GET \/v1\/totals may answer 202$/,
  ],
  [
    'a media type',
    (d) => {
      const { content } = answer(d, '/v1/courses.csv');
      set(answer(d, '/v1/courses.csv'), { content: { 'text/plain': content!['text/csv'] } });
    },
    /^GET \/v1\/courses.csv does not answer 200 as text\/csv any more$/,
  ],
  [
    'the media type of problems',
    (d) => {
      const problem = d['components']!['responses']!['NotFound']!;
      set(problem, {
        content: { 'application/json': problem['content']!['application/problem+json'] },
      });
    },
    /^GET .* does not answer 404 as application\/problem\+json any more$/,
  ],
  [
    'the schema of an answer',
    (d) => {
      const { content } = answer(d, '/v1/courses');
      set(content!['application/json'], { schema: { $ref: '#/components/schemas/WikiPage' } });
    },
    /^GET \/v1\/courses 200 is of another type$/,
  ],
  [
    'a field',
    (d) => {
      remove(members(d, 'Course'), 'title');
    },
    /^Course.title is gone$/,
  ],
  [
    'a field’s type',
    (d) => {
      set(members(d, 'Course')['course_id'], { type: 'string' });
    },
    /^Course.course_id is of another type$/,
  ],
  [
    'an integer that is any number now',
    (d) => {
      set(members(d, 'Course')['course_id'], { type: 'number' });
    },
    /^Course.course_id is of another type$/,
  ],
  [
    'a field that may be null',
    (d) => {
      set(members(d, 'Metric')['title'], { type: ['string', 'null'] });
    },
    /^Metric.title is of another type$/,
  ],
  [
    'an object that may be null',
    (d) => {
      const source = { $ref: '#/components/schemas/SnapshotSource' };
      set(members(d, 'Snapshot'), { source: { anyOf: [source, { type: 'null' }] } });
    },
    /^Snapshot.source is of another type$/,
  ],
  [
    'another choice',
    (d) => {
      const { anyOf } = members(d, 'Status')['latest']!;
      set(members(d, 'Status')['latest'], {
        anyOf: [...(anyOf as unknown as object[]), { type: 'string' }],
      });
    },
    /^Status.latest may be string$/,
  ],
  [
    'a field that may be left out',
    (d) => {
      set(schemas(d)['Course'], { required: ['course_id'] });
    },
    /^Course.title may be left out$/,
  ],
  [
    'a count below nothing',
    (d) => {
      set(members(d, 'Totals')['withdrawn_since'], { minimum: -1 });
    },
    /^Totals.withdrawn_since has the minimum -1, not 0$/,
  ],
  [
    'a count beyond what readers hold',
    (d) => {
      remove(members(d, 'Totals')['withdrawn_since'], 'maximum');
    },
    /^Totals.withdrawn_since has the maximum none, not 9007199254740991$/,
  ],
  [
    'the format of a field',
    (d) => {
      remove(members(d, 'Snapshot')['computed_at'], 'format');
    },
    /^Snapshot.computed_at has the format none, not "date-time"$/,
  ],
  [
    'a word of the states of runs',
    (d) => {
      const { state } = members(d, 'Run');
      set(state, { enum: [...(state!['enum'] as unknown as string[]), 'paused'] });
    },
    /^Run.state may be paused$/,
  ],
  [
    'a word of the statuses of courses',
    (d) => {
      const { status } = members(d, 'Course');
      set(status, { enum: [...(status!['enum'] as unknown as string[]), 'cancelled'] });
    },
    /^Course.status may be cancelled$/,
  ],
  [
    'words that may be any',
    (d) => {
      remove(members(d, 'Metric')['kind'], 'enum');
    },
    /^Metric.kind may be any word$/,
  ],
  [
    'what a list is of',
    (d) => {
      set(members(d, 'CoursePage')['items'], { items: { $ref: '#/components/schemas/Wiki' } });
    },
    /^CoursePage.items\[\] is of another type$/,
  ],
  [
    'a component’s name',
    (d) => {
      set(schemas(d), { Programme: schemas(d)['Course'] });
      remove(schemas(d), 'Course');
    },
    /^the schema Course is gone$/,
  ],
];

const harmless: readonly (readonly [what: string, change: (document: Node) => void])[] = [
  [
    'descriptions and examples',
    (d) => {
      set(get(d, '/v1/totals'), { description: 'Other words.', summary: 'Other words' });
      set(members(d, 'Course')['title'], { description: 'Other words.', examples: ['x'] });
      set(answer(d, '/v1/totals')['content']!['application/json'], { example: {} });
      set(d['info'], { contact: { email: 'a@example.org' } });
    },
  ],
  [
    'another field and component',
    (d) => {
      set(members(d, 'Course'), { added: { $ref: '#/components/schemas/Added' } });
      set(schemas(d), { Added: { type: 'string' } });
    },
  ],
  [
    'an object that may have more members',
    (d) => {
      for (const schema of Object.values(schemas(d))) {
        Reflect.deleteProperty(schema, 'additionalProperties');
      }
    },
  ],
  [
    'another path, and an optional parameter',
    (d) => {
      set(d['paths'], { '/v1/added': d['paths']!['/v1/totals'] });
      const { parameters } = get(d, '/v1/totals');
      const added = { name: 'added', in: 'query', schema: { type: 'string', maxLength: 3 } };
      set(get(d, '/v1/totals'), { parameters: [...(parameters as unknown as object[]), added] });
    },
  ],
  [
    'a parameter that takes more',
    (d) => {
      set(parameter(d, 'LimitQuery')['schema'], { maximum: 2000, minimum: 0 });
      remove(parameter(d, 'SnapshotQuery')['schema'], 'pattern');
      set(parameter(d, 'CampaignQuery')['schema']!['items'], { maxLength: 3000 });
    },
  ],
  [
    'words of a parameter, and of a field that is not closed',
    (d) => {
      const { schema } = parameter(d, 'GroupByQuery');
      set(schema, { enum: [...(schema!['enum'] as unknown as string[]), 'institution'] });
      const { kind } = members(d, 'Metric');
      set(kind, { enum: [...(kind!['enum'] as unknown as string[]), 'ratio'] });
    },
  ],
  [
    'another header, media type, server and key',
    (d) => {
      set(answer(d, '/v1/totals')['headers'], { Added: { schema: { type: 'string' } } });
      set(answer(d, '/v1/totals')['content'], { 'application/cbor': {} });
      set(d, { servers: [{ url: 'https://elsewhere.example' }, { url: '/' }] });
      set(get(d, '/v1/totals'), { security: [{}, { apiKey: [] }, { operatorKey: [] }] });
    },
  ],
  [
    'what is never null or missing any more',
    (d) => {
      set(members(d, 'Course')['institution'], { type: 'string' });
      set(header(d, 'Content-Length'), { required: true });
    },
  ],
];

t.test('every change of the real document that breaks clients is named', async (t) => {
  for (const [what, change, sentence] of breaking) {
    const after = changed(change);
    for (const before of [committed, releasedForm(committed)]) {
      const changes = breakingChanges(before, after);
      t.ok(
        changes.some((each) => sentence.test(each)),
        `${what}: ${changes.slice(0, 3).join('; ')}`,
      );
    }
  }
});

t.test('a change of the real document that breaks nobody is not named', async (t) => {
  for (const [what, change] of harmless) {
    for (const before of [committed, releasedForm(committed)]) {
      t.strictSame(breakingChanges(before, changed(change)), [], what);
    }
  }
});

t.test('the form of a release keeps what is called as prose is', async (t) => {
  const bare = releasedForm(committed) as Node;
  t.ok(members(bare, 'Campaign')['description'], 'a field');
  t.notOk(members(bare, 'Campaign')['description']!['description'], 'and not what is said of it');
  t.notMatch(JSON.stringify(bare), /"(summary|example|externalDocs)":/);
  t.strictSame(releasedForm(bare), bare);
});

t.test('the committed document has a version, and breaks nothing that was released', async (t) => {
  t.match(majorVersion(committed), /^\d+$/);
  t.strictSame(
    breakingChanges(
      committed,
      changed(() => undefined),
    ),
    [],
  );
  t.strictSame(breakingChanges(released, committed), []);
  t.strictSame(releasedForm(released), released, 'which is kept without prose');
});

t.test('the check fails with a sentence for each change that breaks clients', async (t) => {
  // As if that had been released, and the service had then lost it again.
  const earlier = changed((d) => {
    set(d['paths'], { '/v1/lost': { get: get(d, '/v1/totals') } });
    set(parameter(d, 'LimitQuery')['schema'], { maximum: 5000 });
    set(members(d, 'Course'), { lost: { type: 'string' } });
    set(get(d, '/v1/metrics')['responses'], { 410: { description: 'Gone.' } });
  });
  const directory = t.testdir({
    'earlier.json': JSON.stringify(releasedForm(earlier)),
    'next.json': JSON.stringify({ ...earlier, info: { version: '99.0.0' } }),
  });
  const check = (file: string) =>
    runProgram(t, ['openapi/generate.ts', '--check', '--against', join(directory, file)], {});
  const { code, errors } = await check('earlier.json');
  t.equal(code, 1);
  const lines = errors.trimEnd().split('\n');
  const say = 'This breaks clients, so it takes a new major version: ';
  for (const change of [
    'GET /v1/lost is gone',
    'the query parameter limit of GET /v1/courses has the maximum 1000, not 5000',
    'Course.lost is gone',
    'GET /v1/metrics does not answer 410 any more',
  ]) {
    t.equal(lines.filter((line) => line === say + change).length, 1, change);
  }
  t.ok(
    lines.every((line) => line.startsWith(say)),
    errors,
  );
  const next = await check('next.json');
  t.equal(next.code, 0, next.errors);
});
