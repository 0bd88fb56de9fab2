import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { inspectServer } from '../db/embedded/postmaster.ts';
import type { Run } from '../openapi/run.ts';
import type { Snapshot } from '../openapi/snapshot.ts';
import { makeDirectory, serverPid, until, untilStopped, type Cleanup } from './embedded/holder.ts';
import { makeExport, totalsOfRows, type KnownTotals } from './support/exports.ts';
import { buildService } from './support/service.ts';
import { processesNaming, startProgram, startService, type Program } from './support/program.ts';

const killsAtFirstStart = 2;
const killsOfImports = 9;
const killsOfServices = 9;

const directory = await makeDirectory(t);
const dataDirectory = join(directory, 'data');
const postgres = join(dataDirectory, 'postgres');
const adminToken = 'only-for-this-test-and-no-other-one';

async function keepExport(name: string, made: ReturnType<typeof makeExport>) {
  const path = join(directory, name);
  await writeFile(path, made.text);
  return { path, totals: made.totals };
}

const editions = [
  await keepExport('even.csv', makeExport(2000, 0)),
  await keepExport('odd.csv', makeExport(2000, 1)),
] as const;

const startImport = (t: Cleanup, path: string): Program =>
  startProgram(t, ['commands/import.ts', path], { DATA_DIR: dataDirectory });

const startPublishing = (t: Cleanup, path: string): Program =>
  startProgram(t, ['server.ts'], {
    DATA_DIR: dataDirectory,
    DASHBOARD_CSV: path,
    HOST: '127.0.0.1',
    PORT: '0',
  });

interface Published {
  readonly body: string;
  readonly csv: string;
}

/** Everything published so far, as it was first read. */
const history = new Map<number, Published>();

/**
 * Starts the service without a source, so that it publishes nothing, and compares all that it
 * says with itself, with the two editions and with what it said before.
 *
 * @returns the edition that is served
 */
async function checkWhole(t: Test): Promise<0 | 1> {
  const service = await buildService(t, { DATA_DIR: dataDirectory });
  const read = async (path: string): Promise<string> => {
    const answer = await service.inject(path);
    t.equal(answer.statusCode, 200, path);
    return answer.body;
  };
  const body = await read('/v1/snapshots/latest');
  const { snapshot_id: latest, totals } = JSON.parse(body) as Snapshot;
  const csv = await read('/v1/courses.csv');
  const published: KnownTotals = totalsOfRows(csv);
  t.match(totals, published, 'the totals are the sums of the rows');
  const edition = published.edits === editions[0].totals.edits ? 0 : 1;
  t.strictSame(published, editions[edition].totals, 'and those of one whole edition');
  for (const [id, earlier] of [...history].slice(-2)) {
    t.equal(await read(`/v1/snapshots/${String(id)}`), earlier.body, 'earlier totals stand');
    t.equal(await read(`/v1/courses.csv?snapshot=${String(id)}`), earlier.csv, 'and their rows');
  }
  history.set(latest, { body, csv });
  await service.close();
  return edition;
}

/** When a program has begun with its work: what comes before is the start of Node.js. */
const begun = /Starting the database server|courses: 1000 rows/;

/** Kills the program and, if asked to, its database with it, as a power failure would. */
async function killAt(program: Program, milliseconds: number, withDatabase = false) {
  await program.line(begun);
  await Promise.race([delay(milliseconds), program.ended]);
  program.child.kill('SIGKILL');
  if (withDatabase) {
    await serverPid(postgres)
      .then((pid) => process.kill(pid, 'SIGKILL'))
      .catch(ignoreAbsence);
  }
  await program.ended;
}

/** The server may not have been started yet, or have been stopped. */
function ignoreAbsence(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
}

t.test('A start that is killed before anything was published is no hindrance', async (t) => {
  for (let kill = 0; kill < killsAtFirstStart; kill += 1) {
    await killAt(startImport(t, editions[0].path), Math.random() * 1500);
  }
  const first = await startImport(t, editions[0].path).ended;
  t.equal(first.code, 0, first.errors);
  t.equal(await checkWhole(t), 0);
});

for (const [name, kills, start, done] of [
  ['an import', killsOfImports, startImport, /Published as/],
  ['a service that publishes at its start', killsOfServices, startPublishing, /is at/],
] as const) {
  t.test(`Whenever ${name} is killed, a whole snapshot is served afterwards`, async (t) => {
    let served = await checkWhole(t);
    const whole = start(t, editions[1 - served]!.path);
    await whole.line(begun);
    const began = performance.now();
    await whole.line(done);
    const duration = performance.now() - began;
    whole.child.kill('SIGTERM');
    await whole.ended;
    served = await checkWhole(t);
    const moments: number[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      // One random moment in each of as many parts of a whole run.
      const moment = ((kill + Math.random()) / kills) * duration;
      moments.push(Math.round(moment));
      await killAt(start(t, editions[1 - served]!.path), moment, kill % 4 === 3);
      served = await checkWhole(t);
    }
    t.comment(`of ${String(Math.round(duration))} ms, killed at ${moments.join(', ')}`);
  });
}

t.test('Some of the kills were in the middle of a publication', async (t) => {
  const service = await startService(t, { DATA_DIR: dataDirectory, ADMIN_TOKEN: adminToken });
  const answer = await fetch(new URL('/v1/admin/runs?limit=100', service.url), {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { items } = (await answer.json()) as { items: Run[] };
  const lost = items.filter((run) => run.problem === 'The process ended before the run did.');
  t.ok(lost.length > 0);
  t.comment(`${String(lost.length)} of ${String(items.length)} runs lost their process`);
  service.child.kill('SIGTERM');
  await service.ended;
});

t.test('SIGTERM lets answers under way end, then stops everything', async (t) => {
  // More than the sockets’ buffers hold.
  const large = makeExport(2000, 2, 5000);
  const { path } = await keepExport('large.csv', large);
  const service = await startService(t, { DATA_DIR: dataDirectory, DASHBOARD_CSV: path });
  const request = get(new URL('/v1/courses.csv', service.url));
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  service.child.kill('SIGTERM');
  await until('no connection is taken any more', () => isRefused(service.address));
  t.equal(service.child.exitCode, null, 'it waits for its reader');
  t.strictSame(totalsOfRows(await text(answer)), large.totals);
  t.ok(answer.complete);
  const { code, errors } = await service.ended;
  t.equal(code, 0, errors);
  t.equal((await inspectServer(postgres)).kind, 'gone');
  await untilStopped(postgres);
  t.strictSame(await processesNaming(directory), []);
});

async function isRefused(url: URL): Promise<boolean> {
  const socket = connect(Number(url.port), url.hostname);
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}
