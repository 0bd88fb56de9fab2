import { parseArgs, type ParseArgsConfig } from 'node:util';
import { ConfigError } from '../config.ts';
import type { JobLog } from '../jobs/run-publication.ts';

/** A command that was called the wrong way; the message ends with how to call it. */
export class UsageError extends Error {}

/** Somebody asked how to call it: the message says so. */
class HelpWanted extends Error {}

/** What it says is for people, so it goes where it does not mix with a result. */
export function sayAside(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

export function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

/** Progress of a long reading, and warnings; what ends a run the command says itself. */
export const commandLog: JobLog = {
  info: (fields) => {
    if (!('part' in fields && 'rows' in fields)) return;
    const of = 'total' in fields ? ` of about ${String(fields.total)}` : '';
    const left = 'seconds_left' in fields ? `, ${String(fields.seconds_left)} s left` : '';
    sayAside(`  ${String(fields.part)}: ${String(fields.rows)}${of} rows${left}`);
  },
  warn: (_fields, message) => {
    sayAside(message);
  },
  error: () => undefined,
};

/** @throws {UsageError} unless they are options of the command */
export function parseCommandLine<const T extends ParseArgsConfig>(options: T, usage: string) {
  if (process.argv.slice(2).some((given) => given === '--help' || given === '-h')) {
    throw new HelpWanted(usage);
  }
  try {
    return parseArgs<T>(options);
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

/**
 * Runs a command to its exit code: what it returns, or 1 with a sentence on standard error.
 * An interrupt aborts the signal, so that the command can leave nothing behind.
 */
export async function runCommand(command: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    process.exitCode = await command(stopping.signal);
  } catch (error) {
    if (error instanceof HelpWanted) {
      say(error.message);
      return;
    }
    process.exitCode = 1;
    sayAside(explain(error, stopping.signal.aborted));
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function explain(error: unknown, stopped: boolean): string {
  if (stopped) return 'Stopped; nothing has changed.';
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || error instanceof ConfigError) return error.message;
  return 'problems' in error && Array.isArray(error.problems)
    ? [error.message, ...error.problems.map((line) => `  ${String(line)}`)].join('\n')
    : error.message;
}
