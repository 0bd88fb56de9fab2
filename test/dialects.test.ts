import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { exportColumns } from '../sources/dashboard-csv-header.ts';
import type { SourceCourse } from '../sources/source.ts';
import { readAll, samplePath, sampleText } from './dashboard-csv-file.ts';
import { makeDirectory } from './embedded/holder.ts';
import { course, emptyState } from './support/courses.ts';
import { convertedTexts, harmlessTexts, hostileTexts, oddTexts } from './support/odd-texts.ts';
import { serve } from './support/served.ts';
import { createService, publish, TestClock } from './support/service.ts';
import { createStore } from './support/store.ts';

type Row = Record<string, string>;

function rowsOf(text: string): Row[] {
  return parse(text, { columns: true, relax_column_count: false });
}

async function fetchText(
  app: { inject(url: string): Promise<{ statusCode: number; body: string }> },
  url: string,
): Promise<string> {
  const answer = await app.inject(url);
  if (answer.statusCode !== 200) throw new Error(answer.body);
  return answer.body;
}

t.test('excel is plain but for a mark and harmless text', async (t) => {
  const { app } = await serve(t, oddTexts());
  const plain = await fetchText(app, '/v1/courses.csv');
  const excel = await fetchText(app, '/v1/courses.csv?dialect=excel');
  t.equal(excel[0], '\ufeff');
  t.not(plain[0], '\ufeff');
  const rows = rowsOf(excel.slice(1));
  t.strictSame(
    rows.map(({ title }) => title),
    [...[...hostileTexts, ...convertedTexts].map((text) => `'${text}`), ...harmlessTexts],
  );
  const numbers = ['course_id', 'edits', 'references_added', 'bytes_added', 'words_added'];
  for (const [index, row] of rowsOf(plain).entries()) {
    for (const [column, value] of Object.entries(row)) {
      const cell = rows[index]?.[column];
      if (cell !== value) t.equal(cell, `'${value}`, column);
      if (numbers.includes(column)) t.equal(cell, value);
    }
    t.equal(row['references_added'], String(0 - index));
    t.equal(rows[index]?.['campaigns'], "'=evil");
  }
  t.equal(excel.split('\r\n')[0]?.slice(1), plain.split('\r\n')[0]);

  const campaigns = rowsOf((await fetchText(app, '/v1/campaigns.csv?dialect=excel')).slice(1));
  t.match(campaigns, [{ campaign_slug: "'=evil", title: "'=1+1", description: "'-2" }]);
  t.equal(
    campaigns[0]?.['references_added'],
    rowsOf(await fetchText(app, '/v1/campaigns.csv'))[0]?.['references_added'],
  );
  const answer = await app.inject('/v1/campaigns.csv?dialect=dashboard');
  t.equal(answer.statusCode, 400, 'there is no such export of campaigns');
});

t.test('every file can be had for a spreadsheet', async (t) => {
  const { app } = await serve(t, oddTexts());
  for (const path of [
    '/v1/snapshots.csv',
    '/v1/courses.csv',
    '/v1/campaigns.csv',
    '/v1/wikis.csv',
    '/v1/totals.csv',
    '/v1/trends.csv',
    '/v1/activity.csv',
  ]) {
    const plain = await fetchText(app, path);
    const excel = await fetchText(app, `${path}?dialect=excel`);
    t.equal(excel[0], '\ufeff', path);
    t.equal(excel.slice(1).split('\r\n').length, plain.split('\r\n').length);
    const tags = [path, `${path}?dialect=excel`].map(
      async (url) => (await app.inject(url)).headers['etag'],
    );
    const [one, other] = await Promise.all(tags);
    t.not(one, other);
    t.match(
      (await app.inject(`${path}?dialect=excel`)).headers['content-disposition'],
      /-excel\.csv"/,
    );
  }
});

async function publishFile(t: Test, path: string) {
  const store = await createStore(t);
  const clock = new TestClock();
  const { run } = await publish(store, dashboardCsvSource(path), clock);
  t.equal(run.problem, null);
  const app = await createService(t, store, clock);
  return fetchText(app, '/v1/courses.csv?dialect=dashboard');
}

const byId = (a: SourceCourse, b: SourceCourse) => a.courseId - b.courseId;

