import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'tap';
import { dashboardDatabaseSource } from '../sources/dashboard-database/dashboard-database.ts';
import { grantStatements, quoted, requiredGrants } from '../sources/dashboard-database/tables.ts';
import { SourceError } from '../sources/source.ts';
import {
  createTestDatabase,
  server,
  serverAddress,
  unreachable,
  type TestDatabase,
} from './dashboard-database/database.ts';
import { generate, secret } from './dashboard-database/generator.ts';
import { all, opening, readAll } from './dashboard-database/read.ts';

const skip = await unreachable();
const small = { courses: 1500, enrollmentsPerCourse: 2, slicesPerCourse: 2 };

/** The failure of a reading, which must be a sentence that gives nothing away. */
async function failure(reading: Promise<unknown>, url: string): Promise<SourceError> {
  const error: unknown = await reading.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SourceError)) throw error;
  const password = decodeURIComponent(new URL(url).password);
  const whole = [error.message, error.stack, ...error.problems, JSON.stringify(error.cause)].join();
  if (password !== '' && whole.includes(password)) throw new Error('the password is in the error');
  if (!/^[A-Z].*\.$/.test(error.message)) throw new Error(`not a sentence: ${error.message}`);
  return error;
}

function connections(database: TestDatabase): Promise<{ id: number }[]> {
  return database.ask(
    `select id from information_schema.processlist
     where db = '${database.name}' and id <> connection_id()`,
  );
}

/** The server notices a closed socket a little later: asks until it has. */
async function allGone(database: TestDatabase): Promise<boolean> {
  for (let tries = 0; tries < 2000; tries += 1) {
    if ((await connections(database)).length === 0) return true;
  }
  return false;
}

void test(
  'a user with the grants that suffice reads all, and cannot read the rest',
  { skip },
  async (t) => {
    const database = await createTestDatabase();
    t.teardown(() => database.drop());
    await generate(database.root, { courses: 100, enrollmentsPerCourse: 3, slicesPerCourse: 3 });
    const user = await database.addUser();
    await database.root.query(grantStatements(database.name, user.account).join(';'));

    t.strictSame(await readAll(user.url), await readAll(database.url));

    const granted = new Map<string, readonly string[]>(
      requiredGrants.map(({ table, columns }) => [table, columns]),
    );
    const columns = await database.ask<{ t: string; c: string }>(
      `select table_name as t, column_name as c from information_schema.columns
     where table_schema = '${database.name}'`,
    );
    const kept = columns.filter(({ t, c }) => granted.get(t)?.includes(c) !== true);
    const never = [
      'passcode',
      'default_passcode',
      'email',
      'real_name',
      'wiki_token',
      'wiki_secret',
      'username',
      'flags',
    ];
    t.ok(never.every((name) => kept.some(({ c }) => c === name)));
    t.notOk([...granted.values()].flat().some((column) => never.includes(column)));
    t.notMatch(JSON.stringify(await readAll(user.url)), secret);

    await t.test('each of the grants is needed, and a missing one is named', async (t) => {
      for (const { table, columns } of requiredGrants) {
        for (const column of columns) {
          const privilege = `select (${quoted(column)}) on ${database.name}.${table}`;
          await database.root.query(`revoke ${privilege} from ${user.account}`);
          const error = await failure(readAll(user.url), user.url);
          t.match(error.message, `may not read the column ${column} of ${table}`);
          await database.root.query(`grant ${privilege} to ${user.account}`);
        }
      }
    });

    await t.test('a user without any is told so', async (t) => {
      const { url } = await database.addUser();
      const error = await failure(readAll(url), url);
      t.match(error.message, /may not use the database/);
    });

    await t.test('several missing privileges are one sentence, and listed', async (t) => {
      const other = await database.addUser();
      await database.root.query(`grant select (id) on ${database.name}.wikis to ${other.account}`);
      const error = await failure(readAll(other.url), other.url);
      t.match(error.message, /column language of wikis; .* and \d+ more lacks\.$/);
      t.ok(error.problems.length > 10);
    });
  },
);

