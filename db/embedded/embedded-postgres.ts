import { closeSync } from 'node:fs';
import { findDataPlace, type DataPlace } from './data-place.ts';
import {
  EmbeddedPostgresError,
  explainFileError,
  useAnotherServer,
} from './embedded-postgres-error.ts';
import { inspectServer } from './postmaster.ts';
import { shareServer, waitForEnd, type SharedServer } from './server-process.ts';
import { takeStartLock, tryStartLock, type StartLock } from './start-lock.ts';
import { ensureMembersFifo, hasMembers, hasWatchdog, startWatchdog } from './watchdog.ts';

export interface EmbeddedPostgres {
  /**
   * Options for the `postgres` driver; the database's name is the caller's. `host` is the
   * directory of a Unix socket that only the server's account, and root, can enter.
   */
  readonly connection: { readonly host: string; readonly port: number; readonly user: string };
  /** Where the data really are. */
  readonly dataDirectory: string;
  /** Sentences for the operator's log, such as where the data went and why. */
  readonly notices: readonly string[];
  /**
   * Lets go of the server; the last process to let go stops it, and waits for that. A
   * process that dies without has let go. Calling it again changes nothing.
   */
  release(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Beside it come files of the same name with `.log`, `.run` and the like. */
  readonly dataDirectory: string;
  /** What takes time, in sentences, as it begins. */
  readonly onProgress?: (sentence: string) => void;
}

/** Milliseconds: initdb on a slow disk, or a recovery, by another process. */
const startLockPatience = 10 * 60_000;
/** Milliseconds; a lock that is held longer is held by a process that goes on using the server. */
const releaseLockPatience = 3000;

/**
 * Shares one PostgreSQL server on a data directory with whichever other processes do the
 * same: starts it when none runs, and makes the database's files the first time.
 *
 * When the watchdog that stops the server after the last process is itself killed, the
 * server goes on; the next process to start or to let go gives it a new one.
 *
 * @throws {EmbeddedPostgresError} when it cannot be had; the message says what to do.
 */
export async function startEmbeddedPostgres({
  dataDirectory,
  onProgress = () => {},
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(
      `The embedded database does not run on Windows: use WSL, or ${useAnotherServer}.`,
    );
  }
  const notices: string[] = [];
  const onNotice = (sentence: string): void => {
    notices.push(sentence);
  };
  try {
    const place = await findDataPlace(dataDirectory, onNotice);
    const lock = await takeStartLock(place.runDirectory, place.account, {
      milliseconds: startLockPatience,
      onWait: () => onProgress('Waiting for another process that is starting the database.'),
    });
    let server: SharedServer;
    try {
      await ensureMembersFifo(place);
      server = await shareServer({ place, lock, onProgress, onNotice });
    } finally {
      await lock.release();
    }
    let released: Promise<void> | undefined;
    return {
      connection: { host: server.host, port: server.port, user: server.user },
      dataDirectory: place.data,
      notices,
      release: () => (released ??= letGo(place, server)),
    };
  } catch (error) {
    throw explainFileError(error, dataDirectory);
  }
}

/**
 * The last keeps the lock until the server has ended: whoever came meanwhile could become a
 * member before the watchdog has seen that there was none, and the server would go on.
 */
async function letGo(place: DataPlace, server: SharedServer): Promise<void> {
  let lock: StartLock | undefined;
  try {
    try {
      lock = await tryStartLock(place.runDirectory, place.account, {
        milliseconds: releaseLockPatience,
      });
    } finally {
      closeSync(server.membership);
    }
    if (lock === undefined) return;
    if (!hasWatchdog(place)) await giveWatchdog(place);
    if (!hasMembers(place)) await waitForEnd(place, server.pid);
  } finally {
    await lock?.release();
  }
}

/** A server that has lost its watchdog would otherwise outlive its last member. */
async function giveWatchdog(place: DataPlace): Promise<void> {
  const state = await inspectServer(place.data);
  if (state.kind !== 'ready' || !state.visible) return;
  const { membership } = await startWatchdog({ place, server: { orphan: state.pid } });
  closeSync(membership);
}
