/** The store, opened once, and its connections; long jobs have connections of their own. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { connect, type Sql } from '../db/connect.ts';
import {
  openStore,
  realDataChannel,
  serviceName,
  type OpenedStore,
  type OpenStoreOptions,
} from '../db/open-store.ts';
import { fileTimeout } from '../db/queries/stream-file.ts';
import { answered } from './answered.ts';

export interface DatabaseOptions extends OpenStoreOptions {
  /** Milliseconds that a statement may take. */
  readonly statementTimeout?: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    store: Pick<OpenedStore, 'address' | 'isDemo'>;
    /** For questions, each answered before the next. */
    sql: Sql;
    /** For downloads, which hold their connection for as long as the client reads. */
    downloadSql: Sql;
    /** For a few rows by their key. @throws where they do not come within ten seconds */
    answered: typeof answered;
  }
}

/** A small part of PostgreSQL's default of 100, of one instance. */
const connections = 10;
/** Readers of downloads wait for each other, and never keep a question waiting. */
const downloadConnections = 6;

/** Milliseconds after which no reader still waits for an answer. */
const statementTimeoutByDefault = 30_000;
/** Milliseconds beyond the longest statement in which its end has come to here, if it comes. */
const onTheWay = 10_000;

async function database(app: FastifyInstance, options: DatabaseOptions): Promise<void> {
  const { statementTimeout = statementTimeoutByDefault, ...storeOptions } = options;
  const onRevival = (sentence: string) => {
    app.log.warn(sentence);
  };
  const store = await openStore({ ...storeOptions, onRevival });
  const sql = connect(store.address, {
    max: connections,
    applicationName: serviceName,
    statementTimeout,
    answerTimeout: statementTimeout + onTheWay,
  });
  const downloadSql = connect(store.address, {
    max: downloadConnections,
    applicationName: `${serviceName} downloads`,
    statementTimeout,
    answerTimeout: fileTimeout + onTheWay,
  });
  if (store.isDemo) {
    await sql.listen(realDataChannel, () => {
      app.log.warn(
        'real data have been published into this DATA_DIR: they are served after a restart, ' +
          'and until then the demonstration is',
      );
    });
  }
  app.decorate('store', store);
  app.decorate('sql', sql);
  app.decorate('downloadSql', downloadSql);
  app.decorate('answered', answered);
  app.addHook('onClose', async () => {
    await Promise.all([sql.end(), downloadSql.end()]);
    await store.release();
  });
}

export default fp(database, { name: 'database' });
