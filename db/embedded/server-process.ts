import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { chown, lstat, mkdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findBinaries } from './binaries.ts';
import type { DataPlace } from './data-place.ts';
import { ensureDatabaseFiles, readLogFrom, rotateLog, superuser } from './database-files.ts';
import {
  EmbeddedPostgresError,
  explainOutput,
  useAnotherServer,
} from './embedded-postgres-error.ts';
import { inspectServer, isRunning, type ServerState } from './postmaster.ts';
import type { StartLock } from './start-lock.ts';
import {
  dismissWatchdog,
  joinWatchdog,
  startWatchdog,
  type Membership,
  type WatchdogOptions,
} from './watchdog.ts';

/** No TCP: the number only names the socket. */
const port = 5432;
/** Bytes in a socket's path, where macOS allows the fewest. */
const socketPathLimit = 103;
const ownSocketPrefix = '/tmp/dashboard-open-data-';

/** Milliseconds; a server that was killed may have much to recover. */
const startPatience = 10 * 60_000;
const stopPatience = 2 * 60_000;
/** How long the processes of a killed server may take to notice. */
const leftoverPatience = 30_000;

const settings = [
  'listen_addresses=',
  `port=${port}`,
  'unix_socket_permissions=0700',
  'max_connections=100',
  'shared_buffers=128MB',
  'io_method=sync',
  // PostgreSQL's default; where there is a second processor at most, it is left to others.
  `max_parallel_workers_per_gather=${availableParallelism() > 2 ? 2 : 0}`,
  'fsync=on',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_destination=stderr',
  'logging_collector=off',
  'log_checkpoints=off',
];

export interface SharedServer {
  readonly membership: Membership;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly pid: number;
}

export interface ShareOptions {
  readonly place: DataPlace;
  readonly lock: StartLock;
  readonly onProgress: (sentence: string) => void;
  readonly onNotice: (sentence: string) => void;
}

/** Joins the server that runs, else starts one. The caller holds the start lock. */
export async function shareServer(options: ShareOptions): Promise<SharedServer> {
  const { place, onNotice, onProgress } = options;
  const began = performance.now();
  for (;;) {
    const joined = await joinWatchdog(place, performance.now() + stopPatience);
    if (joined !== undefined) {
      const server = await settle(options, joined);
      if (server !== undefined) return server;
      await dismissWatchdog(place, joined, performance.now() + stopPatience);
      continue;
    }
    const state = await inspectServer(place.data);
    if (state.kind === 'stopping') {
      onProgress('Waiting for the database server to stop.');
      await waitForEnd(place, state.pid);
      continue;
    }
    if (state.kind === 'ready' && !state.visible) {
      throw new EmbeddedPostgresError(
        `A server that this program did not start, or one in another container, uses ${place.data}: stop it, and start again.`,
      );
    }
    if (state.kind !== 'gone') {
      onNotice('The database server had lost its watchdog, and has a new one.');
      const { membership } = await startWatchdog({ place, server: { orphan: state.pid } });
      const server = await settle(options, membership);
      if (server !== undefined) return server;
      await dismissWatchdog(place, membership, performance.now() + stopPatience);
      continue;
    }
    const started = await start(options, state, performance.now() - began < leftoverPatience);
    if (started !== undefined) return started;
    await delay(100);
  }
}

/**
 * Undefined when processes of a server that was killed still hold its memory and it is
 * worth trying again.
 */
