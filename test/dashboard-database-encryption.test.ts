import { readFile } from 'node:fs/promises';
import t from 'tap';
import { noEncryptedServer, startEncryptedServer } from './dashboard-database/encrypted-server.ts';
import { generate } from './dashboard-database/generator.ts';
import { runProgram } from './support/program.ts';
import { createStore } from './support/store.ts';

const skip = await noEncryptedServer();

void t.test(
  'a server that wants encryption is read over it, if its certificate is trusted and its own',
  { skip },
  async (t) => {
    const { port, root, certificate, certify } = await startEncryptedServer(t);
    await root.query('create database dashboard default charset utf8mb4; use dashboard');
    await root.query("set sql_mode = 'ALLOW_INVALID_DATES'");
    const schema = new URL('fixtures/dashboard-schema.sql', import.meta.url);
    await root.query(await readFile(schema, 'utf8'));
    await generate(root, { courses: 40, enrollmentsPerCourse: 2, slicesPerCourse: 1 });
    await root.query("create user reader@'%' identified by 'a+b/c'");
    await root.query("grant select on dashboard.* to reader@'%'");
    const store = await createStore(t);
    const snapshot = (at: string, settings: Readonly<Record<string, string>>) =>
      runProgram(t, ['commands/snapshot.ts'], {
        DATABASE_URL: store.url,
        DASHBOARD_DATABASE_URL: `mysql://reader:${encodeURIComponent('a+b/c')}@${at}`,
        ...settings,
      });
    const trust = { NODE_EXTRA_CA_CERTS: certificate };

    const plain = await snapshot(`localhost:${port}/dashboard`, trust);
    t.match(plain, { code: 1, errors: /refuses the user "reader" or its password/ });

    const untrusted = await snapshot(`localhost:${port}/dashboard?ssl=true`, {});
    t.match(untrusted, {
      code: 1,
      errors: /not offer an encrypted connection that can be trusted/,
    });

    t.same([...(await store.sql`select from snapshots`)], [], 'nothing has been published');

    const read = await snapshot(`localhost:${port}/dashboard?ssl=true`, trust);
    t.equal(read.code, 0, read.errors);
    const counts = await store.sql<{ courses: number }[]>`
      select (totals->>'courses')::int as courses from snapshots`;
    t.ok((counts[0]?.courses ?? 0) > 10);

    await certify('database.example');
    const impostor = await snapshot(`localhost:${port}/dashboard?ssl=true`, trust);
    t.match(impostor, { code: 1, errors: /not offer an encrypted connection that can be trusted/ });
  },
);
