/**
 * `service DATA_DIR` or `bare FILE`: serves the whole service, or a bare Fastify route that
 * sends what the file says, until its standard input ends; says its address in one line.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import fastify, { type FastifyInstance } from 'fastify';
import { buildApp } from '../app.ts';
import { readConfig } from '../config.ts';

const [, , kind, path = ''] = process.argv;

/** An answer as it is sent: `/` sends its body alone, `/headed` its fields too. */
export interface RecordedAnswer {
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

async function bareApp(): Promise<FastifyInstance> {
  const answer = JSON.parse(await readFile(path, 'utf8')) as RecordedAnswer;
  const body = Buffer.from(answer.body);
  const app = fastify();
  app.get('/', (_request, reply) => {
    reply.type('application/json; charset=utf-8').send(body);
  });
  app.get('/headed', (_request, reply) => {
    reply.headers(answer.fields).send(body);
  });
  return app;
}

const app =
  kind === 'bare'
    ? await bareApp()
    : await buildApp(
        readConfig({
          DATA_DIR: path,
          LOG_LEVEL: 'silent',
          RATE_LIMIT_PER_MINUTE: '900000000',
        }),
        { scheduler: false },
      );
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
process.stdin.resume();
await once(process.stdin, 'end');
await app.close();
