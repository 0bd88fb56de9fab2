import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Server {
  readonly address: string;
  stop(): Promise<unknown>;
}

const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js');
const serverFile = fileURLToPath(new URL('snapshot-server.ts', import.meta.url));

/** `service DATA_DIR` or `bare FILE`, in a process of its own. */
export async function startServer(...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, ['--import', 'tsx', serverFile, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const stop = () => {
    child.stdin.end();
    return once(child, 'exit');
  };
  return { address: line.trim(), stop };
}

export interface Load {
  readonly address: string;
  readonly status: '2xx' | '3xx';
  readonly etag?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second at most, of all connections; without it as many as are answered. */
  readonly rate?: number;
}

export interface Loaded {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p99: number;
}

/** Asks over and over, from a process of its own. @throws where an answer has another status */
export async function load(asked: Load): Promise<Loaded> {
  const { address, status, etag, connections, seconds, rate } = asked;
  const { stdout } = await promisify(execFile)(process.execPath, [
    autocannon,
    ...['--json', '-c', String(connections), '-d', String(seconds)],
    ...(rate === undefined ? [] : ['-R', String(rate)]),
    ...(etag === undefined ? [] : ['-H', `if-none-match=${etag}`]),
    address,
  ]);
  const result = JSON.parse(stdout) as Record<string, number> & {
    readonly requests: { readonly average: number };
    readonly latency: { readonly p99: number };
  };
  const bad = ['1xx', '2xx', '3xx', '4xx', '5xx'].filter((kind) => kind !== status);
  if ([...bad, 'errors', 'timeouts'].some((kind) => result[kind] !== 0)) {
    throw new Error(`${address} was not answered with ${status} alone: ${stdout}`);
  }
  return { perSecond: result.requests.average, p99: result.latency.p99 };
}
