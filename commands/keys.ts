/** `npm run keys -- create | list | revoke`: keys for more quota than anybody has. */
import { createHash, randomBytes } from 'node:crypto';
import { readConfig } from '../config.ts';
import { connect, type Sql } from '../db/connect.ts';
import { openStore } from '../db/open-store.ts';
import { createKey, listKeys, revokeKey } from '../db/queries/api-keys.ts';
import { parseCommandLine, runCommand, say, sayAside, UsageError } from './command-line.ts';

const usage =
  'Usage: npm run keys -- create NAME --per-minute N   makes a key and shows it, once\n' +
  '       npm run keys -- list                         shows all keys, but not their secrets\n' +
  '       npm run keys -- revoke NAME                  ends a key, within a minute';

/** What can be named in a log or a table without quoting. */
const nameForm = /^[\w.@-]{1,80}$/;
/** More than any instance can answer. */
const mostPerMinute = 1_000_000;

await runCommand(async () => {
  const perform = readCommand();
  const config = readConfig();
  const store = await openStore({
    databaseUrl: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    // The store that the service serves, so that a key can be tried in a demonstration.
    purpose: config.source === undefined ? 'data_or_demo' : 'data',
    onProgress: sayAside,
  });
  const sql = connect(store.address, {
    max: 1,
    applicationName: 'dashboard-open-data keys',
    statementTimeout: 30_000,
  });
  try {
    return await perform(sql);
  } finally {
    await sql.end();
    await store.release();
  }
});

type Perform = (sql: Sql) => Promise<number>;

function readCommand(): Perform {
  const { values, positionals } = parseCommandLine(
    { allowPositionals: true, options: { 'per-minute': { type: 'string' } } },
    usage,
  );
  const [action, name, ...rest] = positionals;
  const perMinute = values['per-minute'];
  if (rest.length > 0) throw new UsageError(usage);
  if (action === 'list' && name === undefined && perMinute === undefined) return list;
  if (name === undefined) throw new UsageError(usage);
  if (!nameForm.test(name)) {
    throw new UsageError('A name is 1 to 80 letters, digits and characters of . _ @ -');
  }
  if (action === 'create' && perMinute !== undefined) {
    const number = /^[1-9]\d{0,6}$/.test(perMinute) ? Number(perMinute) : NaN;
    if (!(number <= mostPerMinute)) {
      throw new UsageError(`--per-minute is a whole number from 1 to ${String(mostPerMinute)}`);
    }
    return (sql) => create(sql, name, number);
  }
  if (action === 'revoke' && perMinute === undefined) return (sql) => revoke(sql, name);
  throw new UsageError(usage);
}

async function create(sql: Sql, name: string, perMinute: number): Promise<number> {
  const token = `dod_${randomBytes(32).toString('base64url')}`;
  const digest = createHash('sha256').update(token).digest();
  if (!(await createKey(sql, { name, digest, perMinute }, new Date()))) {
    sayAside(`There is or was a key ${name}; names are given once. Nothing was made.`);
    return 1;
  }
  sayAside(`A key for ${name}: ${String(perMinute)} a minute. It is shown now and never again.`);
  say(token);
  return 0;
}

async function list(sql: Sql): Promise<number> {
  const keys = await listKeys(sql);
  if (keys.length === 0) sayAside('There are no keys.');
  const day = (date: Date) => date.toISOString().slice(0, 10);
  for (const { name, perMinute, createdAt, revokedAt, lastUsedOn } of keys) {
    const state = revokedAt === null ? 'works' : `revoked ${day(revokedAt)}`;
    const use = lastUsedOn === null ? 'never used' : `last used ${lastUsedOn}`;
    say([name, `${String(perMinute)} a minute`, `made ${day(createdAt)}`, use, state].join('\t'));
  }
  return 0;
}

async function revoke(sql: Sql, name: string): Promise<number> {
  if (await revokeKey(sql, name, new Date())) {
    say(`The key ${name} is revoked; every instance refuses it within a minute.`);
    return 0;
  }
  sayAside(`There is no working key ${name}: nothing was changed.`);
  return 1;
}