t.test('dashboard is a file that the Dashboard could have written', async (t) => {
  const text = await publishFile(t, samplePath);
  const [header] = text.split('\n');
  t.equal(header, exportColumns.join(','));
  t.notMatch(text, '\r');
  t.ok(text.endsWith('\n'));
  const path = join(await makeDirectory(t), 'courses.csv');
  await writeFile(path, text);
  const [original, again] = [await readAll(samplePath), await readAll(path)];
  t.strictSame([...again.courses].sort(byId), [...original.courses].sort(byId));

  // The sample went through a spreadsheet: semicolons, and rates such as 01.00.
  const bySlug = new Map(rowsOf(text).map((row) => [row['course_slug'], row]));
  for (const row of parse(sampleText, { columns: true, delimiter: ';', bom: true })) {
    const cells = row as Row;
    const { training_completion_rate: rate, ...others } = cells;
    const { training_completion_rate: ourRate, ...ours } = bySlug.get(cells['course_slug']) ?? {};
    t.strictSame(ours, others);
    t.equal(Number(ourRate), Number(rate?.replace(',', '.')));
    t.match(ourRate, /^(|[01]\.\d+)$/);
  }
});

t.test('dashboard cells are as Ruby prints them', async (t) => {
  const state = emptyState();
  const rates: [number, number, string][] = [
    [1, 2, '0.5'],
    [3, 3, '1.0'],
    [0, 3, '0.0'],
    [1, 3, '0.3333333333333333'],
    [2, 3, '0.6666666666666666'],
    [1, 10_000, '0.0001'],
    [1, 20_000, '5.0e-05'],
    [1, 30_000, '3.3333333333333335e-05'],
    [0, 0, ''],
  ];
  state.courses = rates.map(([trained, enrollments], index) =>
    course(index + 1, {
      createdAt: '2025-08-22T14:46:47Z',
      start: null,
      newOrReturning: index === 0 ? 'first_time_instructor' : 'unknown',
      metrics: { trained_enrollments: trained, enrollments, new_editor_enrollments: null },
    }),
  );
  const { app } = await serve(t, state);
  const rows = rowsOf(await fetchText(app, '/v1/courses.csv?dialect=dashboard'));
  t.strictSame(
    rows.map((row) => row['training_completion_rate']),
    rates.map(([, , text]) => text),
  );
  t.match(rows[0], {
    created_at: '2025-08-22 14:46:47 UTC',
    start_date: '',
    new_or_returning: 'first_time_instructor',
    editors: '2',
    new_editors: '',
  });
  t.equal(rows[1]?.['new_or_returning'], 'unknown');
});

const cell = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .map((text) => text.replaceAll(/[\0\u{fffd}]/gu, ''))
  .map((text) => (text.trim() === '' ? null : text));
const number = fc.option(fc.integer({ min: 0, max: 2 ** 40 }));
const moment = fc.option(
  fc
    .date({ min: new Date('1000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true })
    .map((date) => `${date.toISOString().slice(0, 19)}Z`),
);

/** What an export can say of a course. */
const anyCourse = fc
  .record({
    title: cell,
    institution: cell,
    term: cell,
    homeWiki: fc.option(fc.constantFrom('en.wikipedia.org', 'commons.wikimedia.org')),
    start: moment,
    end: moment,
    createdAt: moment,
    newOrReturning: fc.constantFrom('first_time_instructor', 'returning_instructor', 'unknown'),
    enrollments: fc.integer({ min: 0, max: 100_000 }),
    trained: fc.double({ min: 0, max: 1, noNaN: true }),
    metrics: fc.dictionary(
      fc.constantFrom('edits', 'bytes_added', 'article_views', 'uploads', 'mainspace_edits'),
      number,
    ),
    references: fc.option(fc.integer()),
  })
  .map(({ enrollments, trained, metrics, references, ...fields }): Partial<SourceCourse> => ({
    ...fields,
    metrics: {
      ...metrics,
      references_added: references,
      enrollments,
      trained_enrollments: Math.round(enrollments * trained),
    },
  }));

t.test('what dashboard says can be read back by whoever reads exports', async (t) => {
  const directory = await makeDirectory(t);
  await fc.assert(
    fc.asyncProperty(fc.array(anyCourse, { minLength: 1, maxLength: 30 }), async (courses) => {
      const state = emptyState();
      state.courses = courses.map((fields, index) =>
        course(index + 1, { ...fields, type: null, wikis: [] }),
      );
      const { app } = await serve(t, state);
      const path = join(directory, 'courses.csv');
      await writeFile(path, await fetchText(app, '/v1/courses.csv?dialect=dashboard'));
      const { courses: read } = await readAll(path);
      const withoutId = ({ courseId: _, ...one }: SourceCourse) => ({
        ...one,
        metrics: Object.fromEntries(
          Object.entries(one.metrics).filter(([, value]) => value !== null),
        ),
      });
      t.strictSame(read.map(withoutId), state.courses.map(withoutId));
    }),
    { numRuns: 5 },
  );
});
