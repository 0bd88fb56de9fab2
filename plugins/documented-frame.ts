/** The contract tells of each route what the frame around it answers, so that no route has to. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { everyRouteProblems, frameProblems } from '../openapi/responses.ts';

/** Anybody may read; a key only gives more quota. */
const optionalKey = [{}, { apiKey: [] }];

function documentedFrame(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const { schema } = route;
    if (schema === undefined || schema.hide === true) return;
    const frame = {
      ...everyRouteProblems,
      ...(route.config?.quota === false
        ? {}
        : frameProblems(route.method === 'POST', route.url.includes(':'))),
    };
    route.schema = {
      ...schema,
      security: schema.security ?? optionalKey,
      response: { ...frame, ...(schema.response as object | undefined) },
    };
  });
}

export default fp(documentedFrame, { name: 'documented-frame' });