void test('a database that cannot be read is explained in a sentence', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  const user = await database.addUser();
  await database.root.query(`grant select on ${database.name}.* to ${user.account}`);

  await t.test('an address where nobody listens', async (t) => {
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    listener.close();
    await once(listener, 'close');
    const url = user.url.replace(`:${server.port}`, `:${port}`);
    const error = await failure(readAll(url), url);
    t.match(error.message, `does not answer at 127.0.0.1:${port} (ECONNREFUSED)`);
  });

  await t.test('something else listening there', async (t) => {
    const listener = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    t.teardown(() => listener.close());
    const url = user.url.replace(`:${server.port}`, `:${(listener.address() as AddressInfo).port}`);
    await failure(readAll(url), url);
  });

  await t.test('a wrong password', async (t) => {
    const url = user.url.replace(/:[^:@/]+@/, ':hunter2@');
    const error = await failure(readAll(url), url);
    t.match(error.message, /refuses the user "dod_[0-9a-f]+" or its password/);
  });

  await t.test('a database that does not exist', async (t) => {
    const url = `${database.url}_gone`;
    const error = await failure(readAll(url), url);
    t.match(error.message, `There is no database "${database.name}_gone" at ${serverAddress}.`);
  });

  await t.test('an encrypted connection where none is offered', async (t) => {
    const url = `${user.url.replace(server.host, 'localhost')}?ssl=true`;
    const error = await failure(readAll(url), url);
    t.match(error.message, /does not offer an encrypted connection that can be trusted/);
  });

  await t.test('a column that is missing', async (t) => {
    await database.root.query('alter table courses change references_count refs int');
    const error = await failure(readAll(user.url), user.url);
    t.match(error.message, 'the column references_count of courses is missing.');
    t.strictSame(error.problems, ['the column references_count of courses is missing']);
    await database.root.query('alter table courses change refs references_count int');
  });

  await t.test('a table that is missing', async (t) => {
    await database.root.query('drop table tags');
    const error = await failure(readAll(user.url), user.url);
    t.match(error.message, 'the table tags is missing');
  });

  t.ok(await allGone(database), 'no failure leaves a connection behind');
});

void test(
  'a connection cut while reading fails in a sentence, and the next works',
  { skip },
  async (t) => {
    const database = await createTestDatabase();
    t.teardown(() => database.drop());
    await generate(database.root, small);
    const source = dashboardDatabaseSource({ url: database.url });

    await t.test('by the server, between two batches', async (t) => {
      const reading = await source.open(opening());
      await all(reading.campaigns());
      const batches: number[] = [];
      const courses = async (): Promise<void> => {
        for await (const batch of reading.courses()) {
          batches.push(batch.length);
          if (batches.length > 1) continue;
          for (const { id } of await connections(database)) await database.root.query(`kill ${id}`);
        }
      };
      const error = await failure(courses(), database.url);
      t.match(
        error.message,
        `The connection to the Dashboard's database at ${serverAddress} was cut.`,
      );
      t.equal(batches[0], 500);
      await failure(all(reading.hiddenCourseIds()), database.url);
      await reading.close();
    });

    await t.test('by the server, in the middle of a question', async (t) => {
      const reading = await source.open(opening());
      await database.root.query('lock tables campaigns write');
      const campaigns = failure(all(reading.campaigns()), database.url);
      const [waiting] = await connections(database);
      await database.root.query(`kill ${waiting?.id}`);
      t.match((await campaigns).message, /was cut\.$/);
      await database.root.query('unlock tables');
      await reading.close();
    });

    await t.test('by the network, in the middle of an answer', async (t) => {
      const sockets: Socket[] = [];
      const proxy = createServer((client) => {
        const upstream = connect(server.port, server.host);
        sockets.push(client, upstream);
        client.on('error', () => upstream.destroy()).pipe(upstream);
        let bytes = 0;
        upstream
          .on('error', () => client.destroy())
          .on('data', (data: Buffer) => {
            bytes += data.length;
            if (bytes > 100_000) sockets.forEach((socket) => socket.destroy());
            else client.write(data);
          });
      }).listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      t.teardown(() => {
        sockets.forEach((socket) => socket.destroy());
        proxy.close();
      });
      const { port } = proxy.address() as AddressInfo;
      const url = database.url.replace(`:${server.port}`, `:${port}`);
      t.match((await failure(readAll(url), url)).message, `127.0.0.1:${port} was cut.`);
    });

    const whole = await readAll(database.url);
    t.ok(whole.courses.length > 500, 'the next reading works');
    t.ok(await allGone(database), 'no connection is left behind');
  },
);

