import { resolve } from 'node:path';
import { ESLint } from 'eslint';
import t from 'tap';

const dependencyRule = 'boundaries/dependencies';
const environmentRules = ['no-restricted-properties', 'no-restricted-imports'];
const rules = [dependencyRule, 'boundaries/no-unknown-files', 'no-console', ...environmentRules];

// A house of the same rooms: the rule looks only at where the files of an import stand.
const house = t.testdir({
  'server.ts': '',
  'app.ts': '',
  'config.ts': '',
  commands: { 'import.ts': '' },
  plugins: { 'errors.ts': '', 'database.ts': '', 'scheduler.ts': '', 'cache.ts': '' },
  routes: {
    'health.ts': '',
    v1: { 'index.ts': '', 'courses.ts': '', 'wikis.ts': '' },
    admin: { 'index.ts': '', 'runs.ts': '' },
  },
  jobs: { 'publish.ts': '', 'purge.ts': '' },
  sources: { 'source.ts': '', 'demo.ts': '', 'dashboard-database': { 'address.ts': '' } },
  db: { 'open-database.ts': '', 'connect.ts': '', queries: { 'find-snapshot.ts': '' } },
  csv: { 'records.ts': '' },
  metrics: { 'registry.ts': '', 'totals.ts': '' },
  openapi: { 'generate.ts': '', 'problem.ts': '' },
  bench: { 'run.ts': '' },
  test: { 'app.test.ts': '', support: { 'service.ts': '' } },
});

// The rules under test need no types, and the house is in no TypeScript project.
const eslint = new ESLint({
  cwd: house,
  overrideConfigFile: resolve(import.meta.dirname, '../eslint.config.js'),
  overrideConfig: {
    settings: { 'boundaries/root-path': house },
    languageOptions: { parserOptions: { projectService: false } },
  },
  ruleFilter: ({ ruleId }) => rules.includes(ruleId),
});

async function broken(file: string, source: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(source, { filePath: resolve(house, file) });
  return result?.messages.map(({ ruleId, message }) => ruleId ?? message) ?? ['not linted'];
}

const allowed: readonly (readonly [file: string, source: string])[] = [
  ['server.ts', `import './app.ts'; import './config.ts'; import './db/open-database.ts'`],
  ['server.ts', `import './jobs/publish.ts'; import 'close-with-grace'`],
  ['app.ts', `import './plugins/cache.ts'; import './plugins/scheduler.ts'; import 'fastify'`],
  ['app.ts', `import './routes/v1/index.ts'; import './routes/health.ts'`],
  ['app.ts', `import type { Config } from './config.ts'; export type A = Config`],
  ['config.ts', `import './sources/dashboard-database/address.ts'`],
  ['plugins/scheduler.ts', `import '../jobs/publish.ts'`],
  ['plugins/database.ts', `import '../db/open-database.ts'; import './errors.ts'`],
  ['plugins/cache.ts', `import '../openapi/problem.ts'; import '@fastify/caching'`],
  ['plugins/cache.ts', `import type { Config } from '../config.ts'; export type A = Config`],
  ['routes/v1/index.ts', `import './courses.ts'; import './wikis.ts'`],
  ['routes/admin/index.ts', `import './runs.ts'`],
  ['routes/v1/courses.ts', `import '../../db/queries/find-snapshot.ts'`],
  ['routes/v1/courses.ts', `import '../../openapi/problem.ts'; import '../../plugins/errors.ts'`],
  ['routes/v1/courses.ts', `import '../../metrics/registry.ts'; import '../../csv/records.ts'`],
  [
    'jobs/publish.ts',
    `import '../sources/source.ts'; import '../db/connect.ts'; import './purge.ts'`,
  ],
  ['jobs/publish.ts', `import '../db/queries/find-snapshot.ts'; import '../metrics/registry.ts'`],
  ['db/queries/find-snapshot.ts', `import '../connect.ts'; import '../../metrics/registry.ts'`],
  ['openapi/problem.ts', `import '../metrics/registry.ts'; import '@sinclair/typebox'`],
  ['openapi/generate.ts', `import '../app.ts'; import '../config.ts'`],
  ['metrics/totals.ts', `import './registry.ts'; import { Type } from '@sinclair/typebox'`],
  ['commands/import.ts', `import '../config.ts'; import '../jobs/publish.ts'`],
  ['commands/import.ts', `import '../sources/demo.ts'; import '../db/open-database.ts'`],
  ['test/app.test.ts', `import './support/service.ts'; import '../jobs/publish.ts'`],
  ['test/app.test.ts', `import '../plugins/cache.ts'; import 'fastify'`],
  ['test/support/service.ts', `import '../../app.ts'; import '../../config.ts'`],
  ['bench/run.ts', `import '../server.ts'; import '../db/connect.ts'`],
];

