import { execFile, spawn, spawnSync } from 'node:child_process';
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

/**
 * Asks over and over, from a process of its own: wrk where it is installed and no rate is
 * asked for, because autocannon reads the fields of an answer more slowly than they are sent.
 *
 * @throws where an answer has another status
 */
export async function load(asked: Load): Promise<Loaded> {
  return asked.rate === undefined && hasWrk ? loadByWrk(asked) : loadByAutocannon(asked);
}

const run = promisify(execFile);
const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
export const loadGenerator = hasWrk ? 'wrk' : 'autocannon';

async function loadByWrk({ address, status, etag, connections, seconds }: Load): Promise<Loaded> {
  const field = etag === undefined ? [] : ['-H', `If-None-Match: ${etag}`];
  const count = ['-t1', '-c', String(connections), '-d', String(seconds), '--latency'];
  const { stdout } = await run('wrk', [...count, ...field, address]);
  const identity = { 'accept-encoding': 'identity' };
  const headers = etag === undefined ? identity : { ...identity, 'if-none-match': etag };
  const last = await fetch(address, { headers });
  const perSecond = /^Requests\/sec: +([\d.]+)$/m.exec(stdout)?.[1];
  const p99 = /^ +99% +([\d.]+)(us|ms|s)$/m.exec(stdout);
  const isRight = String(last.status).startsWith(status.charAt(0));
  const failures = /^ +(?:Non-2xx|Socket errors).*$/m.exec(stdout)?.[0];
  if (!isRight || failures !== undefined || perSecond === undefined || p99 === null) {
    throw new Error(`${address} was not answered with ${status} alone: ${stdout}`);
  }
  const milliseconds = { us: 0.001, ms: 1, s: 1000 }[p99[2] as 'us' | 'ms' | 's'];
  return { perSecond: Number(perSecond), p99: Number(p99[1]) * milliseconds };
}

async function loadByAutocannon(asked: Load): Promise<Loaded> {
  const { address, status, etag, connections, seconds, rate } = asked;
  const { stdout } = await run(process.execPath, [
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
