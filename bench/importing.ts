/**
 * Importing an export of 100,000 rows, into an empty store and again with 1 % changed, against
 * parsing it to nowhere with csv-parse, and against the service's own reader, which checks every
 * course and gives it to nobody.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { Parser } from 'csv-parse';
import { runPublication } from '../jobs/run-publication.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { headerLine, line } from '../test/dashboard-csv-file.ts';
import { printRow, ratioText, secondsText, timed } from './measure.ts';
import { openTemporaryStore, type TemporaryStore } from './temporary-store.ts';

const rows = 100_000;
const rounds = 5;

async function writeExport(path: string, edition: number): Promise<void> {
  const file = createWriteStream(path);
  file.write(`${headerLine}\n`);
  for (let row = 0; row < rows; row += 1) {
    const text = line({
      course_slug: `School_${String(row % 500)}/Course_${String(row)}_(Spring_2026)`,
      title: `Course ${String(row)}`,
      total_edits: String(row % 100 === 0 ? row + edition : row),
      bytes_added: String(row * 37),
    });
    if (!file.write(`${text}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function parseToNowhere(path: string): Promise<void> {
  const parser = new Parser({
    delimiter: ',',
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_records_with_error: true,
  });
  let count = 0;
  pipeline(createReadStream(path), parser, () => undefined);
  for await (const _record of parser) count += 1;
  if (count !== rows + 1) throw new Error(`${String(count)} records`);
}

async function readToNowhere(path: string): Promise<void> {
  const reading = await dashboardCsvSource(path).open({
    signal: new AbortController().signal,
    now: new Date(),
    markers: new Map(),
  });
  let count = 0;
  for await (const courses of reading.courses()) count += courses.length;
  await reading.close();
  if (count !== rows) throw new Error(`${String(count)} courses`);
}

async function importInto(store: TemporaryStore, path: string): Promise<void> {
  const { run } = await runPublication({
    address: store.address,
    source: dashboardCsvSource(path),
    trigger: 'command',
    clock: () => new Date(),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    signal: new AbortController().signal,
    wait: true,
  });
  if (run.state !== 'succeeded') throw new Error(run.problem ?? run.state);
}

const parsed: number[] = [];
const read: number[] = [];
const first: number[] = [];
const second: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  const store = await openTemporaryStore();

  const before = join(store.directory, 'before.csv');
  const after = join(store.directory, 'after.csv');
  await writeExport(before, 0);
  await writeExport(after, 1);
  parsed.push((await timed(() => parseToNowhere(before)))[0]);
  read.push((await timed(() => readToNowhere(before)))[0]);
  first.push((await timed(() => importInto(store, before)))[0]);
  second.push((await timed(() => importInto(store, after)))[0]);
  await store.release();
}
for (const [what, times] of [
  ['importing 100,000 rows into an empty store', first],
  ['importing them again, 1 % changed', second],
] as const) {
  printRow({
    what: `${what}, of csv-parse`,
    measured: secondsText(times),
    against: secondsText(parsed),
    ratio: ratioText(times.map((time, round) => (parsed[round] ?? NaN) / time)),
    target: '≥ 0.3',
  });
  printRow({
    what: `${what}, of the service's own reader`,
    measured: secondsText(times),
    against: secondsText(read),
    ratio: ratioText(times.map((time, round) => (read[round] ?? NaN) / time)),
    target: '',
  });
}
