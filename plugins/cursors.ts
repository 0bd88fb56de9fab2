/** Cursors that every instance on the store can read, and nobody else can write. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { readCursorSecret } from '../db/queries/store.ts';
import { Cursors } from '../openapi/cursor.ts';

declare module 'fastify' {
  interface FastifyInstance {
    cursors: Cursors;
  }
}

async function cursors(app: FastifyInstance): Promise<void> {
  app.decorate('cursors', new Cursors(await readCursorSecret(app.sql)));
}

export default fp(cursors, { name: 'cursors', dependencies: ['database'] });
