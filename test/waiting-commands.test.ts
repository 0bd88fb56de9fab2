import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startRun } from '../db/queries/job-runs.ts';
import { exportOf, line } from './dashboard-csv-file.ts';
import { makeDirectory } from './embedded/holder.ts';
import { startProgram } from './support/program.ts';
import { startPublisher } from './support/publisher.ts';
import { createStore } from './support/store.ts';

void t.test('a command that waits for another publisher says for which one', async (t) => {
  const store = await createStore(t);
  const directory = await makeDirectory(t);
  const path = join(directory, 'courses.csv');
  await writeFile(path, exportOf(line()));
  const start = (file: string, ...args: string[]) =>
    startProgram(t, [`commands/${file}`, ...args], {
      DATABASE_URL: store.url,
      DATA_DIR: join(directory, 'data'),
    });

  const publisher = await startPublisher(t, store.url);
  const beside = start('purge.ts');
  await beside.line(
    /^Another publication, a purge or a backfill is at work: waiting for it to end\.$/m,
  );
  await startRun(store.sql, 'admin', new Date('2026-11-22T12:00:00Z'));
  const waiting = [start('import.ts', path), start('import.ts', path, '--dry-run')];
  for (const command of waiting) {
    await command.line(
      /^Another publication \(run 1, since 2026-11-22T12:00:00Z\) is at work: waiting for it to end\.$/m,
    );
    t.notMatch(command.written(), /courses read/);
  }

  await publisher.end();
  for (const { ended } of [beside, ...waiting]) t.match(await ended, { code: 0 });
  const after = await start('purge.ts').ended;
  t.match(after, { code: 0, errors: '' }, 'nothing is said of a wait that there is not');
});

void t.test('carrying over says so as well, and is stopped while it waits', async (t) => {
  const store = await createStore(t);
  await startPublisher(t, store.url);
  const command = startProgram(t, ['commands/backfill.ts'], {
    DATABASE_URL: store.url,
    DATA_DIR: join(await makeDirectory(t), 'data'),
    DASHBOARD_DATABASE_URL: 'mysql://nobody@127.0.0.1:1/none',
  });
  await command.line(/is at work: waiting for it to end\.$/m);
  command.child.kill('SIGINT');
  t.match(await command.ended, { code: 1, errors: /\nStopped; nothing has changed\.\n$/ });
});
