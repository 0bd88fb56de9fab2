import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { connect } from '../db/connect.ts';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import type { Snapshot } from '../openapi/snapshot.ts';
import { cellsOf, exportOf, line } from './dashboard-csv-file.ts';
import { makeDirectory } from './embedded/holder.ts';
import { makeExport } from './support/exports.ts';
import { runProgram, startService, type RunningService } from './support/program.ts';
import { createStore } from './support/store.ts';

const project = fileURLToPath(new URL('..', import.meta.url));
const directory = await makeDirectory(t);
const dataDirectory = join(directory, 'data');

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

const first = makeExport(60, 0);
const firstPath = await file('first.csv', first.text);
const second = makeExport(61, 0);
const secondPath = await file('second.csv', second.text);
const badPath = await file(
  'bad.csv',
  exportOf(
    line({ course_slug: 'A/One', total_edits: 'many' }),
    line({ course_slug: 'A/Two', start_date: '2025-02-30 00:00:00 UTC' }),
    line({ course_slug: 'A/Two' }),
    cellsOf({ course_slug: 'A/Three' }).slice(1).join(','),
  ),
);
const badPathProblems = [
  'line 2, column "total_edits": "many" is not a whole number',
  'line 3, column "start_date": "2025-02-30 00:00:00 UTC" is not a day of the calendar',
  'line 4, column "course_slug": "A/Two" is the same course as on line 3',
  'line 5: 23 cells where the header has 24',
];

const run = (
  t: Test,
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
) => runProgram(t, command, { DATA_DIR: dataDirectory, ...environment });

const runImport = (t: Test, ...args: string[]) => run(t, ['commands/import.ts', ...args]);

/** Beside this one every further command runs, on its embedded database. */
let service: RunningService;

t.before(async () => {
  const initial = await runImport(t, firstPath);
  t.equal(initial.code, 0, initial.errors);
  t.match(initial.output, /60 courses read\.\n +added +60\n/);
  service = await startService(t, { DATA_DIR: dataDirectory });
});

/** Every snapshot that is served, the newest first. */
async function served(): Promise<readonly Snapshot[]> {
  const answer = await fetch(new URL('/v1/snapshots?interval=all', service.url));
  return ((await answer.json()) as { items: Snapshot[] }).items;
}

t.test('A trial says what an import would do, and does nothing', async (t) => {
  const before = await served();
  const trial = await runImport(t, secondPath, '--dry-run');
  t.equal(trial.code, 0, trial.errors);
  t.match(trial.output, /61 courses read\.\n +added +1\n +changed +0\n +withdrawn +0\n/);
  t.match(trial.output, /nothing was changed/);
  t.strictSame(await served(), before);
});

t.test('An import beside the running service is served at once', async (t) => {
  const { code, output, errors } = await runImport(t, secondPath);
  t.equal(code, 0, errors);
  t.match(output, /Published as snapshot 2\./);
  const answer = await fetch(new URL('/v1/snapshots/latest', service.url));
  t.match(await answer.json(), { snapshot_id: 2, totals: second.totals });
  const again = await runImport(t, secondPath);
  t.equal(again.code, 0, again.errors);
  t.match(again.output, /Nothing has changed since the last snapshot of today/);
  t.equal((await served()).length, 2);
});

t.test('A bad file is refused with every problem, and nothing has changed', async (t) => {
  const before = await served();
  for (const args of [[badPath], [badPath, '--dry-run']]) {
    const { code, output, errors } = await runImport(t, ...args);
    t.equal(code, 1);
    t.equal(output, '');
    t.match(errors, /bad\.csv was not imported: 4 problems/);
    for (const problem of badPathProblems) t.ok(errors.includes(problem), problem);
    t.notMatch(errors, /\n +at .*\.ts:\d+/, 'in words, not as a stack');
  }
  t.strictSame(await served(), before);
});

t.test('A failure that cannot be recorded is told, and why it cannot be', async (t) => {
  const store = await createStore(t);
  await store.sql`
    create function fill_disk() returns trigger language plpgsql as
      $$ begin raise exception 'the disk is full'; end $$`;
  await store.sql`
    create trigger fill_disk before update on job_runs for each row execute function fill_disk()`;
  const { code, output, errors } = await run(t, ['commands/import.ts', badPath], {
    DATABASE_URL: store.url,
  });
  t.equal(code, 1);
  t.equal(output, '');
  t.match(errors, /bad\.csv was not imported: 4 problems/);
  for (const problem of badPathProblems) t.ok(errors.includes(`\n  ${problem}\n`), problem);
  t.match(errors, /\n {2}The run could not be recorded as failed: the disk is full\n$/);
  t.notMatch(errors, /\n +at .*\.ts:\d+/, 'in words, not as a stack');
});

