/**
 * Reads of a snapshot and 304s by the whole service, against a bare Fastify route that sends
 * the same bytes: each server in its own process, autocannon in another, and one after the
 * other in every round.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPublication } from '../jobs/run-publication.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { median, printRow, ratioText } from './measure.ts';
import { load, startServer } from './servers.ts';
import { openTemporaryStore } from './temporary-store.ts';

const rounds = 7;
const secondsEach = 3;
const connections = 64;

const sample = fileURLToPath(
  new URL('../test/fixtures/campaign_courses-2026-08-27.csv', import.meta.url),
);

/** Requests per second. */
async function rateOf(address: string, status: '2xx' | '3xx', etag?: string): Promise<number> {
  const { perSecond } = await load({
    address,
    status,
    connections,
    seconds: secondsEach,
    ...(etag === undefined ? {} : { etag }),
  });
  return perSecond;
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
  'GET /v1/snapshots/latest': () => rateOf(latest, '2xx'),
  'GET /v1/snapshots/{id}': () => rateOf(`${service.address}/v1/snapshots/1`, '2xx'),
  '304 of /v1/snapshots/latest': () => rateOf(latest, '3xx', etag),
};
const perSecond = new Map<string, number[]>();
const ratios = new Map<string, number[]>();
const floors: number[] = [];
const note = (into: Map<string, number[]>, name: string, value: number) =>
  into.set(name, [...(into.get(name) ?? []), value]);

await rateOf(bare.address, '2xx');
await rateOf(latest, '2xx');
for (let round = 0; round < rounds; round += 1) {
  for (const [name, ask] of Object.entries(questions)) {
    const floor = await rateOf(bare.address, '2xx');
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