async function start(
  options: ShareOptions,
  state: ServerState & { kind: 'gone' },
  mayRetry: boolean,
): Promise<SharedServer | undefined> {
  const { place, lock, onProgress, onNotice } = options;
  const binaries = await findBinaries({
    account: place.account,
    copyInto: place.programs,
    onNotice,
  });
  await ensureDatabaseFiles({ place, binaries, lock: lock.descriptor, onProgress });
  onProgress('Starting the database server.');
  const sockets = await socketDirectory(place);
  const stale = state.staleSocketDirectory;
  if (stale?.startsWith(ownSocketPrefix) === true && stale !== sockets) {
    await rm(stale, { recursive: true, force: true });
  }
  const position = await rotateLog(place.log);
  const watched: WatchdogOptions = {
    place,
    ...(sockets === place.data ? {} : { ownSocketDirectory: sockets }),
    server: {
      command: [
        join(binaries.directory, 'bin', 'postgres'),
        '-D',
        place.data,
        ...[...settings, `unix_socket_directories=${sockets}`].flatMap((each) => ['-c', each]),
      ],
    },
    // PostgreSQL would take any living process with that number for the server, and a
    // zombie too. It passes over this one, and still sees whether the memory is in use.
    environment: state.stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(state.stalePid) },
  };
  const { membership, pid } = await startWatchdog(watched);
  const server = await settle(options, membership, pid);
  if (server !== undefined) return server;
  await dismissWatchdog(place, membership, performance.now() + stopPatience);
  const output = await readLogFrom(place.log, position);
  if (/pre-existing shared memory block/.test(output) && mayRetry) return undefined;
  throw explainOutput(output, 'Starting the database server', place.data);
}

/** Waits for the server to be ready; undefined when there is none (any more). */
async function settle(
  { place, onProgress }: ShareOptions,
  membership: Membership,
  startedPid?: number,
): Promise<SharedServer | undefined> {
  const began = performance.now();
  let told = false;
  for (let turn = 0; ; turn += 1) {
    const state = await inspectServer(place.data);
    if (state.kind === 'ready' && (startedPid === undefined || state.pid === startedPid)) {
      const { host, port: at, pid } = state;
      return { membership, host, port: at, user: superuser, pid };
    }
    if (state.kind === 'gone' && (startedPid === undefined || !(await isRunning(startedPid)))) {
      return undefined;
    }
    const waited = performance.now() - began;
    if (waited > startPatience) {
      closeSync(membership);
      throw new EmbeddedPostgresError(
        `The database server has not become ready in ${startPatience / 60_000} minutes: see ${place.log}, or ${useAnotherServer}.`,
      );
    }
    if (waited > 2000 && !told) {
      told = true;
      onProgress('Waiting for the database server; after a crash it recovers what was written.');
    }
    await delay(10);
  }
}

/** Waits, for a bounded time, for a server to have ended. */
export async function waitForEnd(place: DataPlace, pid: number): Promise<void> {
  const deadline = performance.now() + stopPatience;
  while (await isServing(place, pid)) {
    if (performance.now() > deadline) {
      throw new EmbeddedPostgresError(
        `The database server on ${place.data} (process ${pid}) does not stop: see ${place.log}, end it, and start again.`,
      );
    }
    await delay(10);
  }
}

async function isServing(place: DataPlace, pid: number): Promise<boolean> {
  const state = await inspectServer(place.data);
  return state.kind !== 'gone' && state.pid === pid;
}

/**
 * The data directory is private already, and the same path from every container that
 * mounts it. Where its path is too long, or has what separates paths in a list of them,
 * the socket gets a private directory with a short one, which is the same each time: who
 * has lost the server looks for it there.
 */
async function socketDirectory({ data, account }: DataPlace): Promise<string> {
  const path = join(data, `.s.PGSQL.${port}`);
  if (Buffer.byteLength(path) <= socketPathLimit && !/[,"]/.test(data)) return data;
  const { dev, ino } = await stat(data, { bigint: true });
  const name = createHash('sha256').update(`${dev} ${ino} ${data}`).digest('hex').slice(0, 16);
  const directory = ownSocketPrefix + name;
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  const there = await lstat(directory);
  const isOurs = there.uid === account.uid || there.uid === process.getuid?.();
  if (!there.isDirectory() || !isOurs || (there.mode & 0o77) !== 0) {
    throw new EmbeddedPostgresError(
      `${directory}, where the database server's socket is to be, is somebody else's: remove it, or set DATA_DIR to a shorter path.`,
    );
  }
  if (there.uid !== account.uid) await chown(directory, account.uid, account.gid);
  return directory;
}
