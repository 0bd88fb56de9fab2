/**
 * `npm run openapi`: writes openapi/openapi.json and openapi/openapi-3.0.json from the routes
 * of the very service, with every route that can be switched on. With --check it only says
 * whether the files are stale, and whether they break what openapi/released.json promises,
 * the document of the newest release, without being a new major version.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { buildApp } from '../app.ts';
import { readConfig } from '../config.ts';
import { breakingChanges, majorVersion } from './breaking-changes.ts';
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

const document = await generate();
const documents = { 'openapi.json': document, 'openapi-3.0.json': toVersion30(document) };
for (const [name, content] of Object.entries(documents)) {
  const file = new URL(name, import.meta.url);
  const fresh = await format(JSON.stringify(content), { parser: 'json' });
  if (!process.argv.includes('--check')) {
    await writeFile(file, fresh);
  } else if (fresh !== (await readFile(file, 'utf8').catch(() => ''))) {
    process.stderr.write(`openapi/${name} is stale: run npm run openapi and commit it.\n`);
    process.exitCode = 1;
  }
}

const released = await readFile(new URL('released.json', import.meta.url), 'utf8').then(
  (text) => JSON.parse(text) as object,
  (error: unknown) => {
    // Nothing is promised before the first release.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  },
);
if (released !== undefined && majorVersion(released) === majorVersion(document)) {
  for (const change of breakingChanges(released, document)) {
    process.stderr.write(`This breaks clients, so it takes a new major version: ${change}\n`);
    process.exitCode = 1;
  }
}
