/** `npm run import -- path [--dry-run]`: publishes a course export of the Dashboard once. */
import { readConfig } from '../config.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { parseCommandLine, runCommand, UsageError } from './command-line.ts';
import { publishOnce } from './publish-once.ts';

const usage = 'Usage: npm run import -- path [--dry-run] [--confirm-withdrawals]';

await runCommand(async (signal) => {
  const { values, positionals } = parseCommandLine(
    {
      allowPositionals: true,
      options: {
        'dry-run': { type: 'boolean', default: false },
        'confirm-withdrawals': { type: 'boolean', default: false },
      },
    },
    usage,
  );
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) throw new UsageError(usage);
  return publishOnce({
    config: readConfig(),
    source: dashboardCsvSource(path),
    signal,
    dryRun: values['dry-run'],
    confirmWithdrawals: values['confirm-withdrawals'],
  });
});
