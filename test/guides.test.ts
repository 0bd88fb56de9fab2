import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { makeDirectory } from './embedded/holder.ts';
import { startService } from './support/program.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const adminToken = 'correct-horse-battery-staple-0123456789';
const run = promisify(execFile);

t.setTimeout(400_000);

/** How the blocks of each language are run; anything else in a guide is not meant to be. */
const interpreters: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  sh: ['bash', '-euo', 'pipefail', '-c'],
  python: ['python3', '-c'],
  r: ['Rscript', '-e'],
};

async function blocksOf(guide: string, address: URL): Promise<[language: string, code: string][]> {
  const text = await readFile(new URL(`../docs/${guide}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].map(
    ([, language = '', code = '']) => [
      language,
      code.replaceAll('http://localhost:3000', address.origin),
    ],
  );
}

async function isThere(command: string): Promise<boolean> {
  return run('which', [command]).then(
    () => true,
    () => false,
  );
}

interface Ran {
  readonly counts: Readonly<Record<string, number>>;
  readonly output: string;
}

async function runGuide(
  t: Test,
  guide: string,
  options: { address: URL; cwd: string; environment?: Record<string, string> },
): Promise<Ran> {
  const counts: Record<string, number> = {};
  let output = '';
  for (const [language, code] of await blocksOf(guide, options.address)) {
    const interpreter = interpreters[language];
    if (interpreter === undefined) continue;
    const [command, ...args] = interpreter;
    if (!(await isThere(command))) {
      t.comment(`${command} is not there: a block of ${guide} was not run`);
      continue;
    }
    const ran = await run(command, [...args, code], {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      timeout: 120_000,
    }).catch((error: unknown) => {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return { stdout, stderr, failed: true };
    });
    t.notOk('failed' in ran, `${guide}: ${code}\n${ran.stdout}${ran.stderr}`);
    output += ran.stdout;
    counts[language] = (counts[language] ?? 0) + 1;
  }
  return { counts, output };
}

t.test('The researcher’s guide runs as it stands, on the demonstration', async (t) => {
  const directory = await makeDirectory(t);
  const service = await startService(t, { DATA_DIR: join(directory, 'data') });
  const { counts, output } = await runGuide(t, 'researchers-guide.md', {
    address: service.url,
    cwd: t.testdir(),
  });
  t.ok((counts['sh'] ?? 0) >= 7);
  t.match(output, /"snapshot_id":/);
  t.match(output, /did you mean/i, 'a typo is answered with the nearest name');
  t.match(output, /304$/m, 'what has not changed is not sent again');
  if (counts['python'] !== undefined) {
    t.match(output, /^\d+ courses, \d+ with a number of edits, [1-9]\d* edits$/m);
    t.match(output, /^[1-9]\d* courses at snapshot \d+$/m);
  }
});

t.test('The operator’s guide runs as it stands, beside a service with a source', async (t) => {
  const directory = await makeDirectory(t);
  const environment = {
    DATA_DIR: join(directory, 'data'),
    ADMIN_TOKEN: adminToken,
    DASHBOARD_CSV: join(project, 'test/fixtures/campaign_courses-2026-08-27.csv'),
  };
  const service = await startService(t, environment);
  const { counts, output } = await runGuide(t, 'operators-guide.md', {
    address: service.url,
    cwd: project,
    environment,
  });
  t.ok((counts['sh'] ?? 0) >= 3);
  t.match(output, /"stale":/);
  t.match(output, /"run_id":/);
  t.match(output, /a-research-group\t600 a minute/);
  t.match(output, /ratelimit-policy: "key";q=600/i);
});
