/** Starts the service from the environment and stops it gracefully. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import { ConfigError, readConfig, type Config } from './config.ts';
import { EmbeddedPostgresError } from './db/embedded/embedded-postgres-error.ts';
import { breakSilence } from './db/slow-work.ts';
import { StoreError } from './db/store-error.ts';

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
    error instanceof StoreError ||
    error instanceof EmbeddedPostgresError;
  process.stderr.write(`${isForOperators ? error.message : inspect(error)}\n`);
  process.exit(1);
}

class StartError extends Error {}

/** What the settings did wrong when an address cannot be listened on; other errors as they are. */
function explainListening(error: unknown, { host, port }: Config): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `PORT ${String(port)} is in use on ${host}: stop what listens there, or set another one.`,
    EACCES: `PORT ${String(port)} is not this user’s to listen on: set one above 1023.`,
    EADDRNOTAVAIL: `HOST ${host} is no address of this machine.`,
    EINVAL: `HOST ${host} is no address of this machine.`,
    EAFNOSUPPORT: `HOST ${host} is no address of this machine.`,
    ENOTFOUND: `HOST ${host} is not known.`,
    EAI_AGAIN: `HOST ${host} cannot be looked up for the moment.`,
  };
  const reason = code === undefined ? undefined : reasons[code];
  return reason === undefined ? error : new StartError(reason, { cause: error });
}

/** Finds out before anything is made whether there will be somewhere to serve it. */
async function tryListening(config: Config): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host: config.host, port: config.port });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
  } catch (error) {
    throw explainListening(error, config);
  }
}

/** Without a first snapshot of a file that cannot be read, there is nothing to serve. */
async function publishFirst(app: FastifyInstance, config: Config): Promise<void> {
  const why = await tryPublishing(app, config);
  if (why === undefined) return;
  if (app.published.latest === undefined) {
    throw new StartError(`Nothing could be published: ${why}`);
  }
  say(`The last snapshot stays in service: ${why}`);
}

/** @returns why nothing could be published, if so */
async function tryPublishing(app: FastifyInstance, config: Config): Promise<string | undefined> {
  try {
    const begun = await app.publisher.catchUp();
    if (begun === undefined) return undefined;
    if (config.source?.kind === 'dashboard_database') {
      say(`Reading the Dashboard’s database in the background (run ${String(begun.run.runId)}).`);
      begun.finished.catch((error: unknown) => {
        app.log.error({ err: error }, 'the first publication failed');
      });
      return undefined;
    }
    if (config.source !== undefined) say(`Reading ${config.source.path} …`);
    const { run, problems } = await begun.finished;
    return run.problem === null ? undefined : [run.problem, ...problems].join('\n  ');
  } catch (error) {
    // The database may be out of room, or have gone: not even the failure is in the store then.
    app.log.error({ err: error }, 'the publication at start failed');
    return `no run could be recorded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function greet(app: FastifyInstance, address: string): void {
  if (app.store.isDemo) {
    say('No source is configured: these are invented data, for demonstration.');
  }
  say('');
  say(`Dashboard Open Data is at   ${address}/`);
  say(`The contract as a page:     ${address}/docs`);
  say(`A first question:           curl ${address}/v1/snapshots/latest`);
  if (app.published.latest !== undefined) return;
  say(
    app.publisher.hasSource
      ? 'Nothing has been published yet: data are answered from the first publication on, and /v1/status tells how it went.'
      : 'Nothing has been published yet: set DASHBOARD_CSV or DASHBOARD_DATABASE_URL.',
  );
}

/**
 * Keeps what the log says for information from mixing with sentences that say the same, as
 * the demonstration is made up; whoever set a more talkative level wants to see it all.
 */
async function inSentences<T>(app: FastifyInstance, work: () => Promise<T>): Promise<T> {
  const { level } = app.log;
  if (level !== 'info') return work();
  app.log.level = 'warn';
  try {
    return await work();
  } finally {
    app.log.level = level;
  }
}

async function start(): Promise<void> {
  const config = readConfig();
  say(`Dashboard Open Data ${config.version} is starting …`);
  await tryListening(config);
  // Only now, because it takes its time: what is wrong with the settings is said at once.
  const { buildApp } = await import('./app.ts');
  const app = await breakSilence(say, 'Setting up what is served …', (onProgress) =>
    buildApp(config, { onProgress }),
  );
  const stopping = new AbortController();
  closeWithGrace({ delay: graceOnStop, logger: false }, async ({ err }) => {
    stopping.abort();
    if (err) app.log.fatal({ err }, 'stopping because of an error that nobody caught');
    await app.close();
  });
  const listen = async () => {
    try {
      return await app.listen({ host: config.host, port: config.port });
    } catch (error) {
      throw explainListening(error, config);
    }
  };
  try {
    let address: string;
    if (app.store.isDemo) {
      address = await inSentences(app, async () => {
        await app.publisher.loadDemo(say);
        await publishFirst(app, config);
        return listen();
      });
    } else {
      await publishFirst(app, config);
      address = await listen();
    }
    greet(app, address.replace('[::1]', 'localhost').replace('127.0.0.1', 'localhost'));
  } catch (error) {
    await app.close();
    // What was interrupted on the way out is no failure to start.
    if (!stopping.signal.aborted) throw error;
  }
}

start().catch(fail);