void test('an abort ends a reading at once', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, small);
  const source = dashboardDatabaseSource({ url: database.url });
  const reason = new Error('the service is stopping');

  await t.test('before it opens', async (t) => {
    await t.rejects(source.open(opening({ signal: AbortSignal.abort(reason) })), reason);
  });

  await t.test('while the server is working, without waiting for it', async (t) => {
    const abort = new AbortController();
    const reading = await source.open(opening({ signal: abort.signal }));
    await database.root.query('lock tables campaigns write');
    const campaigns = all(reading.campaigns());
    abort.abort(reason);
    await t.rejects(campaigns, reason);
    await t.rejects(all(reading.courses()), reason);
    await database.root.query('unlock tables');
    await reading.close();
  });

  await t.test('closing in the middle of a question lets go too', async (t) => {
    const reading = await source.open(opening());
    await database.root.query('lock tables campaigns write');
    const campaigns = all(reading.campaigns());
    await reading.close();
    await t.rejects(campaigns, { message: 'the reading was closed' });
    await database.root.query('unlock tables');
    await reading.close();
  });

  t.ok(await allGone(database), 'no connection is left behind');
});

void test('a reading sees one moment, whatever is written meanwhile', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, { courses: 60, enrollmentsPerCourse: 3, slicesPerCourse: 3 });
  const before = await readAll(database.url);
  const reading = await dashboardDatabaseSource({ url: database.url }).open(opening());
  await database.root.query(
    `update courses set private = 1; delete from campaigns_courses; delete from courses_users;
     update course_wiki_timeslices set revision_count = 0; delete from article_course_timeslices;
     update users set registered_at = null; delete from campaigns;`,
  );
  t.strictSame(await all(reading.campaigns()), before.campaigns);
  t.strictSame(await all(reading.courses()), before.courses);
  t.strictSame(await all(reading.hiddenCourseIds()), before.hidden);
  t.strictSame(await all(reading.enrollments()), before.enrollments);
  t.strictSame(await all(reading.activity()), before.activity);
  await reading.close();
  const after = await readAll(database.url);
  t.equal(after.courses.length + after.campaigns.length + after.enrollments.length, 0);
  t.equal(after.hidden.length, 60);
});

void test('a reading says what it is, when it was true and how far it is', { skip }, async (t) => {
  const database = await createTestDatabase();
  t.teardown(() => database.drop());
  await generate(database.root, { courses: 60, enrollmentsPerCourse: 3, slicesPerCourse: 3 });
  const progress = new Map<string, number>();
  const read = await readAll(database.url, {
    onProgress: ({ part, rows }) => progress.set(part, rows),
  });
  const source = dashboardDatabaseSource({ url: database.url });
  t.equal(source.kind, 'dashboard_database');
  const reading = await source.open(opening());
  t.equal(reading.countsPeople, true);
  t.equal(
    reading.readAt.toISOString(),
    '2026-08-27T12:00:00.000Z',
    'the given clock, whole seconds',
  );
  await reading.close();
  const [row] = await database.ask<{ slices: number }>(
    `select count(*) as slices from course_wiki_timeslices s join courses c on c.id = s.course_id
     where c.private = 0`,
  );
  t.strictSame(
    [...progress],
    [
      ['campaigns', read.campaigns.length],
      ['courses', read.courses.length],
      ['enrollments', read.enrollments.length],
      ['time slices', row?.slices],
    ],
  );
});
