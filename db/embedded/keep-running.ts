import { setInterval } from 'node:timers/promises';
import { isAbsentOrEmpty } from './data-place.ts';
import type { EmbeddedPostgres } from './embedded-postgres.ts';
import { inspectServer } from './postmaster.ts';

/** Milliseconds between two looks. */
const interval = 2000;

export interface KeepOptions {
  readonly start: () => Promise<EmbeddedPostgres>;
  /** Told, in sentences, what has been found and done. */
  readonly onNotice: (sentence: string) => void;
}

export interface KeptServer {
  /** Lets go of the server, as of any. */
  release(): Promise<void>;
}

/**
 * Starts a server again that has ended while this process needs it, because somebody stopped or
 * killed it alone. Whoever uses it is a member, so that by itself it does not end.
 */
export function keepRunning(server: EmbeddedPostgres, options: KeepOptions): KeptServer {
  const servers = [server];
  const letGo = new AbortController();
  const keeping = keep(server.dataDirectory, options, letGo.signal, servers);
  let released: Promise<void> | undefined;
  async function release(): Promise<void> {
    letGo.abort();
    await keeping;
    for (const one of servers) await one.release();
  }
  return { release: () => (released ??= release()) };
}

async function keep(
  dataDirectory: string,
  { start, onNotice }: KeepOptions,
  letGo: AbortSignal,
  servers: EmbeddedPostgres[],
): Promise<void> {
  let said = '';
  const say = (sentence: string) => {
    if (sentence !== said) onNotice(sentence);
    said = sentence;
  };
  const looks = setInterval(interval, undefined, { signal: letGo, ref: false });
  try {
    for await (const _ of looks) {
      try {
        const state = await inspectServer(dataDirectory);
        // Told to stop, it waits for the sessions that there are, and lets nobody begin another.
        if (state.kind === 'stopping') process.kill(state.pid, 'SIGINT');
        // Without its files, as of a disk that has gone, a start would make an empty database.
        if (state.kind !== 'gone' || (await isAbsentOrEmpty(dataDirectory))) continue;
        say('The embedded database server has ended by another’s hand: it is started again.');
        servers.push(await start());
        said = '';
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        say(`The embedded database server could not be started again: ${why}`);
      }
    }
  } catch (error) {
    if (!letGo.aborted) throw error;
  }
}
