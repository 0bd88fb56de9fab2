/**
 * The service: every plugin and every route, in order. The server starts it and every test
 * builds it; read it first.
 */
import proxyAddresses from '@fastify/proxy-addr';
import fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Config } from './config.ts';
import answers from './plugins/answers.ts';
import authentication from './plugins/authentication.ts';
import cache from './plugins/cache.ts';
import { addressReader, withoutPort } from './plugins/client-address.ts';
import closing from './plugins/closing.ts';
import cors from './plugins/cors.ts';
import cursors from './plugins/cursors.ts';
import database from './plugins/database.ts';
import documentedFrame from './plugins/documented-frame.ts';
import errors from './plugins/errors.ts';
import groupLists from './plugins/group-lists.ts';
import heavyQuestions, { type HeavyQuestionsOptions } from './plugins/heavy-questions.ts';
import exports, { type ExportsOptions } from './plugins/exports.ts';
import keptCsv from './plugins/kept-csv.ts';
import { httpFrameOptions } from './plugins/http-options.ts';
import negotiation from './plugins/negotiation.ts';
import openapi from './plugins/openapi.ts';
import published from './plugins/published.ts';
import questions from './plugins/questions.ts';
import rateLimit from './plugins/rate-limit.ts';
import { ReadyAnswers } from './plugins/ready-answers.ts';
import { requestLog } from './plugins/request-log.ts';
import scheduler from './plugins/scheduler.ts';
import securityHeaders from './plugins/security-headers.ts';
import sliceFiles from './plugins/slice-files.ts';
import telemetry from './plugins/telemetry.ts';
import admin from './routes/admin/index.ts';
import docs from './routes/docs.ts';
import frontPage from './routes/front-page.ts';
import guides from './routes/guides.ts';
import health from './routes/health.ts';
import metrics from './routes/metrics.ts';
import problems from './routes/problems.ts';
import robots from './routes/robots.ts';
import systemMetrics from './routes/system-metrics.ts';
import v1 from './routes/v1/index.ts';
import verify from './routes/verify.ts';

export interface Overrides {
  readonly logger?: FastifyServerOptions['logger'];
  readonly clock?: () => Date;
  /** False: nothing is published, and no download made, but on demand. */
  readonly scheduler?: boolean;
  /** Milliseconds that a question may take in the database. */
  readonly statementTimeout?: number;
  /** How many that read many rows run at once, and how many wait for how long. */
  readonly heavyQuestions?: HeavyQuestionsOptions;
  /** For which a reader may keep others waiting where the disk is full. */
  readonly readerPatience?: ExportsOptions['patience'];
  /** Told what is going on while the store is opened. */
  readonly onProgress?: (sentence: string) => void;
}

/** A number is how many proxies stand in front: so many addresses from the right are believed. */
function trustedProxies(setting: Config['trustProxy']) {
  if (typeof setting === 'number') return (_address: string, hop: number) => hop < setting;
  if (typeof setting === 'boolean') return setting;
  const isTrusted = proxyAddresses.compile(setting.split(',').map((part) => part.trim()));
  return (address: string, hop: number) => isTrusted(withoutPort(address), hop);
}

/** Items on a page at most, of every list. */
const pageSize = 1000;

/**
 * The service, ready to listen. Opens the store, the embedded one if none is configured;
 * `close()` lets go of everything.
 */
export async function buildApp(
  config: Config,
  overrides: Overrides = {},
): Promise<FastifyInstance> {
  const clock = overrides.clock ?? (() => new Date());
  const redis = config.redisUrl === undefined ? {} : { redisUrl: config.redisUrl };
  const trustProxy = trustedProxies(config.trustProxy);
  const readyAnswers = new ReadyAnswers();
  const app = fastify({
    ...httpFrameOptions(),
    serverFactory: readyAnswers.serverFactory,
    logger: overrides.logger ?? { level: config.logLevel },
    // Who asked what is not written down; errors are, with the request's number.
    childLoggerFactory: requestLog,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy,
    forceCloseConnections: 'idle',
    // The first start makes a database cluster, which a slow disk takes its time for.
    pluginTimeout: 120_000,
  });
  try {
    await app.register(telemetry, {
      version: config.version,
      readyAnswers: () => readyAnswers.given,
    });
    await app.register(errors);
    await app.register(securityHeaders);
    await app.register(cors);
    await app.register(rateLimit, { perMinute: config.rateLimitPerMinute, clock, ...redis });
    await app.register(closing);
    await app.register(cache, redis);
    await app.register(negotiation);
    await app.register(answers, {
      ready: { answers: readyAnswers, addressOf: addressReader(trustProxy) },
    });
    await app.register(documentedFrame);
    await app.register(openapi, {
      version: config.version,
      publicUrl: config.publicUrl,
      license: config.license,
      contact: config.contact,
      requestsPerMinute: config.rateLimitPerMinute,
    });
    await app.register(database, {
      databaseUrl: config.databaseUrl,
      dataDirectory: config.dataDirectory,
      ...(overrides.statementTimeout === undefined
        ? {}
        : { statementTimeout: overrides.statementTimeout }),
      purpose: config.source === undefined ? 'data_or_demo' : 'data',
      onProgress:
        overrides.onProgress ??
        ((sentence) => {
          app.log.info(sentence);
        }),
    });
    await app.register(cursors);
    await app.register(published, {
      license: config.license,
      form: [config.version, config.dashboardUrl],
      clock,
    });
    await app.register(heavyQuestions, overrides.heavyQuestions ?? {});
    await app.register(questions, { version: config.version });
    await app.register(exports, {
      dataDirectory: config.dataDirectory,
      ahead: overrides.scheduler ?? true,
      patience: overrides.readerPatience,
    });
    await app.register(keptCsv);
    await app.register(sliceFiles);
    await app.register(groupLists);
    await app.register(scheduler, {
      source: config.source,
      schedule: config.schedule,
      enabled: overrides.scheduler ?? true,
      clock,
      personKeySecret: config.personKeySecret,
    });
    await app.register(authentication, { adminToken: config.adminToken, clock });

    await app.register(v1, {
      dashboardUrl: config.dashboardUrl,
      publicUrl: config.publicUrl,
      license: config.license,
      status: {
        clock,
        version: config.version,
        isDemo: app.store.isDemo,
        requestsPerMinute: config.rateLimitPerMinute,
        pageSize,
      },
    });
    await app.register(admin);
    await app.register(systemMetrics);
    await app.register(health);
    await app.register(metrics);
    await app.register(docs);
    await app.register(guides);
    await app.register(problems);
    await app.register(robots);
    await app.register(verify);
    await app.register(frontPage, {
      isDemo: app.store.isDemo,
      license: config.license,
      contact: config.contact,
      version: config.version,
    });
    await app.ready();
  } catch (error) {
    await app.close();
    throw error;
  }
  return app;
}
