/**
 * Reads of a snapshot and 304s by the whole service, against a bare Fastify route that sends
 * the same bytes: each server in its own process, autocannon in another, and one after the
 * other in every round.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runPublication } from '../jobs/run-publication.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { median, printRow, ratioText } from './measure.ts';
import { openTemporaryStore } from './temporary-store.ts';

const rounds = 7;
const secondsEach = 3;
const connections = 64;

const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js');
const serverFile = fileURLToPath(new URL('snapshot-server.ts', import.meta.url));
const sample = fileURLToPath(
  new URL('../test/fixtures/campaign_courses-2026-08-27.csv', import.meta.url),
);

/** The address of a server in a process of its own, and how to end it. */
async function startServer(
  ...args: string[]
): Promise<{ address: string; stop(): Promise<unknown> }> {
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

/** Requests per second, all of them answered with the status. */
async function load(address: string, status: '2xx' | '3xx', etag?: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    autocannon,
    ...['--json', '-c', String(connections), '-d', String(secondsEach)],
    ...(etag === undefined ? [] : ['-H', `if-none-match=${etag}`]),
    address,
  ]);
  const result = JSON.parse(stdout) as Record<string, number> & { requests: { average: number } };
  const bad = ['1xx', '2xx', '3xx', '4xx', '5xx'].filter((kind) => kind !== status);
  if ([...bad, 'errors', 'timeouts'].some((kind) => result[kind] !== 0)) {
    throw new Error(`${address} was not answered with ${status} alone: ${stdout}`);
  }
  return result.requests.average;
}

const store = await openTemporaryStore();
await runPublication({
  address: store.address,
  source: dashboardCsvSource(sample),
  trigger: 'command',
  clock: () => new Date(),
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  signal: new AbortController().signal,
  wait: true,
});
const service = await startServer('service', store.directory);
const latest = `${service.address}/v1/snapshots/latest`;
const answer = await fetch(latest, { headers: { 'accept-encoding': 'identity' } });
const etag = answer.headers.get('etag') ?? '';
const body = join(store.directory, 'body.json');
await writeFile(body, Buffer.from(await answer.arrayBuffer()));
const bare = await startServer('bare', body);

const questions = {
  'GET /v1/snapshots/latest': () => load(latest, '2xx'),
  'GET /v1/snapshots/{id}': () => load(`${service.address}/v1/snapshots/1`, '2xx'),
  '304 of /v1/snapshots/latest': () => load(latest, '3xx', etag),
};
const perSecond = new Map<string, number[]>();
const ratios = new Map<string, number[]>();
const floors: number[] = [];
const note = (into: Map<string, number[]>, name: string, value: number) =>
  into.set(name, [...(into.get(name) ?? []), value]);

await load(bare.address, '2xx');
await load(latest, '2xx');
for (let round = 0; round < rounds; round += 1) {
  for (const [name, ask] of Object.entries(questions)) {
    const floor = await load(bare.address, '2xx');
    const reached = await ask();
    floors.push(floor);
    note(perSecond, name, reached);
    note(ratios, name, reached / floor);
  }
}
for (const name of Object.keys(questions)) {
  printRow({
    what: name,
    measured: `${(median(perSecond.get(name) ?? []) / 1000).toFixed(1)} k/s`,
    against: `${(median(floors) / 1000).toFixed(1)} k/s`,
    ratio: ratioText(ratios.get(name) ?? []),
    target: name.startsWith('304') ? '≥ 1.0' : '≥ 0.8',
  });
}
await service.stop();
await bare.stop();
await store.release();
