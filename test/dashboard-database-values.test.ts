import { test } from 'tap';
import { parseAddress } from '../sources/dashboard-database/address.ts';
import {
  count,
  negativeNumber,
  seconds,
  text,
  time,
  wholeNumber,
} from '../sources/dashboard-database/cells.ts';
import { wikidataValues } from '../sources/dashboard-database/course-stats.ts';
import { readAhead } from '../sources/read-ahead.ts';
import { isSettled } from '../sources/dashboard-database/rereading.ts';
import { Warnings } from '../sources/dashboard-database/warnings.ts';
import { wikiDomain } from '../sources/dashboard-database/wikis.ts';
import { metrics, sumMetrics } from '../metrics/registry.ts';
import { SourceError } from '../sources/source.ts';

void test('a wiki has the domain of its language and project', (t) => {
  t.equal(wikiDomain('en', 'wikipedia'), 'en.wikipedia.org');
  t.equal(wikiDomain('commons', 'wikimedia'), 'commons.wikimedia.org');
  t.equal(wikiDomain(null, 'wikidata'), 'www.wikidata.org');
  t.equal(wikiDomain(null, 'wikisource'), 'wikisource.org');
  t.equal(wikiDomain('', 'wikidata'), 'www.wikidata.org');
  t.equal(wikiDomain(null, 'wikipedia'), null);
  t.equal(wikiDomain(null, 'constructor'), null);
  t.equal(wikiDomain('en', null), null);
  t.end();
});

void test('dates that do not exist are null and counted', (t) => {
  const warnings = new Warnings();
  t.equal(time('2026-08-27 14:46:47', warnings), '2026-08-27T14:46:47Z');
  t.equal(time('2026-08-27 14:46:47.123456', warnings), '2026-08-27T14:46:47Z');
  t.equal(time('0001-01-01 00:00:00', warnings), '0001-01-01T00:00:00Z');
  t.equal(time('9999-12-31 23:59:59', warnings), '9999-12-31T23:59:59Z');
  t.equal(time(null, warnings), null);
  t.equal(warnings.counts.size, 0);
  for (const impossible of [
    '0000-00-00 00:00:00',
    '0000-05-05 00:00:00',
    '2020-00-15 00:00:00',
    '2020-05-00 00:00:00',
    '2021-02-31 10:00:00',
    '10000-01-01 00:00:00',
  ]) {
    t.equal(time(impossible, warnings), null, impossible);
  }
  t.strictSame([...warnings.counts], [['Impossible dates, read as null', 6]]);
  t.equal(seconds('1970-01-02T00:00:00Z'), 86_400);
  t.end();
});

void test('numbers are exact or null', (t) => {
  const warnings = new Warnings();
  t.equal(wholeNumber(-7, warnings), -7);
  t.equal(wholeNumber('9007199254740991', warnings), 9007199254740991);
  t.equal(wholeNumber(null, warnings), null);
  t.equal(warnings.counts.size, 0);
  t.equal(wholeNumber('9007199254740992', warnings), null);
  t.equal(wholeNumber('-9223372036854775808', warnings), null);
  t.strictSame([...warnings.counts.values()], [2]);
  t.end();
});

void test('what is never negative is null where it is', (t) => {
  const warnings = new Warnings();
  t.equal(count('7', warnings), 7);
  t.equal(count(0, warnings), 0);
  t.equal(count(null, warnings), null);
  t.equal(warnings.counts.size, 0);
  t.equal(count(-1, warnings), null);
  t.strictSame(wikidataValues('---\nwww.wikidata.org:\n  items created: -2\n', warnings), {
    wikidata_items_created: null,
  });
  t.strictSame([...warnings.counts], [[negativeNumber, 2]]);
  t.end();
});

