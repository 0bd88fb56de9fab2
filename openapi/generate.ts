/**
 * `npm run openapi`: writes openapi/openapi.json and openapi/openapi-3.0.json from the routes
 * of the very service, with every route that can be switched on. With --check it only says
 * whether the files are stale.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { buildApp } from '../app.ts';
import { readConfig } from '../config.ts';
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
