/**
 * `npm run openapi`: writes openapi/openapi.json and openapi/openapi-3.0.json from the routes
 * of the very service, with every route that can be switched on. With --check it only says
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
import { releasedForm } from './released-form.ts';
import { toVersion30 } from './version-3-0.ts';

async function generate(): Promise<object> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'dod-openapi-'));
  // PostgreSQL does not run as root: whoever it runs as must be able to get in.
  await chmod(dataDirectory, 0o755);
  try {
    const config = readConfig({
      DATA_DIR: dataDirectory,
      LOG_LEVEL: 'error',
      ADMIN_TOKEN: 'only-so-that-there-are-admin-routes',
    });
    const app = await buildApp(config, { scheduler: false, onProgress: () => undefined });
    try {
      return app.swagger();
    } finally {
      await app.close();
    }
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
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

const document = await generate();
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
