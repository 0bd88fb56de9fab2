/** `npm run backfill`: carries over the totals that the Dashboard has kept itself. */
import { readConfig } from '../config.ts';
import { openStore } from '../db/open-store.ts';
import { backfillSnapshots, type BackfillResult } from '../jobs/backfill-snapshots.ts';
import { dashboardSystemStats } from '../sources/dashboard-database/system-stats.ts';
import { parseCommandLine, runCommand, say, sayAside, UsageError } from './command-line.ts';

await runCommand(async (signal) => {
  parseCommandLine({ options: {} }, 'Usage: npm run backfill');
  const config = readConfig();
  if (config.source?.kind !== 'dashboard_database') {
    throw new UsageError('The Dashboard’s database is not configured: set DASHBOARD_DATABASE_URL.');
  }
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    purpose: 'data',
    onProgress: sayAside,
  });
  try {
    report(
      await backfillSnapshots({
        address: store.address,
        systemStats: dashboardSystemStats({ url: config.source.url }),
        clock: () => new Date(),
        signal,
        onWaiting: sayAside,
      }),
    );
    return 0;
  } finally {
    await store.release();
  }
});

function report({ carried, present, tooLate, warnings }: BackfillResult): void {
  const [first] = carried;
  say(
    first === undefined
      ? 'Nothing to carry over.'
      : `Carried over ${String(carried.length)} days of the Dashboard’s own totals, ${first} to ` +
          `${String(carried.at(-1))}.`,
  );
  say(`  carried over before                     ${String(present)}`);
  say(`  not before the first snapshot of here   ${String(tooLate)}`);
  if (warnings.size > 0) say('Oddities of the source:');
  for (const [sentence, times] of warnings) say(`  ${String(times)} × ${sentence}`);
}
