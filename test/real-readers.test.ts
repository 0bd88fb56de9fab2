/** What other people's programs make of the downloads. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { parse } from 'csv-parse/sync';
import { joinList } from '../csv/records.ts';
import t, { type Test } from 'tap';
import type { DataPackage } from '../openapi/data-package.ts';
import type { TableField } from '../openapi/table-schema.ts';
import { makeDirectory } from './embedded/holder.ts';
import { campaign, course, emptyState } from './support/courses.ts';
import { download, listen, reprDigest } from './support/downloads.ts';
import { convertedTexts, harmlessTexts, hostileTexts, oddTexts } from './support/odd-texts.ts';
import { read, serve, type Served } from './support/served.ts';

/** The reason to skip, where a program is missing; none may be in CI. */
function without(program: string, argument = '--version'): { skip: string | false } {
  const isMissing = spawnSync(program, [argument]).error !== undefined;
  return { skip: isMissing && process.env['CI'] === undefined ? `no ${program} here` : false };
}

async function keep(t: Test, { app }: Served, url: string): Promise<string> {
  const { statusCode, rawPayload } = await app.inject(url);
  t.equal(statusCode, 200, url);
  const path = join(await makeDirectory(t), 'file.csv');
  await writeFile(path, rawPayload);
  return path;
}

interface CourseItem {
  readonly [name: string]: string | number | null | readonly string[];
}

/** What a field of a file says of a value of the JSON. */
function fieldOf(value: CourseItem[string] | undefined): string | number | null | undefined {
  return Array.isArray(value)
    ? joinList(value as readonly string[])
    : (value as string | number | null | undefined);
}

function odd() {
  const state = oddTexts();
  // One that no reader takes for a number: there is only this one.
  state.campaigns = [campaign(1, { slug: '=evil', title: '=1+1', description: 'A drive' })];
  state.courses.push(
    course(1000, { title: '', institution: null, term: '', type: null, start: null }),
    course(1001, {
      title: 'Lines\r\nand\nbreaks, "quoted" ""twice""',
      wikis: ['de.wikipedia.org', 'en.wikipedia.org'],
      metrics: { edits: Number.MAX_SAFE_INTEGER, references_added: -7 },
    }),
  );
  return state;
}

t.test('a strict parser of RFC 4180 gets every row and every character', async (t) => {
  const served = await serve(t, odd());
  const text = await readFile(await keep(t, served, '/v1/courses.csv'), 'utf8');
  const { items } = await read<{ items: CourseItem[] }>(served.app, '/v1/courses?limit=1000');
  const rows = parse<Record<string, string | null>>(text, {
    columns: true,
    record_delimiter: '\r\n',
    relax_column_count: false,
    relax_quotes: false,
    // Null is an empty field, and an empty string is "".
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  t.equal(rows.length, items.length);
  for (const [index, row] of rows.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const expected = fieldOf(items[index]?.[name]);
      t.equal(value, expected === null ? null : String(expected), name);
    }
    t.strictSame(Object.keys(row), Object.keys(items[index] ?? {}));
  }
});

t.test('DuckDB gets every row, every value and every type without being told', async (t) => {
  const served = await serve(t, odd());
  const database = await DuckDBInstance.create(':memory:');
  const connection = await database.connect();
  t.teardown(() => {
    connection.closeSync();
    database.closeSync();
  });
  const ask = async (sql: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(sql)).getRows();
  await served.app.inject('/v1/datapackage.json');
  await served.app.exports.settled();
  const { resources } = await read<DataPackage>(served.app, '/v1/datapackage.json');
  t.equal(resources.length, 3);
  const types: Record<string, string> = {
    integer: 'BIGINT',
    datetime: 'TIMESTAMP WITH TIME ZONE',
    string: 'VARCHAR',
    list: 'VARCHAR',
  };
  for (const resource of resources) {
    const path = await keep(t, served, new URL(resource.path, 'http://host/v1/').href.slice(11));
    // The whole file is looked at; by default "" is null.
    const table = `read_csv('${path}', header = true, sample_size = -1, allow_quoted_nulls = false)`;
    const columns = await ask(`describe select * from ${table}`);
    const fields = resource.schema.fields as TableField[];
    t.strictSame(
      columns.map(([name]) => name),
      fields.map(({ name }) => name),
    );
    const [row = []] = await ask(
      `select count(*), ${fields.map(({ name }) => `count("${name}")`).join(', ')} from ${table}`,
    );
    t.equal(row[0], BigInt(resource.rows), resource.name);
    for (const [index, { name, type }] of fields.entries()) {
      // Of what nobody has there is no type to be seen.
      if (row[index + 1] !== 0n) t.equal(columns[index]?.[1], types[type], name);
    }
  }

  const { items } = await read<{ items: CourseItem[] }>(served.app, '/v1/courses?limit=1000');
  const path = await keep(t, served, '/v1/courses.csv');
  const asked = ['title', 'institution', 'term', 'wikis', 'edits', 'references_added'];
  const rows = await ask(
    `select ${asked.map((name) => `"${name}"`).join(', ')} from read_csv('${path}', header = true,
       sample_size = -1, allow_quoted_nulls = false) order by course_id`,
  );
  t.strictSame(
    rows.map((row) => row.map((value) => (typeof value === 'bigint' ? Number(value) : value))),
    items.map((item) => asked.map((name) => fieldOf(item[name]))),
  );
});

t.test('curl -C - goes on where a download was broken off', without('curl'), async (t) => {
  const state = emptyState();
  state.courses = Array.from({ length: 5000 }, (_, index) =>
    course(index + 1, { title: 'x'.repeat(200) }),
  );
  const { app } = await serve(t, state);
  const csv = new URL('/v1/courses.csv', await listen(app));
  const { bytes } = await download(csv);
  await app.exports.settled();
  const { headers } = await download(csv, {}, 'HEAD');
  const file = join(await makeDirectory(t), 'courses.csv');
  await writeFile(file, bytes.subarray(0, 1_000_000));
  const curl = spawn('curl', ['-sSf', '-C', '-', '-o', file, csv.href], { stdio: 'inherit' });
  const [code] = (await once(curl, 'close')) as [number];
  t.equal(code, 0);
  t.equal(reprDigest(await readFile(file)), headers['repr-digest']);
});

interface Cell {
  /** Undefined of an empty one. */
  readonly type: string | undefined;
  readonly value: string | undefined;
}

/** The cells of a row of a flat spreadsheet of LibreOffice. */
function cellsOf(row: string): Cell[] {
  return [...row.matchAll(/<table:table-cell([^>]*)>/g)].flatMap(([, attributes = '']) => {
    const read = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1];
    const cell = { type: read('office:value-type'), value: read('office:value') };
    const times = Number(read('table:number-columns-repeated') ?? 1);
    return Array.from({ length: times }, () => cell);
  });
}

