import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import t from 'tap';
import type { CslItem } from '../openapi/citation.ts';
import type { DataPackage } from '../openapi/data-package.ts';
import type { Problem } from '../openapi/problem.ts';
import type { TableField } from '../openapi/table-schema.ts';
import { campaign, course, emptyState } from './support/courses.ts';
import { read, serve, type Served } from './support/served.ts';

function state() {
  return {
    ...emptyState(),
    campaigns: [campaign(1, { slug: 'spring', title: 'Spring, “2026”', description: '' })],
    courses: [
      course(1, { campaignIds: [1], wikis: ['de.wikipedia.org', 'en.wikipedia.org'] }),
      course(2, { title: null, metrics: { references_added: -3 }, start: null }),
      course(3, { title: 'Line\nbreak, "quotes"', newOrReturning: 'first_time_instructor' }),
    ],
  };
}

/** Asks until the files are made. */
async function packageAt({ app }: Served, query = ''): Promise<DataPackage> {
  const answer = await app.inject(`/v1/datapackage.json${query}`);
  if (answer.statusCode !== 503) return answer.json<DataPackage>();
  await app.exports.settled();
  return read<DataPackage>(app, `/v1/datapackage.json${query}`);
}

/** What the standard takes for a path: below the package, or a whole address. */
const path = /^((?=[^./~])(?!file:)((?!\/\.\.\/)(?!\\)(?!:\/\/).)*|(http|ftp)s?:\/\/.*)$/;

t.test('the package says what the files are', async (t) => {
  const served = await serve(t, state());
  const { app } = served;
  const first = await app.inject('/v1/datapackage.json');
  t.equal(first.statusCode, 503, 'until they are made');
  t.equal(first.headers['retry-after'], '5');
  t.equal(first.json<Problem>().type, '/problems/unavailable');
  const described = await packageAt(served);
  t.match(described, {
    $schema: 'https://datapackage.org/profiles/2.0/datapackage.json',
    name: /^[-a-z0-9._]+$/,
    version: '1.0',
    created: '2026-11-22T12:00:00Z',
    licenses: [
      {
        name: 'CC-BY-SA-4.0',
        title: 'CC BY-SA 4.0',
        path: 'https://creativecommons.org/licenses/by-sa/4.0/',
      },
    ],
    sources: [{ path: 'https://outreachdashboard.wmflabs.org' }],
    contributors: [{ roles: ['creator'] }],
  });
  t.strictSame(
    described.resources.map(({ name }) => name),
    ['courses', 'campaigns', 'wikis'],
  );
  for (const resource of described.resources) {
    t.match(resource.path, path);
    t.match(resource.path, /\?snapshot=1$/);
    const address = new URL(resource.path, 'http://localhost/v1/datapackage.json');
    const answer = await app.inject({ url: address.pathname + address.search });
    t.equal(answer.rawPayload.length, resource.bytes);
    const digest = createHash('sha256').update(answer.rawPayload).digest('hex');
    t.equal(resource.hash, `sha256:${digest}`);
    t.equal(answer.headers['row-count'], String(resource.rows));
    t.match(answer.headers['link'], '</v1/datapackage.json?snapshot=1>; rel="describedby"');
    const fields = resource.schema.fields as unknown as TableField[];
    const [columns = [], ...rows] = parse(answer.rawPayload);
    t.strictSame(
      fields.map(({ name }) => name),
      columns,
    );
    t.equal(rows.length, resource.rows);
    for (const [index, field] of fields.entries()) {
      t.ok(field.title !== '' && field.description !== '', field.name);
      for (const row of rows) t.ok(fits(field, row[index] ?? ''), `${field.name}: ${row[index]}`);
    }
    for (const key of resource.schema.primaryKey) t.ok(columns.includes(key));
  }
});

/** Whether a cell is what its column is said to hold. */
function fits(field: TableField, cell: string): boolean {
  const { required, minimum, enum: words } = field.constraints ?? {};
  if (cell === '') return required !== true;
  if (words !== undefined && !words.includes(cell)) return false;
  switch (field.type) {
    case 'integer':
      return /^-?\d+$/.test(cell) && (minimum === undefined || Number(cell) >= minimum);
    case 'datetime':
      return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(cell);
    case 'list':
      return cell.split(field.delimiter ?? ',').every((item) => item !== '');
    case 'string':
      return field.format !== 'uri' || URL.canParse(cell);
  }
}

t.test('numbers say what they count', async (t) => {
  const { resources } = await packageAt(await serve(t, state()));
  const fields = (resources[0]?.schema.fields ?? []) as unknown as TableField[];
  const field = (name: string) => fields.find((one) => one.name === name);
  t.match(field('edits'), { type: 'integer', unit: 'edits', constraints: { minimum: 0 } });
  t.equal(field('references_added')?.constraints, undefined, 'which can be negative');
  t.match(field('wikis'), { type: 'list', delimiter: '|', itemType: 'string' });
  t.match(field('start'), { type: 'datetime' });
});

