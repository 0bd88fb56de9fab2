import { join } from 'node:path';
import t from 'tap';
import { inspectServer } from '../db/embedded/postmaster.ts';
import { makeDirectory, serverPid, until, untilStopped } from './embedded/holder.ts';
import { buildService } from './support/service.ts';

t.test('a service whose embedded server ends alone has it again', async (t) => {
  const directory = await makeDirectory(t);
  const data = join(directory, 'postgres');
  const app = await buildService(t, { DATA_DIR: directory }, { scheduler: false });
  await app.publisher.loadDemo(() => undefined);
  const ask = async (url: string) => (await app.inject(url)).statusCode;
  // One is killed, one ends its sessions, and one would wait for them and take no others.
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    const before = await serverPid(data);
    process.kill(before, signal);
    await until(`there is another one after ${signal}`, async () => {
      const state = await inspectServer(data);
      return state.kind === 'ready' && state.pid !== before;
    });
    await until('questions are answered', async () => (await ask('/health/ready')) === 200);
    t.equal(await ask('/v1/courses?limit=1'), 200, signal);
    await app.publisher.purge();
  }
  await app.close();
  await untilStopped(data);
});
