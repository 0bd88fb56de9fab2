/**
 * A database that vanishes from the network without a word. TCP finds out by itself within
 * half a minute where all that was sent has arrived (`keepAlive`), but gives up only after a
 * quarter of an hour what has not.
 */
import { Socket } from 'node:net';

/** Seconds of silence after which it is asked whether the other side is there. */
export const keepAlive = 15;
/** Milliseconds between two looks. */
const interval = 200;

/** Where a server is, as the driver has read it from its options. */
export interface SocketTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Of a Unix socket. */
  readonly path?: string | false;
}

/**
 * A socket for the driver, which names it by `host` and `port`, that is closed when something was
 * sent and nothing has come back for so many milliseconds.
 */
export function watchedSocket({ host, port, path }: SocketTarget, patience: number): Socket {
  const socket = Object.assign(new Socket(), { host: host[0], port: port[0] });
  if (path) socket.connect(path);
  else socket.connect(port[0] ?? 0, host[0] ?? '');
  closeUnanswered(socket, patience);
  return socket;
}

function closeUnanswered(socket: Socket, patience: number): void {
  let readWhenSent = 0;
  let waitingSince: number | undefined;
  function noteSent(): void {
    if (socket.bytesRead > readWhenSent) waitingSince = undefined;
    readWhenSent = socket.bytesRead;
    waitingSince ??= performance.now();
  }
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean;
  Object.assign(socket, {
    write(...given: unknown[]): boolean {
      noteSent();
      return write(...given);
    },
  });
  let read = 0;
  let written = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) {
      // The driver takes all listeners off, so that nothing else tells of it.
      clearInterval(timer);
      return;
    }
    // Of a TLS connection only the bytes are known. What is sent in the same turn as something is
    // read counts as answered: TCP finds out about it, or the next look after something is sent.
    if (socket.bytesWritten > written && socket.bytesRead === read) noteSent();
    read = socket.bytesRead;
    written = socket.bytesWritten;
    if (waitingSince === undefined || read > readWhenSent) return;
    if (performance.now() - waitingSince > patience) socket.destroy();
  }, interval).unref();
}
