import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

/**
 * MariaDB as it is on a developer's machine, or a server that is named, such as one of MySQL:
 * `npx tap --test-env=DASHBOARD_TEST_SERVER=127.0.0.1:3307 …`.
 */
const [host = '', port] = (process.env['DASHBOARD_TEST_SERVER'] ?? '127.0.0.1:3306').split(':');
export const server = { host, port: Number(port ?? 3306), user: 'root' };
export const serverAddress = `${server.host}:${server.port}`;

/** A database of its own for one test, with the Dashboard's tables and nothing in them. */
export interface TestDatabase {
  readonly name: string;
  /** For `dashboardDatabaseSource`. */
  readonly url: string;
  /** As the server's owner. */
  readonly root: Connection;
  /** The rows of a question, dates as text, numbers too great for JavaScript as text. */
  ask<Row>(sql: string): Promise<Row[]>;
  /** Makes a user without any privilege; gone with the database. */
  addUser(): Promise<{ account: string; url: string }>;
  drop(): Promise<void>;
}

/** Why the tests of this database cannot run here, or false; where CI is set they must. */
export async function unreachable(): Promise<string | false> {
  try {
    const connection = await createConnection(server);
    await connection.end();
    return false;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return `no MariaDB at ${serverAddress} that root may enter without a password`;
  }
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `dod_test_${randomBytes(6).toString('hex')}`;
  const root = await createConnection({
    ...server,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    charset: 'utf8mb4_unicode_ci',
  });
  await root.query(`create database ${name} default charset utf8mb4; use ${name};`);
  // Zero dates and the like are in the Dashboard's tables from before strict modes.
  await root.query("set sql_mode = 'ALLOW_INVALID_DATES'");
  const schema = await readFile(
    new URL('../fixtures/dashboard-schema.sql', import.meta.url),
    'utf8',
  );
  await root.query(schema);
  const users: string[] = [];
  return {
    name,
    url: `mysql://root@${serverAddress}/${name}`,
    root,
    async ask<Row>(sql: string) {
      const [rows] = await root.query<RowDataPacket[]>(sql);
      return rows as Row[];
    },
    async addUser() {
      const user = `dod_${randomBytes(6).toString('hex')}`;
      const password = randomBytes(9).toString('base64');
      const account = `'${user}'@'%'`;
      await root.query(`create user ${account} identified by '${password}'`);
      users.push(account);
      const secret = encodeURIComponent(password);
      return { account, url: `mysql://${user}:${secret}@${serverAddress}/${name}` };
    },
    async drop() {
      await root.query(`drop database ${name}`);
      for (const account of users) await root.query(`drop user ${account}`);
      await root.end();
    },
  };
}
