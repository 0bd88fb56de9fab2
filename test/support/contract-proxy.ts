/** Stands in front of a service in a process of its own, and holds what it answers to its document. */
import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Cleanup } from '../embedded/holder.ts';
import { BodyLook, Findings } from './conformance.ts';
import { Contract } from './contract.ts';

/**
 * The address at which the service's answers are looked at: what is not as documented makes
 * the test fail when it ends. Bytes, and connections that break, are passed on as they are.
 */
export async function startContractProxy(t: Cleanup, service: URL): Promise<URL> {
  const document = (await (await fetch(new URL('/openapi.json', service))).json()) as object;
  const findings = new Findings(new Contract(document));
  const server = createServer((request, response) => {
    passOn(service, request, response, findings).catch(() => {
      response.destroy();
      request.socket.resetAndDestroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await findings.report();
  });
  return new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
}

async function passOn(
  service: URL,
  request: IncomingMessage,
  response: ServerResponse,
  findings: Findings,
): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const asking = ask({
    host: service.hostname,
    port: service.port,
    method,
    path: url,
    headers: [...fieldsOf(request), ...withoutBody(request)],
    // A connection for each request, so that each breaks by itself.
    agent: false,
  });
  response.once('close', () => {
    if (!response.writableFinished) asking.destroy();
  });
  // The body may be refused before all of it has been read.
  const sending = pipeline(request, asking).catch(() => undefined);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  asking.on('error', () => undefined);
  const status = answer.statusCode ?? 0;
  const look = new BodyLook(status, answer.headers);
  answer.on('data', (piece: Buffer) => {
    look.add(piece);
  });
  response.writeHead(status, fieldsOf(answer));
  await pipeline(answer, response);
  await sending;
  findings.add(
    look.exchange({ method, url, status, headers: answer.headers, isHead: method === 'HEAD' }),
  );
}

/** What Node would else call a body of unknown length, in a method that may have one. */
function withoutBody({ method, headers }: IncomingMessage): string[] {
  const hasBody = 'content-length' in headers || 'transfer-encoding' in headers;
  return method === 'POST' && !hasBody ? ['Content-Length', '0'] : [];
}

/** Every field as it came, but those that are about one connection. */
function fieldsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, place) => {
    const name = rawHeaders[place - (place % 2)] ?? '';
    return !/^(connection|keep-alive|transfer-encoding)$/i.test(name);
  });
}
