import { spawn, type SpawnOptions } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { EmbeddedPostgresError, useAnotherServer } from './embedded-postgres-error.ts';

/** The account that PostgreSQL's processes run as: never root, which PostgreSQL refuses. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Whether it is another account than this process's: only root can have that. */
  readonly foreign: boolean;
}

export interface Outcome {
  /** Null when a signal ended the program. */
  readonly code: number | null;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

/**
 * What every process started here has in common. The environment is bare, because a
 * server that runs as another user must not carry this process's secrets, nor read its
 * PG* variables; the working directory is one that everybody can enter.
 */
export function spawnOptions(account: Account): SpawnOptions {
  return {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
    // Node wants a signed number; macOS's `nobody` is 4294967294.
    ...(account.foreign ? { uid: account.uid | 0, gid: account.gid | 0 } : {}),
  };
}

/** Runs a program to its end. `inherit` is a descriptor that it, and its children, keep open. */
export function run(
  account: Account,
  command: string,
  args: readonly string[],
  inherit?: number,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...spawnOptions(account),
      stdio: ['ignore', 'pipe', 'pipe', ...(inherit === undefined ? [] : [inherit])],
    });
    let output = '';
    const take = (text: string): void => {
      output += text;
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** Runs a POSIX shell script whose `$1`, `$2` … are `args`. */
export function runScript(
  account: Account,
  script: string,
  args: readonly string[],
): Promise<Outcome> {
  return run(account, '/bin/sh', ['-c', script, 'sh', ...args]);
}

/** Whether the account can reach what is in the directory, as the kernel sees it. */
export async function canEnter(account: Account, directory: string): Promise<boolean> {
  return (await runScript(account, 'test -x "$1"', [directory])).code === 0;
}

/**
 * This process's own account or, for root, the owner of the data that are there already,
 * else `postgres`, else `nobody`.
 */
export async function chooseAccount(dataDirectory: string): Promise<Account> {
  const own = ownAccount();
  const owner = await ownerOf(dataDirectory);
  if (own.uid !== 0) {
    if (owner !== undefined && owner.uid !== own.uid) {
      throw new EmbeddedPostgresError(
        `The data in ${dataDirectory} belong to another user (${owner.uid}): start as that user or as root, or set DATA_DIR to another directory.`,
      );
    }
    return own;
  }
  if (owner !== undefined && owner.uid !== 0) {
    return { ...owner, name: `user ${owner.uid}`, foreign: true };
  }
  for (const name of ['postgres', 'nobody']) {
    const { code, output } = await runScript(own, 'id -u "$1" && id -g "$1"', [name]);
    const [uid, gid] = output.split('\n').map(Number);
    if (code === 0 && uid !== undefined && gid !== undefined) {
      return { name, uid, gid, foreign: true };
    }
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as: add one, start as an ordinary user, or ${useAnotherServer}.`,
  );
}

function ownAccount(): Account {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  if (uid === undefined || gid === undefined) {
    throw new EmbeddedPostgresError(
      `The embedded database needs Linux or macOS: on Windows use WSL, or ${useAnotherServer}.`,
    );
  }
  return { name: nameOf(uid), uid, gid, foreign: false };
}

function nameOf(uid: number): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A container's user may be a number without a name.
    if ((error as NodeJS.ErrnoException).code === 'ERR_SYSTEM_ERROR') return `user ${uid}`;
    throw error;
  }
}

async function ownerOf(path: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await lstat(path);
    return { uid, gid };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
