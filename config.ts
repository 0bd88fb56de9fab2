import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import { Type, type Static, type TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import cron from 'node-cron';
import { addressProblem, isPercentEncoded } from './sources/dashboard-database/address.ts';

/**
 * Every setting there is, as the environment gives it: text, with the description that the
 * README's table is held to. This file is the only reader of the environment.
 */
export const environmentSchema = Type.Object({
  HOST: Type.String({
    default: 'localhost',
    minLength: 1,
    description: 'Address to listen on; `0.0.0.0` for every interface.',
  }),
  PORT: Type.String({
    default: '3000',
    pattern: '^\\d{1,5}$',
    description: 'Port to listen on, 0 to 65535; 0 takes a free one.',
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description:
        'PostgreSQL 15 or later, `postgres://user:password@host/database`: a direct connection, ' +
        'not a transaction pool; `?host=/run/postgresql` for a Unix socket. Absent: an embedded server under `DATA_DIR`.',
    }),
  ),
  DATA_DIR: Type.String({
    default: '.data',
    minLength: 1,
    description: 'Folder of what the service keeps on disk.',
  }),
  DASHBOARD_CSV: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Source: path of a course export of the Dashboard. Excludes the next one.',
    }),
  ),
  DASHBOARD_DATABASE_URL: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Source: the Dashboard’s own database, `mysql://user:password@host/database`.',
    }),
  ),
  SNAPSHOT_SCHEDULE: Type.String({
    default: '0 4 * * *',
    minLength: 1,
    description:
      'When to publish: cron, UTC, with an optional field for seconds in front; `off` for only ' +
      'on demand. Where both a day of the month and a weekday are given, both must hold.',
  }),
  ADMIN_TOKEN: Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{32,}$',
      description:
        'Bearer token of the admin routes, at least 32 visible ASCII characters without spaces. ' +
        'Absent: there are none.',
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      description: 'Shares quotas and caches between instances. Absent: each has its own.',
    }),
  ),
  PUBLIC_URL: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#]+$',
      description:
        'Address of the service as its users know it, of a host of its own: no path; named in the ' +
        'OpenAPI document.',
    }),
  ),
  RATE_LIMIT_PER_MINUTE: Type.String({
    default: '60',
    pattern: '^[1-9]\\d{0,8}$',
    description:
      'What a client without a key may spend of the quota in a minute; most requests cost 1.',
  }),
  TRUST_PROXY: Type.String({
    default: 'false',
    minLength: 1,
    description:
      'Whose `X-Forwarded-For` is believed: `false` for nobody’s, a number of proxies in front, ' +
      'or their addresses (networks as `10.0.0.0/8`, commas between). `true` believes anybody.',
  }),
  LOG_LEVEL: Type.String({
    default: 'info',
    pattern: '^(trace|debug|info|warn|error|fatal|silent)$',
    description: '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.',
  }),
  DASHBOARD_URL: Type.String({
    default: 'https://outreachdashboard.wmflabs.org',
    pattern: '^https?://[^\\s?#,"]+$',
    description:
      'Address of the Dashboard that the courses’ pages are at, without `?`, `#`, commas and quotes.',
  }),
  PERSON_KEY_SECRET: Type.Optional(
    Type.String({
      minLength: 32,
      description:
        'Keys the hash that stands for a person, at least 32 characters. Absent: one is made ' +
        'and kept in the database.',
    }),
  ),
  DATA_LICENSE: Type.String({
    default: 'CC BY-SA 4.0 https://creativecommons.org/licenses/by-sa/4.0/',
    pattern: '^\\S.*\\shttps?://\\S+$',
    description: 'Licence of the data: its name, a space and its address.',
  }),
  CONTACT: Type.Optional(
    Type.String({
      pattern: '^(https?://\\S+|[^\\s@]+@[^\\s@]+)$',
      description: 'Whom to write to about this installation: an e-mail or web address.',
    }),
  ),
});

type Environment = Static<typeof environmentSchema>;

/** Settings that are never written to a log. */
export const secretSettings = [
  'DATABASE_URL',
  'DASHBOARD_DATABASE_URL',
  'REDIS_URL',
  'ADMIN_TOKEN',
  'PERSON_KEY_SECRET',
] as const satisfies readonly (keyof Environment)[];

export type SourceConfig =
  | { readonly kind: 'dashboard_csv'; readonly path: string }
  | { readonly kind: 'dashboard_database'; readonly url: string };

