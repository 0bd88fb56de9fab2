import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { inspectServer } from '../db/embedded/postmaster.ts';
import { makeDirectory, serverPid, until, untilStopped } from './embedded/holder.ts';
import { buildService } from './support/service.ts';

/** Ends a server, and waits for the one that takes its place. */
async function replaceServer(
  data: string,
  signal: NodeJS.Signals,
  meanwhile: () => void = () => undefined,
): Promise<void> {
  const before = await serverPid(data);
  process.kill(before, signal);
  await until(`there is another one after ${signal}`, async () => {
    meanwhile();
    const state = await inspectServer(data);
    return state.kind === 'ready' && state.pid !== before;
  });
}

t.test('a service whose embedded server ends alone has it again', async (t) => {
  const directory = await makeDirectory(t);
  const data = join(directory, 'postgres');
  const app = await buildService(t, { DATA_DIR: directory }, { scheduler: false });
  await app.publisher.loadDemo(() => undefined);
  const ask = async (url: string) => (await app.inject(url)).statusCode;
  // One is killed, one ends its sessions, and one would wait for them and take no others.
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    await replaceServer(data, signal);
    await until('questions are answered', async () => (await ask('/health/ready')) === 200);
    t.equal(await ask('/v1/courses?limit=1'), 200, signal);
    await app.publisher.purge();
  }
  const gone = await serverPid(data);
  await rename(data, `${data}.away`);
  process.kill(gone, 'SIGKILL');
  await delay(5000);
  t.notOk(existsSync(data), 'where its files are away, no empty database takes their place');
  await rename(`${data}.away`, data);
  await until('it is back with them', async () => (await ask('/health/ready')) === 200);
  t.equal(await ask('/v1/courses?limit=1'), 200);
  await app.close();
  await untilStopped(data);
});

t.test('so has one whose directory is too deep for a socket', async (t) => {
  const directory = join(await makeDirectory(t), 'd'.repeat(100));
  const data = join(directory, 'postgres');
  const app = await buildService(t, { DATA_DIR: directory }, { scheduler: false });
  const sockets = String(app.sql.options.path).replace(/\/[^/]*$/, '');
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    await replaceServer(data, signal, () => {
      if (!existsSync(sockets)) t.fail('somebody else could be where it is looked for');
    });
    await until(`it is found after ${signal}`, () =>
      app.sql`select 1`.then(
        () => true,
        () => false,
      ),
    );
  }
  t.equal((await app.sql`select 1`).count, 1);
  await app.close();
  await untilStopped(data);
});
