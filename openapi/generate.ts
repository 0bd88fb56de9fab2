/**
 * `npm run openapi`: writes openapi/openapi.json and openapi/openapi-3.0.json from the routes
 * of the very service, with every route that can be switched on, and before that
 * openapi/examples.json, what the demonstration answers to the running examples. With --check it only says
 * whether the files are stale. Either way it says what of the document breaks clients of
 * openapi/released.json, the newest release, or of another file that --against names, without
 * being a new major version. With --release the document becomes that of the newest release.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { buildApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { breakingChanges, majorVersion } from './breaking-changes.ts';
import {
  asking,
  recordedAt,
  recordedExamplesFile,
  recordExamples,
  type RecordedExamples,
} from './recorded-examples.ts';
import { releasedForm } from './released-form.ts';
import { toVersion30 } from './version-3-0.ts';

type Service = Awaited<ReturnType<typeof buildApp>>;

const adminToken = 'only-so-that-there-are-admin-routes';

/** What comes of the service with every route, over a store of its own. */
async function withService<Result>(work: (app: Service) => Promise<Result>): Promise<Result> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'dod-openapi-'));
  // PostgreSQL does not run as root: whoever it runs as must be able to get in.
  await chmod(dataDirectory, 0o755);
  try {
    const config = readConfig({
      DATA_DIR: dataDirectory,
      LOG_LEVEL: 'error',
      ADMIN_TOKEN: adminToken,
    });
    const app = await buildApp(config, {
      scheduler: false,
      clock: () => recordedAt,
      onProgress: () => undefined,
    });
    try {
      return await work(app);
    } finally {
      await app.close();
    }
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** As somebody finds the demonstration who starts it for the first time at that moment. */
async function record(): Promise<RecordedExamples> {
  return withService(async (app) => {
    await app.publisher.loadDemo(() => undefined);
    const recorded = await recordExamples(app.swagger(), asking(app, adminToken));
    // The publication that was asked for last may still be at work.
    await (
      await app.publisher.start('admin')
    ).finished;
    return recorded;
  });
}

const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    release: { type: 'boolean', default: false },
    against: { type: 'string' },
  },
});
const releasedFile = new URL('released.json', import.meta.url);

function textOf(content: object): Promise<string> {
  return format(JSON.stringify(content), { parser: 'json' });
}

if (!options.check) await writeFile(recordedExamplesFile, await textOf(await record()));
const document = await withService(async (app) => app.swagger());
const documents = { 'openapi.json': document, 'openapi-3.0.json': toVersion30(document) };
for (const [name, content] of Object.entries(documents)) {
  const file = new URL(name, import.meta.url);
  const fresh = await textOf(content);
  if (!options.check) {
    await writeFile(file, fresh);
  } else if (fresh !== (await readFile(file, 'utf8').catch(() => ''))) {
    process.stderr.write(`openapi/${name} is stale: run npm run openapi and commit it.\n`);
    process.exitCode = 1;
  }
}

if (options.release) await writeFile(releasedFile, await textOf(releasedForm(document)));
const earlier = JSON.parse(await readFile(options.against ?? releasedFile, 'utf8')) as object;
if (majorVersion(earlier) === majorVersion(document)) {
  for (const change of breakingChanges(earlier, document)) {
    process.stderr.write(`This breaks clients, so it takes a new major version: ${change}\n`);
    process.exitCode = 1;
  }
}
