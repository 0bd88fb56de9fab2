import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Cleanup } from '../embedded/holder.ts';
import type { TestStore } from './store.ts';

export interface Network {
  /** The store, by way of this network. */
  readonly store: TestStore;
  /** From now on nothing arrives, of what was connected before nor anything new. */
  vanish(): void;
  /** New connections are made again; what comes on the old ones is still lost. */
  comeBack(): void;
  /** Every connection is reset. */
  reset(): void;
  /** The connection that the so-manieth message from now on comes on is reset before it arrives. */
  resetAt(message: number): void;
}

export async function networkTo(t: Cleanup, store: TestStore): Promise<Network> {
  const target = new URL(store.url);
  const directory = target.searchParams.get('host');
  const port = target.port === '' ? '5432' : target.port;
  const sockets = new Set<Socket>();
  const nears = new Set<Socket>();
  let isThere = true;
  let untilReset = Infinity;
  const server = createServer({ pauseOnConnect: true }, (near) => {
    sockets.add(near.on('error', () => undefined));
    if (!isThere) return;
    const far =
      directory === null
        ? connectSocket(Number(port), target.hostname)
        : connectSocket(`${directory}/.s.PGSQL.${port}`);
    sockets.add(far.on('error', () => undefined));
    nears.add(near);
    near.on('data', (message) => {
      untilReset -= 1;
      if (untilReset === 0) near.resetAndDestroy();
      else far.write(message);
    });
    near.on('end', () => far.end());
    near.on('close', () => {
      nears.delete(near);
      if (isThere) far.destroy();
    });
    far.pipe(near.resume());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const url = new URL(store.url);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    store: { ...store, url: url.href },
    vanish() {
      isThere = false;
      for (const socket of sockets) socket.unpipe().pause();
    },
    comeBack() {
      isThere = true;
    },
    reset() {
      for (const near of nears) near.resetAndDestroy();
    },
    resetAt(message) {
      untilReset = message;
    },
  };
}
