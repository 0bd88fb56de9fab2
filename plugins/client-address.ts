/** An address as some proxies write it, with a port: `192.0.2.1:5555`, `[2001:db8::9]:443`. */
const withPort = /^(?:(\d{1,3}(?:\.\d{1,3}){3}):\d+|\[([^\]]*)\](?::\d+)?)$/;

/** The address alone: each connection has a port of its own, so a port says nothing of who asks. */
export function withoutPort(address: string): string {
  const match = withPort.exec(address);
  return match?.[1] ?? match?.[2] ?? address;
}
