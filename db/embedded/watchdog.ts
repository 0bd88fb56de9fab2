import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fchownSync, openSync, readSync, writeSync } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnOptions } from './account.ts';
import type { DataPlace } from './data-place.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { hasReader, makeFifo, openReader, openWriter } from './start-lock.ts';

/**
 * The watchdog is a shell that starts the server as its child and stops it when the last
 * of the processes that share it is gone, however they ended.
 *
 * Each sharing process is a member: it keeps the write end of a FIFO open, which the
 * kernel closes when it dies. The watchdog alone reads, so end-of-file means that nobody
 * is left. It keeps the read end until the server has ended, so that a FIFO without a
 * reader means that there is no watchdog, and any server is an orphan or gone. A newcomer
 * may open the FIFO when the watchdog has seen its end-of-file already: it is a member
 * only once the watchdog has answered its line, by one in a file.
 *
 * Arguments: data directory; socket directory to remove in the end, or nothing; the
 * number of an orphaned server to adopt, or nothing; the server's command line.
 *
 * The shell starts the server with SIGINT ignored, until the server handles it; SIGTERM
 * ends it before that, and means nothing more to a server that is stopping.
 * The watchdog itself ignores what stops a whole group or service, to end after the rest.
 */
const script = `
data=$1 sockets=$2 orphan=$3
shift 3
if [ -n "$orphan" ]; then
  pid=$orphan
else
  "$@" </dev/null >&2 &
  pid=$!
fi
trap '' HUP INT TERM
echo "$pid"
while read -r line && [ "$line" != stop ]; do
  echo "$pid"
done
if [ -n "$orphan" ]; then
  while first=; read -r first 2>/dev/null <"$data/postmaster.pid"; [ "$first" = "$pid" ]; do
    kill -INT "$pid" 2>/dev/null || break
    sleep 1
  done
else
  { kill -INT "$pid"; kill -TERM "$pid"; } 2>/dev/null
  wait "$pid"
fi
[ -z "$sockets" ] || [ "$line" = stop ] || rmdir "$sockets" 2>/dev/null
`;

const fifoOf = (place: DataPlace): string => join(place.runDirectory, 'members');
const answersOf = (place: DataPlace): string => join(place.runDirectory, 'answers');

/** The write end that makes this process a member. */
export type Membership = number;

export interface WatchdogOptions {
  readonly place: DataPlace;
  /** A directory of this server's own, removed when it ends and nobody waits for another. */
  readonly ownSocketDirectory?: string;
  /** What the watchdog shall run, or the server without a watchdog that it shall adopt. */
  readonly server: { readonly command: readonly string[] } | { readonly orphan: number };
  readonly environment?: Readonly<Record<string, string>>;
}

export async function ensureMembersFifo(place: DataPlace): Promise<void> {
  try {
    if ((await lstat(fifoOf(place))).isFIFO()) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeFifo(fifoOf(place), place.account);
    return;
  }
  throw new EmbeddedPostgresError(`${fifoOf(place)} should be a FIFO: remove it, and start again.`);
}

export function hasWatchdog(place: DataPlace): boolean {
  return hasReader(fifoOf(place));
}

/**
 * Starts a watchdog, this process being a member from before its start. Members that a
 * dead watchdog left have the same FIFO open, and count. The caller holds the start lock
 * and knows that there is no watchdog. Resolves with the server's process id.
 */
export async function startWatchdog(
  options: WatchdogOptions,
): Promise<{ membership: Membership; pid: number }> {
  const { place, server, ownSocketDirectory, environment } = options;
  const { account } = place;
  const reader = openReader(fifoOf(place));
  const opened = [reader];
  let membership: Membership | undefined;
  try {
    membership = openWriter(fifoOf(place));
    if (membership === undefined) throw new Error(`${fifoOf(place)} went away`);
    discard(reader);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
    const answers = openSync(
      answersOf(place),
      flags | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    opened.push(answers);
    const log = openSync(place.log, flags | constants.O_NOFOLLOW, 0o600);
    opened.push(log);
    if (account.foreign) {
      fchownSync(answers, account.uid, account.gid);
      fchownSync(log, account.uid, account.gid);
    }
    const orphan = 'orphan' in server ? String(server.orphan) : '';
    const command = 'command' in server ? server.command : [];
    const common = spawnOptions(account);
    const child = spawn(
      '/bin/sh',
      ['-c', script, 'watchdog', place.data, ownSocketDirectory ?? '', orphan, ...command],
      {
        ...common,
        env: { ...common.env, ...environment },
        stdio: [reader, answers, log],
        // A session of its own: Ctrl-C in a terminal must not reach the server first.
        detached: true,
      },
    );
    await once(child, 'spawn');
    child.unref();
    return { membership, pid: await readServerPid(place, child) };
  } catch (error) {
    if (membership !== undefined) closeSync(membership);
    throw error;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/**
 * Becomes a member of the server that a watchdog watches; undefined when there is no
 * watchdog, or none any more. The caller holds the start lock.
 */
export async function joinWatchdog(
  place: DataPlace,
  deadline: number,
): Promise<Membership | undefined> {
  const membership = openWriter(fifoOf(place));
  if (membership === undefined) return undefined;
  try {
    // Whatever is answered from here on: afterwards the watchdog reads again, and finds us.
    const before = await answered(place);
    let asked = -Infinity;
    while (hasWatchdog(place)) {
      if ((await answered(place)) > before) return membership;
      if (performance.now() - asked > 1000) {
        asked = performance.now();
        if (!say(membership, 'join')) break;
      }
      if (performance.now() > deadline) {
        throw new EmbeddedPostgresError(
          `The server on ${place.data} is stopping and does not come to an end: see ${place.log}, end its processes, and start again.`,
        );
      }
      await delay(5);
    }
  } catch (error) {
    closeSync(membership);
    throw error;
  }
  closeSync(membership);
  return undefined;
}

/** Has the watchdog end, and waits for that: for when its server is gone. */
export async function dismissWatchdog(
  place: DataPlace,
  membership: Membership,
  deadline: number,
): Promise<void> {
  say(membership, 'stop');
  closeSync(membership);
  while (hasWatchdog(place) && performance.now() < deadline) await delay(5);
}

/** Whether any process is a member. The caller holds the start lock and is none itself. */
export function hasMembers(place: DataPlace): boolean {
  const reader = openReader(fifoOf(place));
  try {
    return !discard(reader);
  } finally {
    closeSync(reader);
  }
}

/** Empties the FIFO of lines nobody will answer; true at end-of-file: it has no writer. */
function discard(reader: number): boolean {
  const buffer = Buffer.alloc(4096);
  try {
    while (readSync(reader, buffer) > 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}

/** False when nobody reads any more. */
function say(membership: Membership, line: 'join' | 'stop'): boolean {
  try {
    writeSync(membership, `${line}\n`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}

/** How much the watchdog has answered, in bytes. */
async function answered(place: DataPlace): Promise<number> {
  return (await stat(answersOf(place))).size;
}

async function readServerPid(place: DataPlace, watchdog: ChildProcess): Promise<number> {
  for (;;) {
    const [line, rest] = (await readFile(answersOf(place), 'utf8')).split('\n');
    if (rest !== undefined) return Number(line);
    if (watchdog.exitCode !== null || watchdog.signalCode !== null) {
      throw new EmbeddedPostgresError(
        `The shell that starts the database ended at once: see ${place.log}, and start again.`,
      );
    }
    await delay(2);
  }
}