const forbidden: readonly (readonly [file: string, imported: string])[] = [
  ['server.ts', './routes/health.ts'],
  ['server.ts', './plugins/cache.ts'],
  ['app.ts', './server.ts'],
  ['app.ts', './jobs/publish.ts'],
  ['app.ts', './db/connect.ts'],
  ['app.ts', './routes/v1/courses.ts'],
  ['config.ts', './sources/source.ts'],
  ['config.ts', './plugins/cache.ts'],
  ['plugins/cache.ts', '../jobs/publish.ts'],
  ['plugins/cache.ts', '../db/open-database.ts'],
  ['plugins/cache.ts', '../routes/health.ts'],
  ['plugins/scheduler.ts', '../sources/demo.ts'],
  ['routes/v1/courses.ts', './wikis.ts'],
  ['routes/v1/courses.ts', './index.ts'],
  ['routes/v1/courses.ts', '../health.ts'],
  ['routes/v1/index.ts', '../admin/runs.ts'],
  ['routes/admin/index.ts', '../v1/courses.ts'],
  ['routes/v1/courses.ts', '../../db/connect.ts'],
  ['routes/v1/courses.ts', '../../jobs/publish.ts'],
  ['routes/v1/courses.ts', '../../sources/source.ts'],
  ['jobs/publish.ts', '../routes/health.ts'],
  ['jobs/publish.ts', '../plugins/errors.ts'],
  ['jobs/publish.ts', '../config.ts'],
  ['sources/demo.ts', '../db/connect.ts'],
  ['db/connect.ts', '../sources/source.ts'],
  ['db/queries/find-snapshot.ts', '../../openapi/problem.ts'],
  ['openapi/problem.ts', '../db/queries/find-snapshot.ts'],
  ['metrics/totals.ts', '../csv/records.ts'],
  ['metrics/totals.ts', 'node:fs'],
  ['metrics/totals.ts', 'postgres'],
  ['commands/import.ts', '../app.ts'],
  ['app.ts', './test/app.test.ts'],
  ['test/app.test.ts', '../app.ts'],
  ...['jobs/publish.ts', 'sources/demo.ts', 'db/connect.ts', 'db/queries/find-snapshot.ts'].flatMap(
    (file) =>
      ['fastify', 'fastify-plugin', '@fastify/caching'].map((name) => [file, name] as const),
  ),
  ['csv/records.ts', 'fastify'],
  ['metrics/totals.ts', 'fastify'],
];

t.test('what the house allows passes', async (t) => {
  for (const [file, source] of allowed)
    t.same(await broken(file, source), [], `${file}: ${source}`);
});

t.test('an import that the house does not allow is refused, however it is written', async (t) => {
  for (const [file, imported] of forbidden) {
    for (const source of [
      `import '${imported}'`,
      `import type { A } from '${imported}'; export type B = A`,
      `export * from '${imported}'`,
      `await import('${imported}')`,
    ]) {
      t.same(await broken(file, source), [dependencyRule], `${file}: ${source}`);
    }
  }
});

t.test('the configuration and the plugins are known by their types only', async (t) => {
  const types = `import type { A } from '../../plugins/cache.ts'; export type B = A`;
  t.same(await broken('routes/v1/courses.ts', types), []);
  for (const [file, config] of [
    ['app.ts', './config.ts'],
    ['plugins/cache.ts', '../config.ts'],
    ['routes/v1/courses.ts', '../../config.ts'],
    ['routes/v1/courses.ts', '../../plugins/cache.ts'],
    ['routes/health.ts', '../plugins/cache.ts'],
  ] as const) {
    t.same(await broken(file, `import { readConfig } from '${config}'`), [dependencyRule], file);
  }
});

t.test('a file in a place without a rule is refused', async (t) => {
  t.same(await broken('utils/strings.ts', ''), ['boundaries/no-unknown-files']);
});

t.test('only config.ts reads the environment', async (t) => {
  const readings = [
    `export const port = process.env['PORT']`,
    `export const { env } = process`,
    `export { env } from 'node:process'`,
    `import { env } from 'process'; export const port = env`,
  ];
  for (const source of readings) {
    t.same(await broken('config.ts', source), [], source);
    for (const file of ['server.ts', 'plugins/cache.ts', 'jobs/publish.ts', 'commands/import.ts']) {
      const [rule, ...more] = await broken(file, source);
      t.ok(environmentRules.includes(rule ?? ''), `${file}: ${source}`);
      t.same(more, []);
    }
  }
});

t.test('only the server and the commands print', async (t) => {
  const source = `console.log('ready')`;
  for (const file of ['server.ts', 'commands/import.ts'])
    t.same(await broken(file, source), [], file);
  for (const file of ['app.ts', 'plugins/cache.ts', 'routes/health.ts', 'jobs/publish.ts']) {
    t.same(await broken(file, source), ['no-console'], file);
  }
});
