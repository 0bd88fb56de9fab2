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

void t.test(
  'an address of the Dashboard’s database that no run could use is refused',
  async (t) => {
    for (const [address, problem] of [
      ['postgres://u:hunter2@h/d', /is not of the form mysql:/],
      ['u:hunter2@h/d', /is not of the form mysql:/],
      ['mysql://u:hunter2@h', /lacks its database: it is of the form mysql:/],
      ['mysql://h/hunter2', /lacks its user: it is of the form mysql:/],
      ['mysql://', /lacks its host and its user and its database: /],
      ['mysql://u:hunter2%@h/d', /has a % that begins no code/],
      [
        'mysql://u:7?hunter2@h/d',
        /lacks its user and its database.*; it has a parameter other than/,
      ],
      ['mysql://u:hunter2@h/d?hunter2=1', /has a parameter other than ssl=true or ssl=false/],
      ['mysql://u:hunter2@h/d?ssl=perhaps', /has a parameter other than ssl=true or ssl=false/],
      ['mysql://u:hunter2@192.0.2.1/d?ssl=true', /needs with ssl=true the name/],
      ['mysql://u:hunter2@[::1]/d?ssl=true', /needs with ssl=true the name/],
    ] as const) {
      const [first, ...more] = problemsOf({ DASHBOARD_DATABASE_URL: address, PORT: 'x' }).slice(1);
      t.match(first, /^DASHBOARD_DATABASE_URL \(not shown\) /, address);
      t.match(first, problem);
      t.notMatch(first, 'hunter2');
      t.same(more, []);
    }
    for (const url of ['mysql://u:p%40@h/d?ssl=true', 'mariadb://u@192.0.2.1:3307/d?ssl=false']) {
      t.same(readConfig({ DASHBOARD_DATABASE_URL: url }).source, {
        kind: 'dashboard_database',
        url,
      });
    }
  },
);

void t.test('the proxies that are trusted can be a number, addresses, all or none', async (t) => {
  const read = (text: string) => readConfig({ TRUST_PROXY: text }).trustProxy;
  t.equal(read('true'), true);
  t.equal(read('false'), false);
  t.equal(read('2'), 2);
  t.equal(read('10.0.0.0/8, ::1'), '10.0.0.0/8, ::1');
});

void t.test('proxies that are no addresses are reported with everything else', async (t) => {
  for (const text of [
    '999.1.1.1',
    'deadbeef',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.1, x',
    '1.2.3.4/',
  ]) {
    const problems = problemsOf({ TRUST_PROXY: text, PORT: 'x' });
    t.equal(problems.length, 2, text);
    t.match(problems[1], /^TRUST_PROXY ".*" is not valid: no address or network is "/);
  }
  for (const text of ['10.0.0.0/8', '::ffff:10.0.0.1', 'fd00::/8,127.0.0.1', '0']) {
    t.same(problemsOf({ TRUST_PROXY: text }), [], text);
  }
});

void t.test('what goes into headers and documents is made ASCII, or refused', async (t) => {
  t.match(
    readConfig({
      DATA_LICENSE: 'Licence\touverte  2.0\thttps://données.example/licence/é?a=1#ü',
      PUBLIC_URL: 'https://données.example/',
      DASHBOARD_URL: 'https://Dashboard.example/é',
      CONTACT: 'mailto@données.example',
    }),
    {
      license: {
        name: 'Licence ouverte 2.0',
        url: 'https://xn--donnes-eva.example/licence/%C3%A9?a=1#%C3%BC',
      },
      publicUrl: 'https://xn--donnes-eva.example',
      dashboardUrl: 'https://dashboard.example/%C3%A9',
      contact: 'mailto@xn--donnes-eva.example',
    },
  );
  t.equal(readConfig({ CONTACT: 'https://example.org/é' }).contact, 'https://example.org/%C3%A9');
  t.equal(
    readConfig({ DATA_LICENSE: 'CC0 https://example.org/<a>"b"' }).license.url,
    'https://example.org/%3Ca%3E%22b%22',
  );
  const refused = {
    DATA_LICENSE: ['CC0 https://', 'CC0 https://[::1', 'https://example.org/', 'CC0 ftp://a.b/c'],
    CONTACT: [
      'a b@example.org',
      'ü@example.org',
      'a@exa mple',
      'https://',
      '<a>@example.org',
      'a@b@c',
    ],
    PUBLIC_URL: [
      'https://user:hunter2@example.org',
      'https://example.org/?a',
      'https://example.org/open-data',
      'https://',
    ],
    DASHBOARD_URL: ['https://a.example/b,c', 'http://'],
    DATABASE_URL: ['postgres://a:%zz@localhost/x'],
  };
  for (const [name, texts] of Object.entries(refused)) {
    for (const text of texts) {
      const problems = problemsOf({ [name]: text });
      t.equal(problems.length, 1, `${name}=${text}`);
      t.ok(problems[0]?.startsWith(`${name} `));
    }
  }
});

void t.test('an admin token that no request could bring is refused', async (t) => {
  const long = 'x'.repeat(40);
  for (const text of [
    `${long} ${long}`,
    `${long}é`,
    `${long}\t${long}`,
    `a${'\u{1f511}'.repeat(40)}`,
  ]) {
    t.equal(problemsOf({ ADMIN_TOKEN: text }).length, 1);
  }
  t.equal(
    readConfig({ ADMIN_TOKEN: `~!"#$%&'()*+,-./:;<=>?@[]^_\`{|}${long}` }).adminToken?.length,
    71,
  );
});

void t.test('a schedule is what the library that runs it takes, or is refused', async (t) => {
  for (const text of [
    '0 4 * * *',
    '30 0 4 * * *',
    '0 4 15W * *',
    '0 22-2 * * *',
    '0 4 L * *',
    '0 4 * * 1#1',
    '0 4 1 * 1',
    '@daily',
    '*/15 * * * *',
  ]) {
    t.equal(readConfig({ SNAPSHOT_SCHEDULE: text }).schedule, text);
  }
  for (const [text, reason] of [
    ['5', /expected 5 or 6 fields but got 1/],
    ['H H * * *', /"H" is no minute, "H" is no hour/],
    ['0 24 * * *', /"24" is no hour/],
    ['0 0-4294967295 * * *', /no number in it has more than two digits/],
    ['0 4 31 2 *', /is not a cron expression/],
    ['0 4 31W 2 *', /is never due/],
    ['0 4 * *', /expected 5 or 6 fields/],
    ['0 4 * * * * *', /expected 5 or 6 fields/],
    ['now; then', /illegal characters/],
  ] as const) {
    const problems = problemsOf({ SNAPSHOT_SCHEDULE: text });
    t.equal(problems.length, 1, text);
    t.match(problems[0], /^SNAPSHOT_SCHEDULE "/);
    t.match(problems[0], reason);
  }
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

void t.test('a password is not repeated, whichever setting it is in', (t) => {
  const settings = { PUBLIC_URL: 'https://user:hunter2@example.org', PORT: 'x' };
  const report = t.throws(() => readConfig(settings), ConfigError);
  t.match(String(report), /PUBLIC_URL \(not shown\) is public/);
  t.notMatch(String(report), /hunter2/);
  t.end();
});