t.test('a package stays that of its snapshot, and moves on with withdrawals', async (t) => {
  const now = state();
  const served = await serve(t, now);
  const before = await packageAt(served);
  now.courses.push(course(4));
  await served.publish();
  const pinned = await packageAt(served, '?snapshot=1');
  t.strictSame(pinned.resources[0], before.resources[0]);
  t.equal((await packageAt(served)).resources[0]?.rows, 4);

  now.hidden = [1];
  now.courses = now.courses.filter(({ courseId }) => courseId !== 1);
  await served.publish();
  const after = await packageAt(served, '?snapshot=1');
  t.equal(after.version, '1.1');
  t.equal(after.resources[0]?.rows, 2);
  t.not(after.resources[0]?.hash, before.resources[0]?.hash);
  t.match(after.citation.text, 'revision 1');
});

t.test('a package is revalidated cheaply', async (t) => {
  const served = await serve(t, state());
  await packageAt(served);
  const { headers } = await served.app.inject('/v1/datapackage.json');
  t.equal(headers['cache-control'], 'no-cache');
  t.match(headers['link'], '</v1/datapackage.json?snapshot=1>; rel="canonical"');
  const again = await served.app.inject({
    url: '/v1/datapackage.json',
    headers: { 'if-none-match': String(headers['etag']) },
  });
  t.equal(again.statusCode, 304);
  t.equal((await served.app.inject('/v1/datapackage.json?snapshot=9')).statusCode, 400);
});

t.test('a snapshot can be cited in three forms', async (t) => {
  const served = await serve(t, state());
  const { app } = served;
  const cite = (format: string) => app.inject(`/v1/snapshots/1/citation?format=${format}`);
  const address = 'http://localhost/v1/snapshots/1';

  const text = await app.inject({
    url: '/v1/snapshots/1/citation',
    headers: { host: 'localhost' },
  });
  t.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(
    text.body,
    'Wikimedia Programs & Events Dashboard (2026). Dashboard Open Data, snapshot 1 of ' +
      '2026-11-22T12:00:00Z, revision 0 [Data set]. CC BY-SA 4.0. ' +
      `${address}\n`,
  );

  const bibtex = await cite('bibtex');
  t.equal(bibtex.headers['content-type'], 'application/x-bibtex; charset=utf-8');
  t.match(bibtex.body, /^@misc\{dashboard_open_data_1,\n/);
  t.match(bibtex.body, '{{Wikimedia Programs \\& Events Dashboard}}');
  t.equal(bibtex.body.split('{').length, bibtex.body.split('}').length);

  const csl = await cite('csl-json');
  t.match(csl.headers['content-type'], 'application/vnd.citationstyles.csl+json');
  t.match(csl.json<CslItem[]>(), [
    { type: 'dataset', issued: { 'date-parts': [[2026, 11, 22]] }, version: '1, revision 0' },
  ]);
  t.match((await packageAt(served)).citation, {
    text: /\/v1\/datapackage\.json\?snapshot=1$/,
    csl_json: [{ URL: /\/v1\/datapackage\.json\?snapshot=1$/ }],
  });

  const missing = await app.inject('/v1/snapshots/2/citation');
  t.equal(missing.statusCode, 404);
  t.match(missing.json(), { detail: 'There is no snapshot 2; the newest is 1.' });
  t.equal((await cite('apa')).statusCode, 400);
});

t.test('a citation is as old as its snapshot, or as the revision that it names', async (t) => {
  const now = state();
  const served = await serve(t, now, '2026-11-22T12:00:00Z');
  const dateOf = async (snapshotId: number) => {
    const { headers } = await served.app.inject(`/v1/snapshots/${String(snapshotId)}/citation`);
    return headers['last-modified'];
  };
  t.equal(await dateOf(1), 'Sun, 22 Nov 2026 12:00:00 GMT');
  now.courses.push(course(4));
  await served.publish();
  t.equal(await dateOf(1), 'Sun, 22 Nov 2026 12:00:00 GMT');
  t.equal(await dateOf(2), 'Sun, 22 Nov 2026 12:01:00 GMT');
  now.hidden = [4];
  now.courses.pop();
  await served.publish();
  t.equal(await dateOf(1), 'Sun, 22 Nov 2026 12:02:00 GMT');
  const { headers } = await served.app.inject('/v1/snapshots/3');
  t.equal(await dateOf(3), headers['last-modified']);
  const other = await served.app.inject({
    url: '/v1/snapshots/3/citation',
    headers: { accept: 'application/x-bibtex', 'if-modified-since': headers['last-modified'] },
  });
  t.equal(other.statusCode, 200, 'a date does not tell its forms apart');
});

t.test('a date tells nothing of the settings that a package was made by', async (t) => {
  const served = await serve(t, state(), '2026-11-22T12:00:00Z');
  await packageAt(served);
  const url = '/v1/datapackage.json?snapshot=1';
  const { headers } = await served.app.inject({ url, headers: { host: 'one.example' } });
  const again = await served.app.inject({
    url,
    headers: { host: 'two.example', 'if-modified-since': headers['last-modified'] },
  });
  t.equal(again.statusCode, 200);
  t.match(again.body, 'http://two.example/');
  t.notMatch(again.body, 'one.example');
});
