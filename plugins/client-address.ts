import proxyAddresses from '@fastify/proxy-addr';
import type { IncomingMessage } from 'node:http';

/** An address as some proxies write it, with a port: `192.0.2.1:5555`, `[2001:db8::9]:443`. */
const withPort = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):\d+|\[([^\]]*)\](?::\d+)?)$/;

/** The address alone: each connection has a port of its own, so a port says nothing of who asks. */
export function withoutPort(address: string): string {
  const match = withPort.exec(address);
  return match?.[1] ?? match?.[2] ?? address;
}

/** Whether the host, so many proxies before this service, is believed about who asked it. */
export type TrustProxy = boolean | ((address: string, hop: number) => boolean);

/** What `request.ip` will be, of requests that Fastify has not seen. */
export function addressReader(trust: TrustProxy): (request: IncomingMessage) => string {
  if (trust === false) return ({ socket }) => socket.remoteAddress ?? '';
  const isTrusted = trust === true ? () => true : trust;
  return (request) => proxyAddresses(request, isTrusted);
}
