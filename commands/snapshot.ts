/** `npm run snapshot`: publishes once from the configured source. */
import { readConfig } from '../config.ts';
import { configuredSource } from '../jobs/configured-source.ts';
import { parseCommandLine, runCommand, UsageError } from './command-line.ts';
import { publishOnce } from './publish-once.ts';

const usage = 'Usage: npm run snapshot -- [--dry-run] [--confirm-withdrawals]';

await runCommand(async (signal) => {
  const { values } = parseCommandLine(
    {
      options: {
        'dry-run': { type: 'boolean', default: false },
        'confirm-withdrawals': { type: 'boolean', default: false },
      },
    },
    usage,
  );
  const config = readConfig();
  const source = configuredSource(config.source, false);
  if (source === undefined) {
    throw new UsageError('No source is configured: set DASHBOARD_CSV or DASHBOARD_DATABASE_URL.');
  }
  return publishOnce({
    config,
    source,
    signal,
    dryRun: values['dry-run'],
    confirmWithdrawals: values['confirm-withdrawals'],
  });
});