export interface Config {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: string | undefined;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly source: SourceConfig | undefined;
  /** A cron expression, UTC; undefined when nothing is published on a schedule. */
  readonly schedule: string | undefined;
  readonly adminToken: string | undefined;
  readonly redisUrl: string | undefined;
  readonly publicUrl: string | undefined;
  readonly rateLimitPerMinute: number;
  readonly trustProxy: boolean | number | string;
  readonly logLevel: string;
  /** Without a slash at the end. */
  readonly dashboardUrl: string;
  readonly personKeySecret: string | undefined;
  readonly license: { readonly name: string; readonly url: string };
  readonly contact: string | undefined;
}

type Checked<T> = { readonly value: T } | { readonly problem: string };

/** Everything that is wrong with the settings, a line each; no value of a secret is in it. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads and checks the settings. A setting that is empty counts as absent.
 *
 * @throws {ConfigError} with everything that is wrong, not just the first
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given: Record<string, string> = {};
  for (const name of Object.keys(environmentSchema.properties)) {
    const value = environment[name];
    if (value !== undefined && value.trim() !== '') given[name] = value.trim();
  }
  const settings = Value.Default(environmentSchema, { ...given }) as Environment;
  const bad = badSettings(settings);
  const problems = [
    ...[...bad].map((name) => `${name} ${shown(name, settings)} is not valid: ${meaning(name)}`),
    ...furtherProblems(settings, bad),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    version: packageVersion(),
    host: settings.HOST,
    port: Number(settings.PORT),
    databaseUrl: settings.DATABASE_URL,
    dataDirectory: resolve(settings.DATA_DIR),
    source: sourceOf(settings),
    schedule: settings.SNAPSHOT_SCHEDULE === 'off' ? undefined : settings.SNAPSHOT_SCHEDULE,
    adminToken: settings.ADMIN_TOKEN,
    redisUrl: settings.REDIS_URL,
    publicUrl: settings.PUBLIC_URL && baseAddress(settings.PUBLIC_URL),
    rateLimitPerMinute: Number(settings.RATE_LIMIT_PER_MINUTE),
    trustProxy: valueOf(trustProxyOf(settings.TRUST_PROXY)),
    logLevel: settings.LOG_LEVEL,
    dashboardUrl: baseAddress(settings.DASHBOARD_URL),
    personKeySecret: settings.PERSON_KEY_SECRET,
    license: valueOf(licenseOf(settings.DATA_LICENSE)),
    contact: settings.CONTACT && valueOf(contactOf(settings.CONTACT)),
  };
}

/** The settings that their schema refuses. */
function badSettings(settings: Environment): Set<string> {
  const errors = Value.Errors(environmentSchema, settings);
  return new Set([...errors].map((error) => error.path.slice(1)));
}

function meaning(name: string): string {
  const schema = environmentSchema.properties[name as keyof Environment] as TSchema;
  return schema.description ?? '';
}

/** What a schema cannot say, of the settings that theirs lets through. */
function furtherProblems(settings: Environment, bad: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  if (settings.DASHBOARD_CSV !== undefined && settings.DASHBOARD_DATABASE_URL !== undefined) {
    problems.push(
      'DASHBOARD_CSV and DASHBOARD_DATABASE_URL are both set: a store has one source, so unset one.',
    );
  }
  if (!bad.has('PORT') && Number(settings.PORT) > 65535) {
    problems.push(`PORT ${shown('PORT', settings)} is not valid: it is at most 65535.`);
  }
  const check = (name: keyof Environment, problemOf: (value: string) => string | undefined) => {
    const value = settings[name];
    const problem = value === undefined || bad.has(name) ? undefined : problemOf(value);
    if (problem !== undefined) problems.push(`${name} ${shown(name, settings)} ${problem}.`);
  };
  check('DASHBOARD_DATABASE_URL', addressProblem);
  for (const name of ['DATABASE_URL', 'REDIS_URL'] as const) {
    check(name, (value) =>
      URL.canParse(value) && isPercentEncoded(value) ? undefined : 'is not a valid address',
    );
  }
  check('PUBLIC_URL', (value) => problemOf(rootAddress(value)));
  check('DASHBOARD_URL', (value) => problemOf(webAddress(value)));
  check('TRUST_PROXY', (value) => problemOf(trustProxyOf(value)));
  check('DATA_LICENSE', (value) => problemOf(licenseOf(value)));
  check('CONTACT', (value) => problemOf(contactOf(value)));
  check('SNAPSHOT_SCHEDULE', scheduleProblem);
  return problems;
}

