import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { makeDirectory } from './embedded/holder.ts';
import { runProgram, startByNpm, startProgram, startService } from './support/program.ts';
import { startPublisher } from './support/publisher.ts';
import { publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

// Each failure is that of a process of its own.
t.setTimeout(400_000);

const secret = 'abracadabra-0123456789';
const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

void t.test('what an operator can mend is one sentence that names the setting', async (t) => {
  const directory = await makeDirectory(t);
  const file = join(directory, 'file');
  await writeFile(file, '');
  const link = join(directory, 'link');
  await symlink(join(directory, 'gone'), link);
  const store = await createStore(t);
  const at = (change: (url: URL) => void) => {
    const url = new URL(store.url);
    url.password = secret;
    change(url);
    return url.href;
  };
  const taken = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;

  const server = ['server.ts'] as const;
  const command = ['commands/import.ts', sample] as const;
  type Failure = readonly [RegExp, readonly [string, ...string[]], Record<string, string>];
  const failures: readonly Failure[] = [
    [
      /^DATABASE_URL cannot be used: nothing listens there.* \(ECONNREFUSED\)\.$/,
      server,
      { DATABASE_URL: `postgres://user:${secret}@127.0.0.1:1/open_data` },
    ],
    [
      /^DATABASE_URL cannot be used: its host .* \((ENOTFOUND|EAI_AGAIN)\)\.$/,
      server,
      { DATABASE_URL: `postgres://user:${secret}@nowhere.invalid/open_data` },
    ],
    [
      /^DATABASE_URL cannot be used: role "nobody_here" does not exist\.$/,
      server,
      { DATABASE_URL: at((url) => (url.username = 'nobody_here')) },
    ],
    [
      /^DATABASE_URL cannot be used: database "nothing_here" does not exist: make it first/,
      command,
      { DATABASE_URL: at((url) => (url.pathname = '/nothing_here')) },
    ],
    [
      /^PORT \d+ is in use on 127\.0\.0\.1: stop what listens there, or set another one\.$/,
      server,
      { HOST: '127.0.0.1', PORT: String(port) },
    ],
    [/^HOST 192\.0\.2\.1 is no address of this machine\.$/, server, { HOST: '192.0.2.1' }],
    [/^HOST nowhere\.invalid (is not known|cannot be)/, server, { HOST: 'nowhere.invalid' }],
    [/^DATA_DIR .*file is a file, or within one: /, server, { DATA_DIR: file }],
    [/^DATA_DIR .*file\/x is a file, or within one: /, command, { DATA_DIR: join(file, 'x') }],
    [
      /^DATA_DIR .*link\/x cannot be made: .*link is a link to what is not there\.$/,
      command,
      { DATA_DIR: join(link, 'x') },
    ],
    ...(process.platform === 'linux' ? [server, command] : []).map((program): Failure => {
      const expected = /^DATA_DIR \/proc\/x\/y cannot be made: no directory .* in \/proc\.$/;
      return [expected, program, { DATA_DIR: '/proc/x/y' }];
    }),
  ];
  for (const [expected, program, environment] of failures) {
    const { code, errors, output } = await runProgram(t, program, {
      PORT: '0',
      DATA_DIR: join(directory, 'data'),
      ...environment,
    });
    const name = Object.keys(environment).join(', ');
    t.equal(code, 1, name);
    t.equal(errors.trimEnd().split('\n').length, 1, errors);
    t.match(errors.trimEnd(), expected);
    t.notMatch(output + errors, secret, name);
  }
  t.notOk(existsSync(join(directory, 'data')), 'nothing was made that could not be served');
});

void t.test('a service with a source that cannot be read yet does not ask for one', async (t) => {
  const service = await startService(t, {
    DATA_DIR: join(await makeDirectory(t), 'data'),
    DASHBOARD_DATABASE_URL: `mysql://nobody:${secret}@127.0.0.1:1/dashboard`,
  });
  await service.line(/^Nothing has been published yet: data are answered from the first/m);
  t.notMatch(service.written(), /set DASHBOARD_CSV/);
});

void t.test('the demonstration is made up in sentences, and can be interrupted', async (t) => {
  const directory = await makeDirectory(t);
  const program = startProgram(t, ['server.ts'], {
    PORT: '0',
    HOST: '127.0.0.1',
    LOG_LEVEL: 'info',
    DATA_DIR: join(directory, 'data'),
  });
  await program.line(/^Dashboard Open Data [\d.]+ is starting …$/m);
  await program.line(/^Making up demonstration data: \d+ snapshots\.$/m);
  await program.line(/^… \d+ of \d+$/m);
  t.notMatch(program.written(), /\{"level":/, 'no log lines between the sentences');
  program.child.kill('SIGTERM');
  const { code, errors } = await program.ended;
  t.equal(code, 0);
  t.equal(errors, '', 'no stack');
});

void t.test('what is published is served while another publisher is at work', async (t) => {
  const [empty, store] = [await createStore(t), await createStore(t)];
  await publish(store, dashboardCsvSource(sample), new TestClock());
  for (const [{ url }, status, outcome] of [
    [empty, 503, 'snapshot published'],
    [store, 200, 'nothing has changed|snapshot published'],
  ] as const) {
    const publisher = await startPublisher(t, url);
    const service = await startService(t, {
      DATABASE_URL: url,
      DATA_DIR: join(await makeDirectory(t), 'data'),
      DASHBOARD_CSV: sample,
      LOG_LEVEL: 'info',
    });
    t.match(service.written(), /"Another publication.* is at work: waiting for it to end\."/);
    const latest = new URL('/v1/snapshots/latest', service.url);
    t.equal((await fetch(latest)).status, status);
    await publisher.end();
    await service.line(new RegExp(`"msg":"(${outcome})`));
    service.child.kill('SIGTERM');
    t.match(await service.ended, { code: 0, errors: '' });
  }
});

void t.test('what is published is served when not even a failure can be recorded', async (t) => {
  const store = await createStore(t);
  await publish(store, dashboardCsvSource(sample), new TestClock());
  await store.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$
    begin raise 'No space left on device' using errcode = 'disk_full'; end $$;
    create trigger refuse before insert or update on job_runs
      for each row execute function refuse()`);
  const environment = { DATABASE_URL: store.url, DATA_DIR: await makeDirectory(t) };
  const service = startProgram(t, ['server.ts'], {
    ...environment,
    ...{ DASHBOARD_CSV: sample, HOST: '127.0.0.1', PORT: '0' },
  });
  await service.line(/stays in service: no run could be recorded: No space left on device/);
  const [, address = ''] = await service.line(/A first question:\s+curl (\S+)/);
  t.equal((await fetch(address)).status, 200);
  service.child.kill('SIGTERM');
  t.match(await service.ended, { code: 0, errors: '' });
});

void t.test('a service is stopped while it waits for another publisher', async (t) => {
  const { url } = await createStore(t);
  await startPublisher(t, url);
  const service = await startService(t, {
    DATABASE_URL: url,
    DATA_DIR: join(await makeDirectory(t), 'data'),
    DASHBOARD_CSV: sample,
  });
  service.child.kill('SIGTERM');
  t.match(await service.ended, { code: 0, errors: '' });
  t.notMatch(service.written(), /could not begin/);
});

void t.test('a signal to npm start stops the service itself', async (t) => {
  const { url } = await createStore(t);
  const npm = startByNpm(t, {
    DATABASE_URL: url,
    DATA_DIR: join(await makeDirectory(t), 'data'),
    HOST: '127.0.0.1',
    PORT: '0',
  });
  const [, port] = await npm.line(/is at +http:\/\/localhost:(\d+)\/\n/);
  const live = `http://127.0.0.1:${String(port)}/health/live`;
  t.equal((await fetch(live)).status, 200);
  npm.child.kill('SIGTERM');
  const [code] = (await once(npm.child, 'exit')) as [number | null];
  t.equal(code, 0);
  // What npm has started ends before npm, or is left behind and goes on.
  await t.rejects(fetch(live), { cause: { code: 'ECONNREFUSED' } });
});
