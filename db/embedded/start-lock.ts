import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runScript, type Account } from './account.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

/**
 * One process at a time prepares, starts, joins or leaves the server. Node has no file
 * locks that the kernel lets go of, so:
 *
 * - a contender makes a directory of its own that holds a FIFO with a unique name, and
 *   keeps the FIFO's read end open. A FIFO can be opened for writing only while it has a
 *   reader, so the kernel tells who is alive, however a process died and whoever has its
 *   number now;
 * - it gets the lock by renaming that directory to `lock`, which succeeds only when there
 *   is none or an empty one;
 * - a dead holder's FIFO may be removed by anybody, by its unique name, which can never
 *   be the next holder's.
 */
export interface StartLock {
  /** Whoever inherits this descriptor holds the lock too, until it ends. */
  readonly descriptor: number;
  release(): Promise<void>;
}

export interface LockPatience {
  readonly milliseconds: number;
  /** Called once when another process has held the lock for a second. */
  readonly onWait?: () => void;
}

/** The lock, or undefined when others held it for longer than the patience. */
export async function tryStartLock(
  runDirectory: string,
  account: Account,
  patience: LockPatience,
): Promise<StartLock | undefined> {
  const name = randomUUID();
  const own = join(runDirectory, `lock-${name}`);
  const lock = join(runDirectory, 'lock');
  const began = performance.now();
  let told = false;
  let descriptor = await makeContender(own, name, account);
  for (;;) {
    try {
      await rename(own, lock);
      // Without its FIFO it would be an empty directory, which excludes nobody.
      if (hasReader(join(lock, name))) break;
      closeSync(descriptor);
      descriptor = await makeContender(own, name, account);
      continue;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') {
        // A holder cleaned up between the making of the FIFO and the opening of it.
        closeSync(descriptor);
        descriptor = await makeContender(own, name, account);
        continue;
      }
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
    if (await removeDead(lock)) continue;
    const waited = performance.now() - began;
    if (waited > patience.milliseconds) {
      closeSync(descriptor);
      await rm(own, { recursive: true, force: true });
      return undefined;
    }
    if (waited > 1000 && !told) {
      told = true;
      patience.onWait?.();
    }
    await delay(10);
  }
  await removeAbandoned(runDirectory);
  return {
    descriptor,
    release: async () => {
      await rm(join(lock, name), { force: true });
      closeSync(descriptor);
    },
  };
}

export async function takeStartLock(
  runDirectory: string,
  account: Account,
  patience: LockPatience,
): Promise<StartLock> {
  const lock = await tryStartLock(runDirectory, account, patience);
  if (lock !== undefined) return lock;
  throw new EmbeddedPostgresError(
    `Another process has been starting the database in ${runDirectory} for ${Math.round(patience.milliseconds / 1000)} s: end it, and start again.`,
  );
}

/** Makes a FIFO, which Node itself cannot; the account that runs the server owns it. */
export async function makeFifo(path: string, account: Account): Promise<void> {
  const { code, output } = await runScript(account, 'mkfifo -m 600 "$1"', [path]);
  if (code !== 0) throw cannotMakeFifo(path, output);
}

/** Opens for writing; undefined when nobody reads, or when there is no such FIFO. */
export function openWriter(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENXIO' || code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens for reading, without waiting for a writer. */
export function openReader(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
}

export function hasReader(path: string): boolean {
  const writer = openWriter(path);
  if (writer !== undefined) closeSync(writer);
  return writer !== undefined;
}

async function makeContender(directory: string, name: string, account: Account): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const { code, output } = await runScript(
      account,
      'mkdir -p -m 700 "$1" && mkfifo -m 600 "$1/$2"',
      [directory, name],
    );
    try {
      if (code === 0) return openReader(join(directory, name));
    } catch (error) {
      // Cleaned up by a holder that came before the opening: once more.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (attempt === 5) throw cannotMakeFifo(directory, output);
  }
}

function cannotMakeFifo(path: string, output: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    /No space left|quota/i.test(output)
      ? `The disk that holds ${path} is full: free some space and start again.`
      : `${path} cannot be made (${output.trim()}): set DATA_DIR to a directory on a local disk that this user may write to.`,
  );
}

/** Whether something was removed: there is a point in trying again at once. */
async function removeDead(directory: string): Promise<boolean> {
  let removed = false;
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (hasReader(path)) continue;
    await rm(path, { force: true });
    removed = true;
  }
  return removed;
}

async function removeAbandoned(runDirectory: string): Promise<void> {
  for (const name of await namesIn(runDirectory)) {
    if (!name.startsWith('lock-')) continue;
    const path = join(runDirectory, name);
    const alive = (await namesIn(path)).some((fifo) => hasReader(join(path, fifo)));
    if (!alive) await rm(path, { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