function problemOf(checked: Checked<unknown>): string | undefined {
  return 'problem' in checked ? checked.problem : undefined;
}

/** Of what has been found good. */
function valueOf<T>(checked: Checked<T>): T {
  if ('problem' in checked) throw new ConfigError([checked.problem]);
  return checked.value;
}

/**
 * An address as it can stand in a header field: in ASCII, its host and path encoded. A user
 * and password in it would be published with every answer.
 */
function webAddress(text: string): Checked<string> {
  if (!URL.canParse(text)) return { problem: 'is not a valid address' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return { problem: 'is public, so it must not hold a user name or password' };
  }
  return { value: url.href };
}

/** Of a whole host: links in answers begin at its root. */
function rootAddress(text: string): Checked<string> {
  const checked = webAddress(text);
  if ('problem' in checked || new URL(checked.value).pathname === '/') return checked;
  return { problem: 'has a path, and the service has a host of its own: leave the path out' };
}

function baseAddress(text: string): string {
  return valueOf(webAddress(text)).replace(/\/+$/, '');
}

/** An address with a password in it, wherever it was put by mistake. */
const withPassword = /\/\/[^/@]*:[^/@]*@/;

function shown(name: string, settings: Environment): string {
  const value = JSON.stringify(settings[name as keyof Environment]);
  const isSecret = (secretSettings as readonly string[]).includes(name) || withPassword.test(value);
  return isSecret ? '(not shown)' : value;
}

function sourceOf(settings: Environment): SourceConfig | undefined {
  if (settings.DASHBOARD_CSV !== undefined) {
    return { kind: 'dashboard_csv', path: resolve(settings.DASHBOARD_CSV) };
  }
  if (settings.DASHBOARD_DATABASE_URL !== undefined) {
    return { kind: 'dashboard_database', url: settings.DASHBOARD_DATABASE_URL };
  }
  return undefined;
}

function trustProxyOf(text: string): Checked<boolean | number | string> {
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  if (/^\d{1,2}$/.test(text)) return { value: Number(text) };
  const networks = text.split(',').map((part) => part.trim());
  const wrong = networks.filter((network) => !isNetwork(network));
  return wrong.length === 0
    ? { value: networks.join(', ') }
    : { problem: `is not valid: no address or network is ${wrong.map(quote).join(' or ')}` };
}

/** An IP address, alone or with the length of its prefix. */
function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes('%')) return false;
  if (length === undefined) return true;
  const bits = family === 4 ? 32 : 128;
  return /^\d{1,3}$/.test(length) && Number(length) >= 1 && Number(length) <= bits;
}

function licenseOf(text: string): Checked<{ name: string; url: string }> {
  const words = text.split(/\s+/);
  const address = webAddress(words.at(-1) ?? '');
  if ('problem' in address) return { problem: `ends in what ${address.problem}` };
  return { value: { name: words.slice(0, -1).join(' '), url: address.value } };
}

/** What the grammar of an address allows before its `@` (HTML has it so), without quoting. */
const mailbox = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+$/;

function contactOf(text: string): Checked<string> {
  if (text.includes('://')) return webAddress(text);
  const [name = '', domain = ''] = text.split('@');
  const host = domainToASCII(domain);
  return mailbox.test(name) && host !== ''
    ? { value: `${name}@${host}` }
    : { problem: 'is not a valid e-mail address' };
}

/** How node-cron calls the fields, in words. */
const cronFields: Readonly<Record<string, string>> = {
  second: 'second',
  minute: 'minute',
  hour: 'hour',
  dayOfMonth: 'day of the month',
  month: 'month',
  dayOfWeek: 'weekday',
};

/** By the library that runs it, which alone knows what it will run. */
function scheduleProblem(expression: string): string | undefined {
  if (expression === 'off') return undefined;
  // A range up to a number without bounds would be written out.
  if (/\d{3}/.test(expression)) {
    return 'is not a cron expression: no number in it has more than two digits';
  }
  const { valid, errors } = cron.validateDetailed(expression);
  if (!valid) {
    const reasons = errors.map(({ field, value, message }) =>
      field in cronFields ? `${quote(value ?? '')} is no ${cronFields[field] ?? ''}` : message,
    );
    return `is not a cron expression: ${reasons.join(', ')}`;
  }
  const task = cron.createTask(expression, () => undefined, { timezone: 'UTC' });
  try {
    task.getNextRuns(1);
    return undefined;
  } catch {
    return 'is never due: no day is like that';
  } finally {
    void task.destroy();
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function packageVersion(): string {
  const file = readFileSync(new URL('./package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
