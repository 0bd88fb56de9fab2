import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type Connection } from 'mysql2/promise';
import type { Cleanup } from '../embedded/holder.ts';

const run = promisify(execFile);

export interface EncryptedServer {
  readonly port: number;
  /** As the server's owner, from the same machine. */
  readonly root: Connection;
  /** The file of its certificate, which is its own authority and for `localhost` alone. */
  readonly certificate: string;
  /** Makes the certificate another one, for that host. */
  readonly certify: (host: string) => Promise<void>;
}

/** Why there can be no such server here, or false; where CI is set there must be one. */
export async function noEncryptedServer(): Promise<string | false> {
  try {
    for (const tool of ['mariadbd', 'mariadb-install-db', 'openssl']) {
      await run('sh', ['-c', `PATH="$PATH:/usr/sbin" command -v ${tool}`]);
    }
    return false;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return 'mariadbd, mariadb-install-db or openssl is not installed';
  }
}

/** A MariaDB of its own that lets nobody in over the network without encryption. */
export async function startEncryptedServer(t: Cleanup): Promise<EncryptedServer> {
  const directory = await mkdtemp(join(tmpdir(), 'dod-mariadb-'));
  const at = (name: string) => join(directory, name);
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
  const account = process.getuid?.() === 0 ? ['--user=root'] : [];
  const makeCertificate = (host: string) =>
    run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${host}`],
      ...['-addext', `subjectAltName=DNS:${host}`],
      ...['-keyout', at('key.pem'), '-out', at('certificate.pem')],
    ]);
  await makeCertificate('localhost');
  const data = `--datadir=${at('data')}`;
  const installing = ['--no-defaults', data, '--auth-root-authentication-method=normal'];
  await run('mariadb-install-db', [...installing, '--skip-test-db', ...account], { env });
  const port = await freePort();
  const server = spawn(
    'mariadbd',
    [
      ...['--no-defaults', data, `--socket=${at('socket')}`, `--pid-file=${at('pid')}`],
      ...[`--port=${port}`, '--bind-address=127.0.0.1', '--require-secure-transport=on'],
      ...[`--ssl-cert=${at('certificate.pem')}`, `--ssl-key=${at('key.pem')}`, ...account],
    ],
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  t.teardown(async () => {
    if (server.exitCode === null) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    await rm(directory, { recursive: true, force: true });
  });
  await readiness(server);
  const root = await createConnection({
    socketPath: at('socket'),
    user: 'root',
    multipleStatements: true,
  });
  t.teardown(() => root.end());
  return {
    port,
    root,
    certificate: at('certificate.pem'),
    certify: async (host) => {
      await makeCertificate(host);
      await root.query('flush ssl');
    },
  };
}

function readiness(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready for connections')) resolve();
    });
    server.once('exit', () => {
      reject(new Error(`mariadbd has ended: ${said}`));
    });
  });
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}