void test('characters that PostgreSQL cannot store are left out of texts and names', (t) => {
  const warnings = new Warnings();
  t.equal(text('half \ud83c of a character', warnings), 'half \ufffd of a character');
  t.equal(text('a\0b', warnings), 'ab');
  t.equal(text('ab 🎓', warnings), 'ab 🎓');
  t.strictSame([...warnings.counts.values()], [2]);

  const named = new Warnings();
  named.addNamed('Named', `${'x'.repeat(79)}🎓`);
  named.addNamed('Named', `${'🎓'.repeat(79)}xyz`);
  named.addNamed('Named', `${'x'.repeat(159)}🎓`);
  named.addNamed('Named', 'a\0b\udc00');
  t.strictSame(
    [...named.counts.keys()],
    [
      `Named: ${'x'.repeat(79)}🎓`,
      `Named: ${'🎓'.repeat(79)}x`,
      `Named: ${'x'.repeat(80)}`,
      'Named: ab\ufffd',
    ],
  );
  t.end();
});

const quiet = (yaml: string): Record<string, number | null> => wikidataValues(yaml, new Warnings());

void test('Wikidata statistics are read however Ruby wrote them', (t) => {
  const expected = { wikidata_claims_created: 3, wikidata_total_revisions: 12 };
  const plain = '---\nwww.wikidata.org:\n  claims created: 3\n  total revisions: 12\n';
  t.strictSame(quiet(plain), expected);
  t.strictSame(quiet(plain.replace('---\n', '')), expected);
  t.strictSame(quiet(`${plain}en.wikipedia.org-namespace-0:\n  :edited_count: 3\n`), expected);
  t.strictSame(quiet(plain.replaceAll('\n', '\r\n')), expected);
  t.strictSame(
    quiet('---\n"www.wikidata.org": &1\n  "claims created": 3\n  total revisions: 12\nx: *1\n'),
    expected,
  );
  t.strictSame(
    quiet('--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n' + plain.slice(4)),
    expected,
  );
  t.strictSame(quiet('{www.wikidata.org: {claims created: 3, total revisions: 12}}'), expected);
  t.strictSame(quiet('---\nen.wikipedia.org-namespace-0:\n  :edited_count: 3\n'), {});
  t.strictSame(quiet('--- {}\n'), {});
  t.strictSame(quiet(''), {});
  t.strictSame(quiet('---\nwww.wikidata.org: {}\n'), {});
  t.end();
});

void test('unknown updates of the legacy statistics fold into the other updates', (t) => {
  const both = '---\nwww.wikidata.org:\n  unknown: 4\n  other updates: 3\n';
  t.strictSame(quiet(both), { wikidata_other_updates: 7 });
  t.strictSame(quiet('---\nwww.wikidata.org:\n  unknown: 4\n'), { wikidata_other_updates: 4 });
  const warnings = new Warnings();
  t.strictSame(wikidataValues(both.replace('3', '9007199254740991'), warnings), {
    wikidata_other_updates: null,
  });
  t.strictSame([...warnings.counts], [['Numbers beyond 2^53 - 1, read as null', 1]]);
  t.end();
});

void test('unreadable YAML and unknown labels are counted and never stop a reading', (t) => {
  const warnings = new Warnings();
  const doubling = Array.from({ length: 40 }, (_, n) => `a${n}: &a${n} [*a${n - 1}, *a${n - 1}]`);
  for (const text of [
    '--- [unclosed',
    'words',
    '---\n- 1\n',
    'www.wikidata.org: words',
    '%YAML 9.9\n--- *nobody',
    `a-1: &a-1 x\n${doubling.join('\n')}\nwww.wikidata.org: *a39\n`,
    '---\nwww.wikidata.org:\n  claims created: 1\nwww.wikidata.org:\n  claims created: 2\n',
  ]) {
    t.strictSame(wikidataValues(text, warnings), {}, text.slice(0, 40));
  }
  t.strictSame([...warnings.counts], [['Unreadable YAML in course_stats, taken for none', 7]]);

  const odd = new Warnings();
  const values = wikidataValues(
    '---\nwww.wikidata.org:\n  gadgets: 4\n  __proto__: 3\n  claims created: 1.5\n  items created: many\n  items cleared:\n  labels added: 99999999999999999999\n  labels removed: 2\n',
    odd,
  );
  t.strictSame(values, { wikidata_labels_removed: 2 });
  t.strictSame(
    [...odd.counts],
    [
      ['Unknown Wikidata labels, left out: gadgets', 1],
      ['Unknown Wikidata labels, left out: __proto__', 1],
      ['Wikidata statistics that are no whole number, read as null', 3],
    ],
  );
  t.end();
});

