import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { makeDirectory } from './embedded/holder.ts';
import { lacking, startService } from './support/program.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const adminToken = 'correct-horse-battery-staple-0123456789';
const run = promisify(execFile);

t.setTimeout(600_000);

/** How the blocks of each language are run; anything else in a guide is not meant to be. */
const interpreters: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  sh: ['bash', '-euo', 'pipefail', '-c'],
  python: ['python3', '-c'],
  r: ['Rscript', '-e'],
};

interface Block {
  readonly language: string;
  readonly code: string;
}

async function blocksOf(document: string): Promise<Block[]> {
  const text = await readFile(join(project, document), 'utf8');
  return [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].map(
    ([, language = '', code = '']) => ({ language, code }),
  );
}

interface Ran {
  readonly counts: Readonly<Record<string, number>>;
  readonly output: string;
}

interface RunOptions {
  readonly address: URL;
  readonly cwd: string;
  readonly environment?: Record<string, string>;
  /** Which blocks are run; all that there is an interpreter for, unless told. */
  readonly where?: (block: Block) => boolean;
}

/** Runs the blocks of a document one after the other, each as a test of its own. */
async function runBlocks(t: Test, document: string, options: RunOptions): Promise<Ran> {
  const counts: Record<string, number> = {};
  let output = '';
  for (const block of await blocksOf(document)) {
    const { language, code } = block;
    const interpreter = interpreters[language];
    if (interpreter === undefined || options.where?.(block) === false) continue;
    const [command, ...args] = interpreter;
    const name = `${document}: ${code.split('\n', 1).join()}`;
    await t.test(name, { skip: await lacking(command) }, async (t) => {
      const there = code.replaceAll('http://localhost:3000', options.address.origin);
      const ran = await run(command, [...args, there], {
        cwd: options.cwd,
        env: { ...process.env, ...options.environment },
        timeout: 120_000,
      }).catch((error: unknown) => {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        return { stdout, stderr, failed: true };
      });
      t.notOk('failed' in ran, `${code}\n${ran.stdout}${ran.stderr}`);
      output += ran.stdout;
      counts[language] = (counts[language] ?? 0) + 1;
    });
  }
  return { counts, output };
}

/** What the example that plots leaves: a bar a week. */
async function checkPlot(t: Test, directory: string): Promise<void> {
  const plot = await readFile(join(directory, 'edits.svg'), 'utf8');
  const bars = [...plot.matchAll(/<path d="M\d+ 100v-([\d.]+)"><title>(\d+)<\/title><\/path>/g)];
  t.ok(bars.length > 10, `${bars.length} weeks`);
  t.ok(bars.every(([, height]) => Number(height) >= 0 && Number(height) <= 100));
  t.ok(bars.some(([, height, edits]) => Number(height) === 100 && Number(edits) > 0));
}

t.test('On the demonstration', async (t) => {
  const directory = await makeDirectory(t);
  const { url: address } = await startService(t, {
    DATA_DIR: join(directory, 'data'),
    ADMIN_TOKEN: adminToken,
  });

  await t.test('the README’s examples run as they stand', async (t) => {
    const cwd = t.testdir({ '.curlrc': 'fail\nsilent\nshow-error\n' });
    const { counts, output } = await runBlocks(t, 'README.md', {
      address,
      cwd,
      // An answer that is an error is a failure.
      environment: { ADMIN_TOKEN: adminToken, CURL_HOME: cwd },
      where: ({ language, code }) => language !== 'sh' || code.startsWith('curl'),
    });
    t.equal(counts['sh'], 3);
    for (const shown of ['"snapshot_id":', '"groups":', '"deltas":', '"period":', '"run_id":']) {
      t.ok(output.includes(shown), shown);
    }
    t.ok((await readdir(cwd)).some((name) => /^dashboard-courses-snapshot-\d+\.csv$/.test(name)));
    if (counts['python'] !== undefined) await checkPlot(t, cwd);
  });

  await t.test('the researcher’s guide runs as it stands', async (t) => {
    const cwd = t.testdir();
    const { counts, output } = await runBlocks(t, 'docs/researchers-guide.md', { address, cwd });
    t.ok((counts['sh'] ?? 0) >= 7);
    t.match(output, /"snapshot_id":/);
    t.match(output, /did you mean/i, 'a typo is answered with the nearest name');
    t.match(output, /304$/m, 'what has not changed is not sent again');
    if (counts['python'] !== undefined) {
      t.match(output, /^\d+ courses, \d+ with a number of edits, [1-9]\d* edits$/m);
      t.match(output, /^[1-9]\d* courses at snapshot \d+$/m);
      await checkPlot(t, cwd);
    }
  });
});

t.test('The operator’s guide runs as it stands, beside a service with a source', async (t) => {
  const directory = await makeDirectory(t);
  const environment = {
    DATA_DIR: join(directory, 'data'),
    ADMIN_TOKEN: adminToken,
    DASHBOARD_CSV: join(project, 'test/fixtures/campaign_courses-2026-08-27.csv'),
  };
  const service = await startService(t, environment);
  const { counts, output } = await runBlocks(t, 'docs/operators-guide.md', {
    address: service.url,
    cwd: project,
    environment,
  });
  t.ok((counts['sh'] ?? 0) >= 3);
  t.match(output, /"stale":/);
  t.match(output, /"run_id":/);
  t.match(output, /No withdrawn course is past its grace/);
  t.match(output, /a-research-group\t600 a minute/);
  t.match(output, /ratelimit-policy: "key";q=600/i);
});
