import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { makeDirectory } from './embedded/holder.ts';
import { makeExport, totalsOfRows } from './support/exports.ts';
import { buildService } from './support/service.ts';

const disk = await makeDirectory(t);
const mounting = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=320m,mode=755', 'tmpfs', disk]);
const isSmall = mounting.status === 0;
if (isSmall) t.teardown(() => spawnSync('umount', ['-l', disk]));

/** Bytes left: too few to read the source into, and enough for that but not to publish it. */
const leftovers = [3e6, 20e6];
const small = makeExport(4000, 1);
const large = makeExport(4000, 0, 4000);

t.test(
  'On a full disk a publication fails cleanly, and with room again the next one works',
  { skip: isSmall || process.env['CI'] !== undefined ? false : 'only root can make a small disk' },
  async (t) => {
    t.ok(isSmall, mounting.stderr.toString());
    const path = join(disk, 'courses.csv');
    await writeFile(path, small.text);
    const app = await buildService(
      t,
      { DATA_DIR: join(disk, 'data'), DASHBOARD_CSV: path },
      { scheduler: false },
    );
    const publish = async () => (await (await app.publisher.start('admin')).finished).run;
    const courses = async () => (await app.inject('/v1/courses.csv')).body;
    t.equal((await publish()).state, 'succeeded');
    const before = await courses();

    await writeFile(path, large.text);
    const filler = join(disk, 'filler');
    for (const left of leftovers) {
      const { bavail, bsize } = statfsSync(disk);
      await writeFile(filler, Buffer.alloc(bavail * bsize - left));
      const run = await publish();
      t.match(run, { state: 'failed', snapshotId: null, problem: /No space left on device/ });
      t.equal(await courses(), before);
      t.equal((await app.inject('/health/ready')).statusCode, 200);
      await rm(filler);
    }

    const { bavail, bsize } = statfsSync(disk);
    await t.rejects(writeFile(filler, Buffer.alloc((bavail + 1) * bsize)), { code: 'ENOSPC' });
    t.equal(statfsSync(disk).bavail, 0);
    const notKept = await app.inject('/v1/courses.csv?sort=title');
    t.equal(notKept.statusCode, 200, 'what is not kept is read from the database');
    t.match(totalsOfRows(notKept.body), small.totals);
    await rm(filler);

    t.equal((await publish()).state, 'succeeded');
    t.strictSame(totalsOfRows(await courses()), large.totals);
  },
);
