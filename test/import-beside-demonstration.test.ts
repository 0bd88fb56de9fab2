import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { makeDirectory } from './embedded/holder.ts';
import { runProgram } from './support/program.ts';
import { buildService } from './support/service.ts';

const sample = new URL('./fixtures/campaign_courses-2026-08-27.csv', import.meta.url).pathname;

void t.test(
  'an import beside the demonstration says that it goes on, and so does the service',
  async (t) => {
    const directory = join(await makeDirectory(t), 'data');
    const log = new PassThrough();
    const overrides = { logger: { level: 'warn', stream: log }, scheduler: false } as const;
    const service = await buildService(t, { DATA_DIR: directory }, overrides);
    t.ok(service.store.isDemo);
    const logged = once(log, 'data');
    const publish = () => runProgram(t, ['commands/import.ts', sample], { DATA_DIR: directory });
    const first = await publish();
    t.equal(first.code, 0, first.errors);
    t.match(first.output, /Published as snapshot 1\.\nThe running service shows the demonstration/);
    t.match(String((await logged)[0]), /real data have been published into this DATA_DIR/);
    await service.close();

    const restarted = await buildService(t, { DATA_DIR: directory }, overrides);
    t.notOk(restarted.store.isDemo);
    t.match((await restarted.inject('/v1/snapshots/latest')).json(), { totals: { courses: 33 } });
    const second = await publish();
    t.notMatch(second.output, /demonstration/);
  },
);
