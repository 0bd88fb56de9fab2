import { execFile, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Cleanup } from '../embedded/holder.ts';
import { startContractProxy } from './contract-proxy.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

export interface Ending {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly errors: string;
}

/** The service or a command, as the process that an operator runs. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  /** All that it has written so far. */
  written(): string;
  /** What matches in all that it writes, past or to come; rejects when it ends without. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts `server.ts` or a file of `commands/` with no other settings than those given. */
export function startProgram(
  t: Cleanup,
  [file, ...args]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Program {
  const child = spawn(process.execPath, ['--import', tsx, file, ...args], spawned(environment));
  return follow(t, child, () => child.kill('SIGKILL'));
}

/** Starts the service by `npm start`, as an operator does; `child` is npm. */
export function startByNpm(t: Cleanup, environment: Readonly<Record<string, string>>): Program {
  // A group of its own, so that whatever npm leaves behind can be ended too.
  const child = spawn('npm', ['start'], { ...spawned(environment), detached: true });
  return follow(t, child, () => {
    if (child.pid !== undefined) endGroup(child.pid);
  });
}

function spawned(environment: Readonly<Record<string, string>>) {
  return {
    cwd: project,
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C', LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
  };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function follow(
  t: Cleanup,
  child: ChildProcessByStdio<null, Readable, Readable>,
  end: () => void,
): Program {
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    output,
    errors,
  }));
  t.teardown(async () => {
    end();
    await ended;
  });
  return {
    child,
    ended,
    written: () => output + errors,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output + errors);
          if (match !== null) resolve(match);
        };
        child.stdout.on('data', look);
        child.stderr.on('data', look);
        look();
        void ended.then(({ code, signal }) => {
          reject(
            new Error(`ended (${String(code ?? signal)}) without ${String(pattern)}:\n${errors}`),
          );
        });
      }),
  };
}

export interface RunningService extends Program {
  /** Where to ask: whatever is answered there is held to the service's document. */
  readonly url: URL;
  /** Where the process itself listens, for tests of its connections. */
  readonly address: URL;
}

/** Starts the service on a free port and waits until it serves. */
export async function startService(
  t: Cleanup,
  environment: Readonly<Record<string, string>>,
): Promise<RunningService> {
  const program = startProgram(t, ['server.ts'], {
    HOST: '127.0.0.1',
    PORT: '0',
    RATE_LIMIT_PER_MINUTE: '1000000',
    SNAPSHOT_SCHEDULE: 'off',
    ...environment,
  });
  const [, port] = await program.line(/is at +http:\/\/localhost:(\d+)\/\n/);
  const address = new URL(`http://127.0.0.1:${String(port)}/`);
  return { ...program, address, url: await startContractProxy(t, address) };
}

/** Runs a program to its end. */
export function runProgram(
  t: Cleanup,
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<Ending> {
  return startProgram(t, command, environment).ended;
}

/** The command lines of the processes that name this text, this process apart; Linux only. */
export async function processesNaming(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) found.push(line.replaceAll('\0', ' '));
  }
  return found;
}

/** Why there is something that cannot be run here, or false; where CI is set it must. */
export async function lacking(command: string): Promise<string | false> {
  return promisify(execFile)('which', [command]).then(
    () => false,
    (error: unknown) => {
      if (process.env['CI'] === 'true') throw error;
      return `no ${command} on this machine`;
    },
  );
}
