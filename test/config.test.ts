import t from 'tap';
import { ConfigError, readConfig } from '../config.ts';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

void t.test('nothing configured is a valid configuration', async (t) => {
  t.match(readConfig({}), {
    host: 'localhost',
    port: 3000,
    databaseUrl: undefined,
    source: undefined,
    schedule: '0 4 * * *',
    rateLimitPerMinute: 60,
    trustProxy: false,
    license: {
      name: 'CC BY-SA 4.0',
      url: 'https://creativecommons.org/licenses/by-sa/4.0/',
    },
  });
});

void t.test('an empty setting counts as absent', async (t) => {
  t.equal(readConfig({ DATABASE_URL: '', PORT: ' ' }).port, 3000);
});

void t.test('everything that is wrong is reported at once, by name', async (t) => {
  const bad = {
    PORT: '70000',
    DATABASE_URL: 'mysql://root:hunter2@localhost/x',
    SNAPSHOT_SCHEDULE: 'every day',
    ADMIN_TOKEN: 'short-hunter2',
    REDIS_URL: 'hunter2',
    PUBLIC_URL: 'ftp://example.org',
    RATE_LIMIT_PER_MINUTE: '0',
    TRUST_PROXY: 'maybe',
    LOG_LEVEL: 'loud',
    DASHBOARD_URL: 'outreachdashboard',
    PERSON_KEY_SECRET: 'hunter2',
    DATA_LICENSE: 'CC0',
    CONTACT: 'nobody',
    DASHBOARD_DATABASE_URL: 'postgres://u:hunter2@h/d',
    DASHBOARD_CSV: 'a.csv',
  };
  const problems = problemsOf(bad);
  for (const name of Object.keys(bad).filter((each) => each !== 'DASHBOARD_CSV')) {
    t.equal(problems.filter((line) => line.startsWith(`${name} `)).length, 1, name);
  }
  t.match(problems.join('\n'), /DASHBOARD_CSV and DASHBOARD_DATABASE_URL are both set/);
  t.notMatch(problems.join('\n'), 'hunter2', 'no secret is repeated');
});

void t.test('the proxies that are trusted can be a number, addresses, all or none', async (t) => {
  const read = (text: string) => readConfig({ TRUST_PROXY: text }).trustProxy;
  t.equal(read('true'), true);
  t.equal(read('false'), false);
  t.equal(read('2'), 2);
  t.equal(read('10.0.0.0/8, ::1'), '10.0.0.0/8, ::1');
});

void t.test('addresses lose the slash at their end', async (t) => {
  const config = readConfig({
    PUBLIC_URL: 'https://data.example.org/',
    DASHBOARD_URL: 'https://dashboard.example.org//',
  });
  t.equal(config.publicUrl, 'https://data.example.org');
  t.equal(config.dashboardUrl, 'https://dashboard.example.org');
});

void t.test('SNAPSHOT_SCHEDULE=off publishes only on demand', async (t) => {
  t.equal(readConfig({ SNAPSHOT_SCHEDULE: 'off' }).schedule, undefined);
});
