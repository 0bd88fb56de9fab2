/**
 * Shares the embedded server on the data directory given as the first argument, says so in
 * one line of JSON, and holds on until its standard input ends; then lets go.
 */
import { once } from 'node:events';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';

const [, , dataDirectory] = process.argv;
if (dataDirectory === undefined) throw new Error('usage: hold-server.ts DATA_DIRECTORY');

const began = performance.now();
const progress: string[] = [];
const server = await startEmbeddedPostgres({
  dataDirectory,
  onProgress: (sentence) => progress.push(sentence),
});
const milliseconds = Math.round(performance.now() - began);
const sql = postgres({ ...server.connection, database: 'postgres', max: 1, onnotice: () => {} });
const [row] = await sql<
  { started: string }[]
>`select extract(epoch from pg_postmaster_start_time())::text as started`;
await sql.end();
const { connection, notices } = server;
process.stdout.write(
  `${JSON.stringify({
    connection,
    notices,
    progress,
    milliseconds,
    dataDirectory: server.dataDirectory,
    started: row?.started,
    processId: process.pid,
  })}\n`,
);
process.stdin.resume();
await once(process.stdin, 'end');
await server.release();
process.stdout.write('released\n');
