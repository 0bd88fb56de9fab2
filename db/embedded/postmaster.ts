import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What `postmaster.pid` in a data directory says; absent when it says less. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number | undefined;
  readonly socketDirectory: string | undefined;
  readonly status: string | undefined;
}

export type ServerState =
  /** `stalePid`: what a server that was killed left in its file. */
  | { readonly kind: 'gone'; readonly stalePid?: number; readonly staleSocketDirectory?: string }
  | { readonly kind: 'starting' | 'stopping'; readonly pid: number }
  | {
      readonly kind: 'ready';
      readonly pid: number;
      readonly host: string;
      readonly port: number;
      /** False for a server that answers but is not among the processes seen from here. */
      readonly visible: boolean;
    };

async function readPostmasterFile(dataDirectory: string): Promise<PostmasterFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // Lines: pid, data directory, start time, port, socket directory, address, key, status.
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    port: lines[3] ? Number(lines[3]) : undefined,
    socketDirectory: lines[4] || undefined,
    status: lines[7] || undefined,
  };
}

/** The truth about the server on a data directory, whatever a killed one left behind. */
export async function inspectServer(dataDirectory: string): Promise<ServerState> {
  const file = await readPostmasterFile(dataDirectory);
  if (file === undefined) return { kind: 'gone' };
  const { pid, port, socketDirectory, status } = file;
  const visible = (await commandOf(pid))?.includes(`-D ${dataDirectory}`) === true;
  if (visible && status === 'stopping') return { kind: 'stopping', pid };
  if (
    socketDirectory !== undefined &&
    port !== undefined &&
    (status === 'ready' || !visible) &&
    (await answers(join(socketDirectory, `.s.PGSQL.${port}`)))
  ) {
    return { kind: 'ready', pid, host: socketDirectory, port, visible };
  }
  if (visible) return { kind: 'starting', pid };
  return {
    kind: 'gone',
    stalePid: pid,
    ...(socketDirectory === undefined ? {} : { staleSocketDirectory: socketDirectory }),
  };
}

/** Whether a process runs; a zombie does not. */
export async function isRunning(pid: number): Promise<boolean> {
  return (await commandOf(pid)) !== undefined;
}

/** A running process's command line, its arguments parted by spaces. */
async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return commandByPs(pid);
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // `pid (name) state …`, where the name may hold anything.
    if (/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))) return undefined;
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

async function commandByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', [
      '-ww',
      '-o',
      'stat=',
      '-o',
      'command=',
      '-p',
      String(pid),
    ]);
    return stdout.trim() === '' || stdout.startsWith('Z') ? undefined : `${stdout.trim()} `;
  } catch (error) {
    // `ps` exits with 1 when there is no such process.
    if ((error as { code?: unknown }).code === 1) return undefined;
    throw error;
  }
}

/** Whether somebody listens; a socket file that a killed server left refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