void test('the data cannot make the report endless', (t) => {
  const warnings = new Warnings();
  for (let n = 0; n < 1000; n += 1) warnings.addNamed('Unknown', `${n} ${'x'.repeat(1000)}`);
  t.equal(warnings.counts.size, 21);
  t.equal(warnings.counts.get('Unknown: others'), 980);
  t.ok([...warnings.counts.keys()].every((message) => message.length < 100));
  t.end();
});

void test('every Wikidata metric is in the registry under a name of its own', (t) => {
  const names = metrics.map((metric) => metric.name);
  t.equal(new Set(names).size, names.length);
  t.ok(names.includes('wikidata_total_revisions'));
  t.ok(names.every((name) => /^[a-z0-9_]{1,63}$/.test(name)));
  t.ok(sumMetrics.some((metric) => metric.name === 'wikidata_interwiki_links_added'));
  t.end();
});

void test('a change within the last seconds before a reading is not settled', (t) => {
  const readAt = '2026-08-27 12:00:30';
  t.ok(isSettled(['2026-08-27 12:00:19', null, '0000-00-00 00:00:00'], readAt));
  t.notOk(isSettled(['2026-08-27 12:00:20'], readAt));
  t.notOk(isSettled([null, '2026-08-27 12:00:45'], readAt));
  t.end();
});

void test('the address of a database is read whole, or refused without repeating it', (t) => {
  t.strictSame(parseAddress('mysql://reader:p%40ss%2Fw@db.example:3307/dash%20board?ssl=true'), {
    host: 'db.example',
    port: 3307,
    user: 'reader',
    password: 'p@ss/w',
    database: 'dash board',
    ssl: true,
  });
  t.match(parseAddress('mariadb://root@[::1]/d'), {
    host: '::1',
    port: 3306,
    password: '',
    ssl: false,
  });
  for (const address of [
    'postgres://u:hunter2@h/d',
    'u:hunter2@h/d',
    'mysql://u:hunter2@h',
    'mysql://h/hunter2',
    'mysql://u:hunter2%@h/d',
    'mysql://u:hunter2@h/d?charset=latin1',
    'mysql://u:hunter2@h/d?ssl=perhaps',
    'mysql://u:hunter2@192.0.2.1/d?ssl=true',
    'mysql://u:hunter2@[::1]/d?ssl=true',
  ]) {
    try {
      parseAddress(address);
      t.fail(address);
    } catch (error) {
      t.ok(error instanceof SourceError, address);
      t.notMatch((error as SourceError).message, 'hunter2');
    }
  }
  t.end();
});

void test('reading ahead keeps one batch ready, and the order', async (t) => {
  const made: number[] = [];
  async function* numbers(): AsyncGenerator<number> {
    for (let n = 1; n <= 4; n += 1) {
      made.push(n);
      yield await Promise.resolve(n);
    }
  }
  const used: number[] = [];
  for await (const n of readAhead(numbers())) {
    t.ok(made.length <= n + 1, 'no more than one ahead');
    await new Promise(setImmediate);
    t.equal(made.length, Math.min(n + 1, 4), 'the next is made while this one is used');
    used.push(n);
  }
  t.strictSame(used, [1, 2, 3, 4]);
});

void test('reading ahead passes a failure on in its turn, and stops when its reader does', async (t) => {
  let ended = 0;
  async function* failing(): AsyncGenerator<number> {
    try {
      yield await Promise.resolve(1);
      throw new Error('the second failed');
    } finally {
      ended += 1;
    }
  }
  const used: number[] = [];
  await t.rejects(
    async () => {
      for await (const n of readAhead(failing())) {
        await new Promise(setImmediate);
        used.push(n);
      }
    },
    { message: 'the second failed' },
  );
  t.strictSame(used, [1]);
  for await (const n of readAhead(failing())) {
    used.push(n);
    break;
  }
  t.strictSame(used, [1, 1]);
  t.equal(ended, 2);
});
