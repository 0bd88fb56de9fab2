import { copyFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import ts from 'typescript';
import { course, emptyState, sourceOf } from '../support/courses.ts';
import { runProgram } from '../support/program.ts';
import { buildService, publish, TestClock } from '../support/service.ts';
import { createStore } from '../support/store.ts';
import { generators } from './generators.ts';

const programs = fileURLToPath(new URL('programs/', import.meta.url));

/** As strict as TypeScript can be, and as a page's bundler would read it. */
const strictest: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

/** What the compiler says of the programs in their folders, all of them at once. */
function typeProblems(folder: string): string[] {
  const sources = generators.map(({ name }) => join(folder, name, 'program.ts'));
  return ts
    .getPreEmitDiagnostics(ts.createProgram(sources, strictest))
    .map(({ file, messageText }) => ({
      file: file === undefined ? '' : relative(folder, file.fileName),
      message: ts.flattenDiagnosticMessageText(messageText, '\n'),
    }))
    .filter(({ file }) => !generators.some(({ ownFiles }) => ownFiles?.test(file)))
    .map(({ file, message }) => `${file}: ${message}`);
}

t.test('clients that generators make of /openapi.json compile and work', async (t) => {
  const state = emptyState();
  state.courses = [
    course(1),
    course(2, { type: 'BasicCourse' }),
    course(3, { type: 'VisitingScholarship' }),
    course(4, { metrics: { edits: null, bytes_added: 0 } }),
    course(5, { end: '2027-01-01T00:00:00Z' }),
  ];
  const clock = new TestClock();
  const store = await createStore(t);
  await publish(store, sourceOf(state), clock);
  const serve = async (perMinute: string) => {
    const settings = { DATABASE_URL: store.url, DATA_DIR: t.testdirName };
    const app = await buildService(
      t,
      { ...settings, RATE_LIMIT_PER_MINUTE: perMinute },
      { scheduler: false, clock: clock.read },
    );
    return { app, address: await app.listen({ host: '127.0.0.1', port: 0 }) };
  };
  const folder = t.testdir(Object.fromEntries(generators.map(({ name }) => [name, {}])));
  const { app, address } = await serve('100000');
  const { address: limitedAddress } = await serve('1');
  for (const generator of generators) {
    const { name, parts } = generator;
    const own = join(folder, name);
    await generator.generate(`${address}/openapi.json`, join(own, 'generated'));
    await copyFile(join(programs, `${name}.ts`), join(own, 'program.ts'));
    for (const part of ['report.ts', ...parts]) {
      await copyFile(join(programs, part), join(own, part));
    }
  }
  t.strictSame(typeProblems(folder), [], 'compile');

  for (const { name } of generators) {
    await t.test(`${name} is told what the service tells`, async (t) => {
      const program = join(folder, name, 'program.ts');
      const { code, output, errors } = await runProgram(t, [program, address, limitedAddress], {});
      t.equal(code, 0, errors);
      t.strictSame(JSON.parse(output), {
        snapshotId: 1,
        edits: 11,
        source: 'dashboard_database',
        courseIds: [1, 2, 3, 4, 5],
        filteredEdits: [1, 2, null],
        total: { courses: 3, edits: 3 },
        csv: (await app.inject('/v1/courses.csv')).body,
        unchanged: 304,
        refused: ['limit'],
        missing: '/problems/not-found',
        over: 429,
        retryAfter: true,
      });
    });
  }
});
