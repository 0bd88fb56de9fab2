/** Starts the service from the environment and stops it gracefully. */
import { inspect } from 'node:util';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import { buildApp } from './app.ts';
import { ConfigError, readConfig, type Config } from './config.ts';
import { EmbeddedPostgresError } from './db/embedded/embedded-postgres-error.ts';

/** Milliseconds for answers under way and the database before the process ends anyway. */
const graceOnStop = 10_000;

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

/** What an operator can mend is said in a sentence; anything else is shown whole. */
function fail(error: unknown): never {
  const isForOperators =
    error instanceof ConfigError ||
    error instanceof StartError ||
    error instanceof EmbeddedPostgresError;
  process.stderr.write(`${isForOperators ? error.message : inspect(error)}\n`);
  process.exit(1);
}

class StartError extends Error {}

/** Without a first snapshot of a file that cannot be read, there is nothing to serve. */
async function publishFirst(app: FastifyInstance, config: Config): Promise<void> {
  const begun = await app.publisher.catchUp();
  if (begun === undefined) return;
  if (config.source?.kind === 'dashboard_database') {
    say(`Reading the Dashboard’s database in the background (run ${String(begun.run.runId)}).`);
    return;
  }
  if (config.source !== undefined) say(`Reading ${config.source.path} …`);
  const { run } = await begun.finished;
  if (app.published.latest === undefined && run.problem !== null) {
    throw new StartError(`Nothing could be published: ${run.problem}`);
  }
  if (run.problem !== null) say(`The last snapshot stays in service: ${run.problem}`);
}

function greet(app: FastifyInstance, address: string): void {
  const latest = app.published.latest;
  if (app.store.isDemo) {
    say('No source is configured: these are invented data, for demonstration.');
  }
  say('');
  say(`Dashboard Open Data is at   ${address}/`);
  say(`The contract as a page:     ${address}/docs`);
  say(`A first question:           curl ${address}/v1/snapshots/latest`);
  if (latest === undefined) {
    say('Nothing has been published yet: set DASHBOARD_CSV or DASHBOARD_DATABASE_URL.');
  }
}

async function start(): Promise<void> {
  const config = readConfig();
  const app = await buildApp(config, { onProgress: say });
  closeWithGrace({ delay: graceOnStop, logger: false }, async ({ err }) => {
    if (err) app.log.fatal({ err }, 'stopping because of an error that nobody caught');
    await app.close();
  });
  try {
    if (app.store.isDemo) await app.publisher.loadDemo(say);
    await publishFirst(app, config);
    const address = await app.listen({ host: config.host, port: config.port });
    greet(app, address.replace('[::1]', 'localhost').replace('127.0.0.1', 'localhost'));
  } catch (error) {
    await app.close();
    throw error;
  }
}

start().catch(fail);
