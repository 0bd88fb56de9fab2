/** JSON goes to whoever can take it; files, pages and problems go to anybody, whatever Accept says. */
import type { FastifyInstance, FastifyReply, preHandlerHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { problemMediaType } from '../openapi/problem.ts';
import { problems } from '../openapi/responses.ts';
import { ProblemError } from './errors.ts';
import { MediaChoice } from './media-choice.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether answers are JSON, so that Accept may rule them out. */
    answersJson?: boolean;
  }
  interface FastifyInstance {
    /** The choice between types that a resource has, the preferred one first. */
    mediaChoice<Type extends string>(types: readonly Type[]): MediaChoice<Type>;
    /** Whether a request with this Accept may be answered with JSON. */
    acceptsJson(accept: string | undefined): boolean;
    /** A preHandler hook that refuses before anything is done what could not be answered. */
    requireAcceptable: preHandlerHookHandler;
  }
  interface FastifyReply {
    /** The problem of a route whose JSON the request does not accept. */
    mediaRefusal(): ProblemError | undefined;
  }
}

const jsonMediaType = 'application/json';

function negotiation(app: FastifyInstance): void {
  const json = new MediaChoice([jsonMediaType, problemMediaType]);

  // Who names nothing but problems would have no use for a 406 either.
  const acceptsJson = (accept: string | undefined) => {
    const chosen = json.choose(accept);
    return chosen === jsonMediaType || (chosen !== undefined && accept?.includes(chosen) === true);
  };

  app.addHook('onRoute', (route) => {
    const { schema } = route;
    if (schema === undefined || schema.hide === true || route.config?.quota === false) return;
    const responses = (schema.response ?? {}) as Readonly<Record<string, unknown>>;
    const isJson = [responses['200'], responses['202']].some(hasJson);
    if (!isJson) return;
    route.config = { ...route.config, answersJson: true };
    route.schema = { ...schema, response: { ...responses, 406: problems[406] } };
  });

  function mediaRefusal(reply: FastifyReply): ProblemError | undefined {
    if (acceptsJson(reply.request.raw.headers.accept)) return undefined;
    const { answersJson } = reply.request.routeOptions.config;
    return answersJson === true ? ProblemError.notAcceptable([jsonMediaType]) : undefined;
  }

  app.decorate('mediaChoice', <Type extends string>(types: readonly Type[]) => {
    return new MediaChoice(types);
  });
  app.decorate('acceptsJson', acceptsJson);
  app.decorateReply('mediaRefusal', function (this: FastifyReply) {
    return mediaRefusal(this);
  });
  app.decorate('requireAcceptable', ((_request, reply, done) => {
    done(mediaRefusal(reply));
  }) satisfies preHandlerHookHandler);
}

function hasJson(response: unknown): boolean {
  const { content } = (response ?? {}) as { readonly content?: object };
  return content !== undefined && jsonMediaType in content;
}

export default fp(negotiation, { name: 'negotiation', dependencies: ['errors'] });
