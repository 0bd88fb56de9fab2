import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { usualAddress } from '../openapi/code-samples.ts';
import { isTree, listAt, resolved, treeAt, type Tree } from '../openapi/document-tree.ts';
import {
  asking,
  goodResponse,
  readRecordedExamples,
  recordedAt,
  recordExamples,
} from '../openapi/recorded-examples.ts';
import { addressOf, runningExamples } from '../openapi/running-examples.ts';
import { makeDirectory } from './embedded/holder.ts';
import { listen } from './support/downloads.ts';
import { lacking } from './support/program.ts';
import { buildService } from './support/service.ts';

const run = promisify(execFile);
const adminToken = 'correct-horse-battery-staple-0123456789';
const read = async (name: string) =>
  JSON.parse(await readFile(new URL(`../openapi/${name}`, import.meta.url), 'utf8')) as Tree;
const document = await read('openapi.json');
const document30 = await read('openapi-3.0.json');

t.setTimeout(300_000);

interface Operation {
  readonly template: string;
  readonly method: string;
  readonly operationId: string;
  readonly operation: Tree;
}

function operationsOf(tree: Tree): Operation[] {
  return Object.entries(treeAt(tree, 'paths')).flatMap(([template, path]) =>
    Object.entries(path as Tree).map(([method, operation]) => ({
      template,
      method,
      operationId: String((operation as Tree)['operationId']),
      operation: operation as Tree,
    })),
  );
}

/** The code samples of the document. */
function samples(): { name: string; lang: string; source: string }[] {
  return operationsOf(document).flatMap(({ operationId, operation }) =>
    listAt(operation, 'x-codeSamples').map(({ lang, label, source }) => ({
      name: `${operationId} in ${String(label)} runs as it stands`,
      lang: String(lang),
      source: String(source),
    })),
  );
}

const interpreters: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  Shell: ['bash', '-euo', 'pipefail', '-c'],
  Python: ['python3', '-c'],
  R: ['Rscript', '-e'],
  JavaScript: [process.execPath, '--input-type=module', '-e'],
};

t.test('every operation can be asked in four languages, but for publishing in R', async (t) => {
  for (const { operationId, operation } of operationsOf(document)) {
    const languages = listAt(operation, 'x-codeSamples').map(({ label }) => label);
    const others = ['curl', 'Python', 'JavaScript'];
    const expected = operationId === 'publishSnapshot' ? others : [...others, 'R'];
    t.strictSame([...languages].sort(), expected.sort(), operationId);
  }
});

t.test('every operation, and nothing else, has a running example', async (t) => {
  const ids = operationsOf(document).map(({ operationId }) => operationId);
  t.strictSame(Object.keys(runningExamples).sort(), [...ids].sort());
  t.strictSame(Object.keys(await readRecordedExamples()), ids);
});

t.test('every response with a body has an example, in both documents', async (t) => {
  for (const each of [document, document30]) {
    for (const { operationId, operation } of operationsOf(each)) {
      for (const [status, given] of Object.entries(treeAt(operation, 'responses'))) {
        if (status === '206') continue;
        const content = treeAt(resolved(each, given), 'content');
        for (const [mediaType, media] of Object.entries(content)) {
          const count = Object.keys(treeAt(media as Tree, 'examples')).length;
          if (count === 0) t.fail(`${operationId} ${status} ${mediaType} has no example`);
        }
      }
    }
  }
});

t.test('the examples are what the schemas of 3.0 say, nulls included', async (t) => {
  // Of 3.0 Ajv knows `nullable`; references are looked up by address.
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajvFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document30 });
  let checked = 0;
  for (const { operationId, operation } of operationsOf(document30)) {
    const media = treeAt(
      treeAt(goodResponse(document30, operation), 'content'),
      'application/json',
    );
    if (!isTree(media['schema'])) continue;
    const reference = String(media['schema']['$ref']);
    const { value } = treeAt(treeAt(media, 'examples'), 'demonstration');
    const validate = ajv.getSchema(`document${reference}`);
    checked += 1;
    t.ok(validate?.(value), `${operationId}: ${JSON.stringify(validate?.errors)}`);
  }
  t.ok(checked > 15);
});

t.test('On the demonstration of the day that the examples were recorded', async (t) => {
  const directory = await makeDirectory(t);
  const app = await buildService(
    t,
    { DATA_DIR: directory, ADMIN_TOKEN: adminToken, RATE_LIMIT_PER_MINUTE: '60' },
    { scheduler: false, clock: () => recordedAt, onProgress: () => undefined },
  );
  await app.publisher.loadDemo(() => undefined);
  await t.test('every example of a parameter can be asked with by itself', async (t) => {
    const ask = asking(app, adminToken);
    let asked = 0;
    for (const { template, method, operationId, operation } of operationsOf(document)) {
      if (method !== 'get') continue;
      const { path = {} } = runningExamples[operationId] ?? {};
      for (const given of listAt(operation, 'parameters')) {
        const parameter = resolved(document, given);
        const value = parameter['example'] as string | readonly string[] | undefined;
        if (parameter['in'] !== 'query' || value === undefined) continue;
        const url = addressOf(template, { path, query: { [String(parameter['name'])]: value } });
        asked += 1;
        await t.resolves(ask({ method: 'GET', url, accept: '*/*' }), url);
      }
    }
    t.ok(asked > 50);
  });

  await t.test('every example is what is answered, to the letter', async (t) => {
    const again = await recordExamples(app.swagger(), asking(app, adminToken));
    const recorded = await readRecordedExamples();
    for (const [id, forms] of Object.entries(recorded)) t.strictSame(again[id], forms, id);
  });
  await settled(app);

  const unlimited = await buildService(
    t,
    { DATA_DIR: directory, ADMIN_TOKEN: adminToken },
    { scheduler: false, clock: () => recordedAt, onProgress: () => undefined },
  );
  // As they are made at a publication.
  await unlimited.inject('/v1/datapackage.json');
  await unlimited.exports.settled();
  const address = await listen(unlimited);

  for (const { lang, ...sample } of samples()) {
    const [command, ...args] = interpreters[lang] ?? [];
    if (command === undefined) throw new Error(`nobody knows how to run ${lang}`);
    await t.test(sample.name, { skip: await lacking(command) }, async (t) => {
      const cwd = t.testdir({ '.curlrc': 'fail\nsilent\nshow-error\n' });
      const code = sample.source.replaceAll(usualAddress, address.origin);
      const { stdout } = await run(command, [...args, code], {
        cwd,
        env: { ...process.env, ADMIN_TOKEN: adminToken, CURL_HOME: cwd },
        maxBuffer: 100_000_000,
      });
      const files = (await readdir(cwd)).filter((name) => name.endsWith('.csv'));
      t.ok(stdout.trim() !== '' || files.length === 1, 'shows or keeps what was answered');
    });
  }
  await settled(unlimited);
});

/** Waits for the publication that was asked for last. */
async function settled(app: FastifyInstance): Promise<void> {
  await (
    await app.publisher.start('admin')
  ).finished;
}