t.test('A missing file, and a file that lacks most courses, are refused too', async (t) => {
  const before = await served();
  const missing = await runImport(t, join(directory, 'none.csv'));
  t.equal(missing.code, 1);
  t.match(missing.errors, /none\.csv cannot be read: there is no such file\.\n$/);
  const remnant = await file('remnant.csv', makeExport(5, 0).text);
  const refused = await runImport(t, remnant);
  t.equal(refused.code, 1);
  t.match(refused.errors, /56 of 61 courses are missing from the source/);
  t.strictSame(await served(), before);
});

t.test('A command that is called the wrong way says how to call it', async (t) => {
  for (const command of [
    ['commands/import.ts', firstPath, '--dryrun'],
    ['commands/import.ts', firstPath, secondPath],
    ['commands/import.ts'],
    ['commands/snapshot.ts', '--force'],
    ['commands/snapshot.ts', firstPath],
  ] as const) {
    const { code, output, errors } = await run(t, command);
    t.equal(code, 1);
    t.equal(output, '');
    t.match(errors, /Usage: npm run (import|snapshot) -- /, command.slice(1).join(' '));
  }
  const without = await run(t, ['commands/snapshot.ts']);
  t.equal(without.code, 1);
  t.match(without.errors, /set DASHBOARD_CSV or DASHBOARD_DATABASE_URL/);
});

t.test('A command says how to call it when it is asked', async (t) => {
  for (const name of ['import', 'snapshot', 'keys', 'purge', 'backfill', 'verify']) {
    const extension = name === 'verify' ? 'mjs' : 'ts';
    for (const option of ['--help', '-h']) {
      const { code, output, errors } = await run(t, [`commands/${name}.${extension}`, option]);
      t.equal(code, 0);
      t.match(output, new RegExp(`^Usage: (npm run ${name}|node ${name}.mjs)`));
      t.equal(errors, '');
    }
  }
});

t.test('npm run snapshot publishes the configured source once', async (t) => {
  const changed = await file('changed.csv', second.text.replace(/,31,-5,1,/, ',32,-5,1,'));
  const { code, output, errors } = await run(t, ['commands/snapshot.ts'], {
    DASHBOARD_CSV: changed,
  });
  t.equal(code, 0, errors);
  t.match(output, / +added +0\n +changed +1\n +withdrawn +0\n +unchanged +60\n/);
  t.match(output, /Published as snapshot 3\./);
  t.equal((await served()).length, 3);
});

t.test('A start with a bad file and nothing published ends with the problems', async (t) => {
  const { code, errors } = await run(t, ['server.ts'], {
    DATA_DIR: join(directory, 'fresh'),
    DASHBOARD_CSV: badPath,
    PORT: '0',
  });
  t.equal(code, 1);
  t.match(errors, /Nothing could be published: .*bad\.csv was not imported: 4 problems/);
  for (const problem of badPathProblems) t.ok(errors.includes(problem), problem);
});

t.test('A start with a bad file serves the last snapshot and says why', async (t) => {
  const other = await startService(t, { DATA_DIR: dataDirectory, DASHBOARD_CSV: badPath });
  t.match(other.written(), /The last snapshot stays in service: .*4 problems/);
  const answer = await fetch(new URL('/v1/status', other.url));
  t.match(await answer.json(), { latest: { snapshot_id: 3 }, last_run: { state: 'failed' } });
  other.child.kill('SIGTERM');
  t.equal((await other.ended).code, 0);
});

t.test('Everything that is wrong with the settings is said in one report', async (t) => {
  for (const command of [['server.ts'], ['commands/import.ts', firstPath]] as const) {
    const { code, output, errors } = await run(t, command, {
      PORT: '70000',
      SNAPSHOT_SCHEDULE: 'now and then',
      LOG_LEVEL: 'loud',
      ADMIN_TOKEN: 'too-short',
      DASHBOARD_CSV: firstPath,
      DASHBOARD_DATABASE_URL: 'mysql://reader@localhost/dashboard',
    });
    t.equal(code, 1);
    t.equal(output, '');
    const [title, ...lines] = errors.trimEnd().split('\n');
    t.equal(title, 'The configuration is not valid:');
    t.equal(lines.length, 5, errors);
    for (const said of [
      /PORT "70000"/,
      /SNAPSHOT_SCHEDULE "now and then"/,
      /LOG_LEVEL "loud"/,
      /ADMIN_TOKEN \(not shown\)/,
      /DASHBOARD_CSV and DASHBOARD_DATABASE_URL are both set/,
    ]) {
      t.equal(lines.filter((line) => said.test(line)).length, 1, String(said));
    }
  }
});

