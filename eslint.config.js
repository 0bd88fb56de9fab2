import eslint from '@eslint/js';
import boundaries from 'eslint-plugin-boundaries';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const forRoutes = ['queries', 'openapi', 'metrics', 'csv', 'errors'];
const forPlugins = ['plugins', 'exports', ...forRoutes];

/**
 * Who may know whom. A file belongs to the first layer whose pattern it matches, and may
 * import files of the layers in `imports` and, as types only, of those in `types`;
 * `packages`, where given, are the only packages it may import.
 */
const layers = {
  server: { pattern: 'server.ts', imports: ['app', 'config', 'database', 'jobs'] },
  app: {
    pattern: 'app.ts',
    imports: ['plugins', 'errors', 'composition', 'public scope', 'private scope', 'routes'],
    types: ['config'],
  },
  config: { pattern: 'config.ts', imports: ['source address'] },
  commands: {
    pattern: 'commands/**',
    imports: ['commands', 'config', 'jobs', 'sources', 'database', 'queries', 'metrics'],
  },

  composition: {
    pattern: ['plugins/database.ts', 'plugins/scheduler.ts'],
    imports: [...forPlugins, 'database', 'jobs'],
    types: ['config'],
  },
  errors: { pattern: 'plugins/errors.ts', imports: ['plugins', 'openapi'], types: ['config'] },
  plugins: { pattern: 'plugins/**', imports: forPlugins, types: ['config'] },

  'public scope': {
    pattern: 'routes/v1/index.ts',
    imports: [...forRoutes, 'public routes'],
    types: ['config'],
  },
  'public routes': { pattern: 'routes/v1/**', imports: forRoutes, types: ['config', 'plugins'] },
  'private scope': {
    pattern: 'routes/admin/index.ts',
    imports: [...forRoutes, 'private routes'],
    types: ['config'],
  },
  'private routes': {
    pattern: 'routes/admin/**',
    imports: forRoutes,
    types: ['config', 'plugins'],
  },
  html: { pattern: 'routes/html.ts', imports: [] },
  routes: { pattern: 'routes/**', imports: [...forRoutes, 'html'], types: ['config', 'plugins'] },

  jobs: {
    pattern: 'jobs/**',
    imports: ['jobs', 'sources', 'database', 'queries', 'metrics', 'csv'],
  },
  // The grammar of a setting, which is checked at start and read by the source.
  'source address': {
    pattern: 'sources/dashboard-database/address.ts',
    imports: ['sources'],
  },
  sources: { pattern: 'sources/**', imports: ['sources', 'source address', 'metrics'] },
  queries: { pattern: 'db/queries/**', imports: ['queries', 'database', 'metrics', 'csv'] },
  database: { pattern: 'db/**', imports: ['database', 'queries', 'metrics'] },
  exports: { pattern: 'exports/**', imports: ['exports'] },
  csv: { pattern: 'csv/**', imports: ['csv', 'metrics'] },
  metrics: { pattern: 'metrics/**', imports: ['metrics'], packages: ['@sinclair/typebox'] },

  'document generator': { pattern: 'openapi/generate.ts', imports: ['app', 'config', 'openapi'] },
  openapi: { pattern: 'openapi/**', imports: ['openapi', 'metrics'] },
};

/** Layers that look at the others from outside, so know them all. */
const observers = {
  'service of tests': { pattern: 'test/support/service.ts' },
  tests: { pattern: 'test/**' },
  benchmarks: { pattern: 'bench/**' },
};

/** Layers that do not know that they are served over HTTP. */
const withoutFastify = ['jobs', 'sources', 'queries', 'database', 'exports', 'csv', 'metrics'];

const everyLayer = [...Object.keys(layers), ...Object.keys(observers)];
const anyPackage = { origin: ['external', 'core'] };
const fastify = { source: ['fastify', 'fastify-plugin', '@fastify/*'] };

const files = (...categories) => ({ file: { categories: { anyOf: categories } } });

// The last policy that matches an import decides.
const policies = [
  { allow: { to: { module: anyPackage } } },
  { from: files(...Object.keys(observers)), allow: { to: files(...everyLayer) } },
  // Whoever builds the app by another way could be answered what its document does not say.
  { from: files('tests'), disallow: { to: files('app') } },
  ...Object.entries(layers).flatMap(([layer, { imports, types, packages }]) => [
    ...(imports.length > 0 ? [{ from: files(layer), allow: { to: files(...imports) } }] : []),
    ...(types
      ? [{ from: files(layer), allow: { to: files(...types), dependency: { kind: 'type' } } }]
      : []),
    ...(packages
      ? [
          { from: files(layer), disallow: { to: { module: anyPackage } } },
          { from: files(layer), allow: { to: { module: { source: packages } } } },
        ]
      : []),
  ]),
  { from: files(...withoutFastify), disallow: { to: { module: fastify } } },
];

export default defineConfig(
  globalIgnores(['.tap/', '.data/', 'dashboard/', 'test/clients/programs/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // An async handler or plugin is async by contract, not because it awaits.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    name: 'who may know whom',
    files: ['**/*.ts'],
    plugins: { boundaries },
    settings: {
      'boundaries/files': Object.entries({ ...layers, ...observers }).map(
        ([category, { pattern }]) => ({ category, pattern }),
      ),
      'boundaries/files-single-match': true,
    },
    rules: {
      'boundaries/dependencies': [
        'error',
        { default: 'disallow', checkAllOrigins: true, policies },
      ],
      'boundaries/no-unknown-files': 'error',
    },
  },
  {
    name: 'only config.ts reads the environment',
    files: ['**/*.ts'],
    ignores: ['config.ts', 'test/**', 'bench/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only config.ts reads the environment.' },
      ],
      'no-restricted-imports': [
        'error',
        ...['process', 'node:process'].map((name) => ({
          name,
          importNames: ['env'],
          message: 'Only config.ts reads the environment.',
        })),
      ],
    },
  },
  {
    name: 'command-line entry points may print',
    files: ['server.ts', 'commands/**', 'openapi/generate.ts', 'bench/**', '.ci/**'],
    rules: { 'no-console': 'off' },
  },
  {
    name: 'tests',
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      // tap itself waits for the tests, and reports how they end.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        console: 'readonly',
        fetch: 'readonly',
        process: 'readonly',
        TextDecoder: 'readonly',
        URL: 'readonly',
      },
    },
  },
);
