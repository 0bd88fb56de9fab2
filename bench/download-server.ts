/**
 * `DATA_DIR`: serves the whole service and, at `/bare`, the file that it is told of as a bare
 * Node file stream; says its address, and then what it is asked over its channel.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pipeline } from 'node:stream';
import { buildApp } from '../app.ts';
import { readConfig } from '../config.ts';

export interface Watched {
  /** Megabytes. */
  readonly idle: number;
  readonly peak: number;
  /** Milliseconds. */
  readonly delay: number;
}

export type Question =
  | { readonly ask: 'watch' }
  | { readonly ask: 'watched' }
  | { readonly ask: 'settle' }
  | { readonly ask: 'stop' }
  | { readonly ask: 'bare'; readonly file: string };

const app = await buildApp(
  readConfig({
    DATA_DIR: process.argv[2],
    LOG_LEVEL: 'silent',
    RATE_LIMIT_PER_MINUTE: '900000000',
  }),
  { scheduler: false },
);

let bareFile = '';
const bare = createServer((_request, response) => {
  stat(bareFile).then(
    ({ size }) => {
      response.writeHead(200, { 'content-length': size });
      pipeline(
        createReadStream(bareFile, { highWaterMark: 1024 * 1024 }),
        response,
        () => undefined,
      );
    },
    () => response.destroy(),
  );
});
bare.listen(0, '127.0.0.1');

const delays = monitorEventLoopDelay({ resolution: 2 });
let idle = 0;
let peak = 0;
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10).unref();

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'watch':
      idle = peak = process.memoryUsage.rss();
      delays.enable();
      delays.reset();
      return {};
    case 'watched':
      return { idle: idle / 1e6, peak: peak / 1e6, delay: delays.percentile(99) / 1e6 };
    case 'bare':
      bareFile = question.file;
      return {};
    case 'settle':
      await app.exports.settled();
      return {};
    case 'stop':
      bare.close();
      await app.close();
      process.disconnect();
      return undefined;
  }
}

process.on('message', (question: Question) => {
  void answer(question).then((found) => {
    if (found !== undefined) process.send?.(found);
  });
});
const service = await app.listen({ host: '127.0.0.1', port: 0 });
const address = bare.address();
const port = typeof address === 'object' ? address?.port : undefined;
process.send?.({ service, bare: `http://127.0.0.1:${String(port)}/` });
