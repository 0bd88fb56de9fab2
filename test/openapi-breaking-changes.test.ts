import { readFile } from 'node:fs/promises';
import t from 'tap';
import { breakingChanges, majorVersion } from '../openapi/breaking-changes.ts';

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

t.test('the committed document breaks nothing of itself, and has a version', async (t) => {
  const text = await readFile(new URL('../openapi/openapi.json', import.meta.url), 'utf8');
  const document = JSON.parse(text) as object;
  t.strictSame(breakingChanges(document, JSON.parse(text) as object), []);
  t.match(majorVersion(document), /^\d+$/);
});