t.test(
  'LibreOffice opens excel with nothing run and nothing lost',
  without('soffice'),
  async (t) => {
    const served = await serve(t, oddTexts());
    const path = await keep(t, served, '/v1/courses.csv?dialect=excel');
    const directory = await makeDirectory(t);
    const converted = spawnSync(
      'soffice',
      // Its dialog finds the mark by itself; without one it wants to be told of UTF-8 (76). The
      // last word has it look for dates and the like, as Excel does.
      [
        ...['--headless', '--infilter=CSV:44,34,76,1,,0,false,true', '--convert-to', 'fods'],
        ...['--outdir', directory, path],
      ],
      { env: { ...process.env, HOME: directory } },
    );
    t.equal(converted.status, 0, String(converted.stderr));
    const sheet = await readFile(join(directory, 'file.fods'), 'utf8');
    t.notMatch(sheet, /table:formula=/, 'nothing is a formula');
    const rows = [...sheet.matchAll(/<table:table-row[^>]*>(.*?)<\/table:table-row>/gs)];
    const titles = [...hostileTexts, ...convertedTexts, ...harmlessTexts];
    t.equal(rows.length, 1 + titles.length, 'no row is lost');
    const isText = (index: number) => texts.has(index);
    const [header = []] = parse(await readFile(path, 'utf8'), { bom: true, to: 1 });
    const texts = new Set(
      ['title', 'institution', 'term', 'type', 'campaigns'].map((name) => header.indexOf(name)),
    );
    for (const [number, [, row = '']] of rows.slice(1).entries()) {
      for (const [index, { type }] of cellsOf(row).entries()) {
        if (isText(index)) t.ok(type === 'string' || type === undefined, `${titles[number]}`);
      }
      const numbers = ['course_id', 'edits', 'references_added'].map((name) => {
        const cell = cellsOf(row)[header.indexOf(name)];
        return cell?.type === 'float' ? Number(cell.value) : cell;
      });
      t.strictSame(numbers, [number + 1, number, 0 - number], 'numbers are numbers');
    }
    for (const text of ['1+1', 'naïve “x”', '数学', 'a,b;c|d', '007', '12345678901234567890']) {
      t.match(sheet, text);
    }
    t.match(sheet, /office:value-type="float" office:value="-10"/, 'negative numbers are numbers');
  },
);