t.test('npm run snapshot -- --confirm-withdrawals lets an operator through', async (t) => {
  const remnant = makeExport(5, 0);
  const environment = {
    PATH: process.env['PATH'] ?? '',
    DATA_DIR: dataDirectory,
    DASHBOARD_CSV: await file('confirmed.csv', remnant.text),
  };
  const publish = (...flags: string[]) =>
    promisify(execFile)('npm', ['run', '--silent', 'snapshot', '--', ...flags], {
      cwd: project,
      env: environment,
    }).then(
      (output) => ({ code: 0, ...output }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  const before = await served();
  const refused = await publish();
  t.match(refused, { code: 1, stdout: '', stderr: /are missing.*--confirm-withdrawals/ });
  t.strictSame(await served(), before);
  const trial = await publish('--confirm-withdrawals', '--dry-run');
  t.match(trial, { code: 0, stdout: / +withdrawn +56\n[^]*nothing was changed/ });
  t.strictSame(await served(), before);
  const confirmed = await publish('--confirm-withdrawals');
  t.match(confirmed, { code: 0, stdout: / +withdrawn +56\n[^]*Published as snapshot 4/ });
  const [newest] = await served();
  t.match(newest, { snapshot_id: 4, totals: remnant.totals });
});

t.test('No secret is ever written, whatever goes wrong', async (t) => {
  const secret = 'abracadabra-0123456789-abracadabra';
  const server = await startEmbeddedPostgres({ dataDirectory: join(dataDirectory, 'postgres') });
  t.teardown(() => server.release());
  const { host } = server.connection;
  const rules = join(server.dataDirectory, 'pg_hba.conf');
  await writeFile(rules, `local all guarded scram-sha-256\n${await readFile(rules, 'utf8')}`);
  const sql = connect(
    { ...server.connection, database: 'postgres' },
    { max: 1, applicationName: 'test', statementTimeout: 0 },
  );
  await sql`create role guarded login password 'another one'`;
  await sql`select pg_reload_conf()`;
  await sql.end();

  const postgres = `postgres://guarded:${secret}@localhost/open_data?host=${encodeURIComponent(host)}`;
  const failures: readonly [RegExp, readonly [string, ...string[]], Record<string, string>][] = [
    [/password authentication failed/, ['server.ts'], { DATABASE_URL: postgres }],
    [/password authentication/, ['commands/import.ts', firstPath], { DATABASE_URL: postgres }],
    [
      /ECONNREFUSED/,
      ['server.ts'],
      { DATABASE_URL: `postgres://user:${secret}@127.0.0.1:1/open_data` },
    ],
    [
      /DATABASE_URL \(not shown\) is not a valid address/,
      ['server.ts'],
      { DATABASE_URL: `postgres://user:${secret}@host:port/open_data` },
    ],
    [/REDIS_URL \(not shown\)/, ['server.ts'], { REDIS_URL: `http://:${secret}@localhost` }],
    [
      /PERSON_KEY_SECRET \(not shown\)/,
      ['server.ts'],
      { PERSON_KEY_SECRET: secret.slice(0, 20), ADMIN_TOKEN: secret.slice(0, 20) },
    ],
    [
      /Dashboard|dashboard/,
      ['commands/snapshot.ts'],
      {
        DASHBOARD_DATABASE_URL: `mysql://nobody:${secret}@127.0.0.1:1/dashboard`,
        DATA_DIR: join(directory, 'fresh'),
      },
    ],
  ];
  for (const [expected, command, environment] of failures) {
    const { code, output, errors } = await run(t, command, {
      LOG_LEVEL: 'trace',
      PORT: '0',
      ...environment,
    });
    t.equal(code, 1);
    t.match(output + errors, expected);
    t.notMatch(output + errors, secret.slice(0, 12), Object.keys(environment).join(', '));
  }

  const talkative = await startService(t, {
    DATA_DIR: dataDirectory,
    LOG_LEVEL: 'trace',
    ADMIN_TOKEN: secret,
    PERSON_KEY_SECRET: secret,
    REDIS_URL: `redis://user:${secret}@127.0.0.1:1`,
    DASHBOARD_CSV: secondPath,
  });
  for (const token of [secret, `${secret}!`]) {
    const answer = await fetch(new URL('/v1/admin/snapshots', talkative.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    t.equal(answer.status, token === secret ? 202 : 401);
    t.notMatch(await answer.text(), secret.slice(0, 12));
  }
  talkative.child.kill('SIGTERM');
  const { code, output, errors } = await talkative.ended;
  t.equal(code, 0);
  t.match(output, /"level":/, 'it did log');
  t.notMatch(output + errors, secret.slice(0, 12));
});
