/**
 * Reads of a snapshot and 304s by the whole service, against bare Fastify routes that send the
 * same body, alone and with the same header fields: each server in its own process, the load in
 * another, and one after the other in every round.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPublication } from '../jobs/run-publication.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { median, printRow, ratioText } from './measure.ts';
import { load, loadGenerator, startServer } from './servers.ts';
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
// Fastify and Node add these themselves.
const framing = ['connection', 'content-length', 'date', 'keep-alive'];
const fields = [...answer.headers].filter(([name]) => !framing.includes(name));
const recorded = join(store.directory, 'answer.json');
await writeFile(
  recorded,
  JSON.stringify({ fields: Object.fromEntries(fields), body: await answer.text() }),
);
const bare = await startServer('bare', recorded);
const floors = {
  'the same body alone': bare.address,
  'the same fields and body': `${bare.address}/headed`,
};

const questions = {
  'GET /v1/snapshots/latest': () => rateOf(latest, '2xx'),
  'GET /v1/snapshots/{id}': () => rateOf(`${service.address}/v1/snapshots/1`, '2xx'),
  '304 of /v1/snapshots/latest': () => rateOf(latest, '3xx', etag),
};
type Rates = Record<string, number[]>;
const rates: Rates = {};
const note = (name: string, rate: number) => (rates[name] ??= []).push(rate);

await rateOf(bare.address, '2xx');
await rateOf(latest, '2xx');
for (let round = 0; round < rounds; round += 1) {
  for (const [name, address] of Object.entries(floors)) note(name, await rateOf(address, '2xx'));
  for (const [name, ask] of Object.entries(questions)) note(name, await ask());
}
const thousands = (name: string) => `${(median(rates[name] ?? []) / 1000).toFixed(1)} k/s`;
for (const name of Object.keys(questions)) {
  for (const floor of Object.keys(floors)) {
    const pairs = (rates[name] ?? []).map((rate, round) => rate / (rates[floor]?.[round] ?? NaN));
    printRow({
      what: `${name}, of a bare route with ${floor} (${loadGenerator})`,
      measured: thousands(name),
      against: thousands(floor),
      ratio: ratioText(pairs),
      target: name.startsWith('304') ? '≥ 1.0' : '≥ 0.8',
    });
  }
}
await service.stop();
await bare.stop();
await store.release();
