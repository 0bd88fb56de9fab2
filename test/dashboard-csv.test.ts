import assert from 'node:assert/strict';
import { appendFile, readdir, readlink } from 'node:fs/promises';
import fc from 'fast-check';
import t from 'tap';
import { sumMetrics } from '../metrics/registry.ts';
import { courseIdOfSlug, dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { exportColumns } from '../sources/dashboard-csv-header.ts';
import type { SourceCourse } from '../sources/source.ts';
import {
  cellsOf,
  exportOf,
  headerLine,
  line,
  openOptions,
  readAll,
  samplePath,
  sampleText,
  write,
} from './dashboard-csv-file.ts';

/** The sum of a metric and how many courses have a value. */
function total(courses: readonly SourceCourse[], metric: string): [sum: number, known: number] {
  const values = courses.map((course) => course.metrics[metric] ?? null);
  const known = values.filter((value) => value !== null);
  return [known.reduce((sum, value) => sum + value, 0), known.length];
}

async function onlyCourse(path: string): Promise<SourceCourse> {
  const { courses } = await readAll(path);
  const [course, ...others] = courses;
  if (course === undefined || others.length > 0) throw new Error(`${courses.length} courses`);
  return course;
}

t.test('the genuine sample gives its known totals', async (t) => {
  const { courses, warnings } = await readAll(samplePath);
  t.equal(courses.length, 33);
  t.strictSame(total(courses, 'edits'), [370_058, 33]);
  t.strictSame(total(courses, 'bytes_added'), [132_595_465, 33]);
  t.strictSame(total(courses, 'references_added'), [132_379, 33]);
  t.strictSame(total(courses, 'article_views'), [60_431, 33]);
  t.strictSame(total(courses, 'enrollments'), [469, 33]);
  t.equal(total(courses, 'mainspace_edits')[1], 28);
  t.strictSame(total(courses, 'article_talk_edits'), [0, 1], 'a zero among blanks');
  t.equal(courses[3]?.term, '20-Nov-25');
  t.equal(warnings.size, 0);
});

t.test('a course has every field of the export, and null for what an export lacks', async (t) => {
  const course = await onlyCourse(write(t, exportOf(line())));
  t.strictSame(course, {
    courseId: courseIdOfSlug('School/Title_(Term)'),
    slug: 'School/Title_(Term)',
    title: 'Title',
    institution: 'School',
    term: 'Term',
    type: null,
    homeWiki: 'id.wikipedia.org',
    wikis: [],
    campaignIds: [],
    start: '2025-08-26T17:00:00Z',
    end: '2025-08-29T16:59:00Z',
    createdAt: '2025-08-22T14:46:47Z',
    newOrReturning: 'returning_instructor',
    metrics: {
      edits: 7,
      bytes_added: 4,
      references_added: -5,
      articles_edited: 2,
      articles_created: 3,
      article_views: 11,
      uploads: 12,
      uploads_in_use: 13,
      upload_usages: 14,
      enrollments: 6,
      trained_enrollments: 3,
      new_editor_enrollments: 1,
      mainspace_edits: 8,
      article_talk_edits: 9,
      userspace_edits: 10,
    },
  });
  const known = new Set(sumMetrics.map((metric) => metric.name));
  t.strictSame(
    Object.keys(course.metrics).filter((name) => !known.has(name)),
    [],
    'every number goes to a metric of the registry',
  );
});

t.test('what spreadsheets put around the rows is passed over', async (t) => {
  const row = line().replaceAll(',', ';');
  const header = headerLine.replaceAll(',', ';');
  const blank = ';'.repeat(exportColumns.length - 1);
  for (const [first, last] of [
    ['sep=;\r\n', ''],
    ['\u{feff}sep=;\r\n', `${blank}\r\n${blank}\r\n`],
    ['"sep=;"\n', `${blank}\n;;`],
    ['SEP=,\n', '\n\n'],
    ['', blank],
  ] as const) {
    const path = write(t, `${first}${header}\r\n${row}\r\n${last}`);
    t.equal((await onlyCourse(path)).slug, 'School/Title_(Term)', JSON.stringify(first + last));
  }
});

t.test('a blank cell is null, never zero', async (t) => {
  const blank = Object.fromEntries(exportColumns.map((column) => [column, '']));
  const path = write(t, exportOf(line({ ...blank, course_slug: 'A/B' })));
  const course = await onlyCourse(path);
  t.strictSame(
    [course.title, course.institution, course.term, course.homeWiki],
    [null, null, null, null],
  );
  t.strictSame([course.start, course.end, course.createdAt], [null, null, null]);
  t.equal(course.newOrReturning, 'unknown');
  t.strictSame(new Set(Object.values(course.metrics)), new Set([null]));
});

t.test('a course whose facilitators are neither new nor returning is unknown', async (t) => {
  const course = await onlyCourse(write(t, exportOf(line({ new_or_returning: 'unknown' }))));
  t.equal(course.newOrReturning, 'unknown');
});

t.test('trained enrolments are the rate times the enrolments, rounded', async (t) => {
  for (const [editors, rate, trained] of [
    ['6', '0.8333333333333334', 5],
    ['26', '01.00', 26],
    ['3', '0.33', 1],
    ['20000', '5.0e-05', 1],
    ['0', '', 0],
    ['6', '', null],
    ['', '', null],
    ['', '0.5', null],
    ['6', '0.0', 0],
  ] as const) {
    const cells = line({ editors, training_completion_rate: rate });
    const course = await onlyCourse(write(t, exportOf(cells)));
    t.equal(course.metrics['trained_enrollments'], trained, `${rate} of ${editors}`);
  }
});

t.test('a course id depends on the slug alone and never changes', (t) => {
  // The first 53 bits, as `printf %s SLUG | sha256sum` shows them.
  t.equal(courseIdOfSlug('abc'), Number(0xba7816bf8f01cfn >> 3n));
  t.equal(courseIdOfSlug('Escuela/Edición'), Number(0xd9b89fc3a45a7fn >> 3n));
  t.equal(
    courseIdOfSlug('Escuela/Edición'.normalize('NFD')),
    courseIdOfSlug('Escuela/Edición'.normalize('NFC')),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (slug) => {
      const id = courseIdOfSlug(slug);
      return Number.isSafeInteger(id) && id >= 1;
    }),
  );
  t.end();
});

t.test('the sample saved again in any way gives the same courses', async (t) => {
  const { courses } = await readAll(samplePath);
  const quoteAll = (text: string, delimiter: string): string =>
    text
      .split('\n')
      .map((row) =>
        row
          .split(delimiter)
          .map((cell) => `"${cell}"`)
          .join(delimiter),
      )
      .join('\n');
  const reversed = sampleText
    .split('\n')
    .map((row) => row.split(';').toReversed().join(';'))
    .join('\n');
  const variants: Record<string, string> = {
    'with commas': sampleText.replaceAll(';', ','),
    'with tabs': sampleText.replaceAll(';', '\t'),
    'with a byte order mark': `\u{feff}${sampleText}`,
    'with CRLF': sampleText.replaceAll('\n', '\r\n'),
    'with CR': sampleText.replaceAll('\n', '\r'),
    'with a last line end': `${sampleText}\n`,
    'with blank lines at the end': `${sampleText}\n\n\n`,
    'all quoted': quoteAll(sampleText, ';'),
    'with decimal commas': sampleText.replaceAll(/0([01])\.00$/gm, '0$1,00'),
    'with other rates': sampleText.replaceAll(/0([01])\.00$/gm, '$1.0'),
    'with the columns in another order': `${reversed}\n`,
    'with everything at once': `\u{feff}${quoteAll(sampleText.replaceAll(';', ','), ',').replaceAll('\n', '\r\n')}\r\n`,
  };
  for (const [name, text] of Object.entries(variants)) {
    t.strictSame((await readAll(write(t, text))).courses, courses, name);
  }
});

t.test('what was written is read back, whatever the format', async (t) => {
  const cell = fc
    .string({
      unit: fc.constantFrom('a', ' ', 'é', '字', '😀', ',', ';', '"', '\t', '\n', '\r', '.', '/'),
      maxLength: 12,
    })
    .filter((text) => text === '' || text.trim() !== '');
  const number = (min: number): fc.Arbitrary<number | null> =>
    fc.option(fc.integer({ min, max: Number.MAX_SAFE_INTEGER }), { freq: 4 });
  const course = fc.record({
    slug: cell.filter((text) => text !== ''),
    title: cell,
    institution: cell,
    term: cell,
    edits: number(0),
    references: number(Number.MIN_SAFE_INTEGER),
    trained: fc.constantFrom(0, 3, 6),
  });
  const format = fc.record({
    delimiter: fc.constantFrom(',', ';', '\t'),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    byteOrderMark: fc.boolean(),
    lastLineEnd: fc.boolean(),
    decimalComma: fc.boolean(),
    quoteAll: fc.boolean(),
  });
  const courses = fc.uniqueArray(course, {
    minLength: 1,
    maxLength: 8,
    // As the Dashboard compares them: spaces at the end do not count.
    selector: ({ slug }) => slug.normalize('NFC').replace(/ +$/, ''),
  });

  await fc.assert(
    fc.asyncProperty(courses, format, async (written, how) => {
      const cellText = (text: string): string =>
        how.quoteAll || /[,;\t"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      const point = how.decimalComma && how.delimiter !== ',' ? ',' : '.';
      const rows = written.map((row) =>
        cellsOf({
          course_slug: row.slug,
          title: row.title,
          institution: row.institution,
          term: row.term,
          total_edits: String(row.edits ?? ''),
          references_added: String(row.references ?? ''),
          training_completion_rate: (row.trained / 6).toFixed(1).replace('.', point),
        }),
      );
      const body = [headerLine.split(','), ...rows]
        .map((cells) => cells.map(cellText).join(how.delimiter))
        .join(how.lineEnd);
      const text = `${how.byteOrderMark ? '\u{feff}' : ''}${body}${how.lastLineEnd ? how.lineEnd : ''}`;
      const read = await readAll(write(t, text));
      assert.deepEqual(
        read.courses.map((one) => [
          one.slug,
          one.title ?? '',
          one.institution ?? '',
          one.term ?? '',
          one.metrics['edits'],
          one.metrics['references_added'],
          one.metrics['trained_enrollments'],
        ]),
        written.map((one) => [
          one.slug,
          one.title,
          one.institution,
          one.term,
          one.edits,
          one.references,
          one.trained,
        ]),
      );
    }),
    { numRuns: 150 },
  );
});

t.test(
  'the columns are found when the header is the whole of the Dashboard’s, quoted',
  async (t) => {
    const quotedHeader = headerLine.replaceAll(/\w+/g, '"$&"');
    t.equal(
      (await onlyCourse(write(t, `${quotedHeader}\n${line()}\n`))).slug,
      'School/Title_(Term)',
    );
  },
);

t.test('characters cut between two chunks of the file arrive whole', async (t) => {
  // Two bytes each, behind one of a single byte, so that a chunk's end falls inside of one.
  // The replacement character would be refused if they were taken for bytes that are not UTF-8.
  const titles = ['é', 'xé'].map((start) => `${start}${'é'.repeat(70_000)}\u{fffd}`);
  const lines = titles.map((title, at) => line({ course_slug: `A/${at}`, title }));
  const { courses } = await readAll(write(t, exportOf(...lines)));
  t.strictSame(
    courses.map((course) => course.title),
    titles,
  );
});

t.test(
  'a replacement character that stands in the file is a character like any other',
  async (t) => {
    const title = 'lost \u{fffd} before';
    t.equal((await onlyCourse(write(t, exportOf(line({ title }))))).title, title);
  },
);

t.test('courses come in batches of a hundred, with progress', async (t) => {
  const lines = Array.from({ length: 201 }, (_, at) => line({ course_slug: `A/${at}` }));
  const progress: unknown[] = [];
  const read = await readAll(write(t, exportOf(...lines)), {
    onProgress: (step) => progress.push(step),
  });
  t.strictSame(read.batchSizes, [100, 100, 1]);
  t.strictSame(progress, [
    { part: 'courses', rows: 100, total: null },
    { part: 'courses', rows: 200, total: null },
    { part: 'courses', rows: 201, total: null },
  ]);
  t.equal(read.courses[200]?.slug, 'A/200');
});

t.test('oddities are kept and counted', async (t) => {
  const path = write(
    t,
    exportOf(
      line({ course_slug: 'A/1', end_date: '2020-01-01 00:00:00 UTC' }),
      '',
      line({ course_slug: 'A/2', training_completion_rate: '' }),
      '',
    ),
  );
  const { courses, warnings } = await readAll(path);
  t.equal(courses[0]?.end, '2020-01-01T00:00:00Z');
  t.strictSame(
    [...warnings],
    [
      ['A course ends before it starts: kept as it is.', 1],
      ['A blank line was skipped.', 2],
      ['A course with editors has no training completion rate: kept as unknown.', 1],
    ],
  );
});

t.test(
  'a reading has no people, campaigns or activity, and is dated when it happens',
  async (t) => {
    const source = dashboardCsvSource(samplePath);
    t.equal(source.kind, 'dashboard_csv');
    const reading = await source.open(openOptions());
    t.equal(reading.readAt.toISOString(), '2026-08-27T12:00:00.000Z');
    t.equal(reading.countsPeople, false);
    for (const part of [
      reading.campaigns(),
      reading.hiddenCourseIds(),
      reading.enrollments(),
      reading.activity(),
    ]) {
      for await (const batch of part) t.fail('nothing was expected', { batch });
    }
    await reading.close();
  },
);

t.test('a reading that is aborted stops with the reason', async (t) => {
  const lines = Array.from({ length: 3000 }, (_, at) => line({ course_slug: `A/${at}` }));
  const path = write(t, exportOf(...lines));
  const reason = new Error('The service stops.');

  await t.rejects(readAll(path, { signal: AbortSignal.abort(reason) }), reason);

  const controller = new AbortController();
  const reading = await dashboardCsvSource(path).open(openOptions({ signal: controller.signal }));
  const seen: number[] = [];
  await t.rejects(async () => {
    for await (const batch of reading.courses()) {
      seen.push(batch.length);
      controller.abort(reason);
    }
  }, reason);
  t.strictSame(seen, [100]);
  await reading.close();
});

t.test('a file that grows while it is read is refused', async (t) => {
  const path = write(t, exportOf(line()));
  const reading = await dashboardCsvSource(path).open(openOptions());
  await appendFile(path, line({ course_slug: 'A/2' }));
  await t.rejects(reading.courses()[Symbol.asyncIterator]().next(), {
    name: 'SourceError',
    message: `${path} changed while it was being read`,
  });
  await reading.close();
});

t.test('one that grows for ever is not read for ever', async (t) => {
  const rows = (first: number) =>
    Array.from({ length: 500 }, (_, n) => line({ course_slug: `A/${first + n}` }));
  const path = write(t, exportOf(...rows(0)));
  const reading = await dashboardCsvSource(path).open(openOptions());
  let written = 500;
  await t.rejects(
    async () => {
      for await (const _ of reading.courses()) {
        await appendFile(path, `${rows(written).join('\n')}\n`);
        written += 500;
        if (written > 50_000) break;
      }
    },
    { name: 'SourceError', message: `${path} changed while it was being read` },
  );
  await reading.close();
});

const needsProc = { skip: process.platform !== 'linux' && 'open files are counted in /proc' };

t.test('no file stays open, however a reading ends', needsProc, async (t) => {
  const directory = t.testdir({ 'good.csv': exportOf(line()), 'bad.csv': 'a,b\n' });
  const good = `${directory}/good.csv`;
  const openFiles = async (): Promise<string[]> => {
    const fds = await readdir('/proc/self/fd');
    // The directory's own descriptor is gone by the time that it is looked at.
    const targets = await Promise.all(
      fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    return targets.filter((target) => target.endsWith('.csv'));
  };
  await t.rejects(readAll(`${directory}/bad.csv`), { name: 'SourceError' });
  await readAll(good);
  t.strictSame(await openFiles(), []);

  const reading = await dashboardCsvSource(good).open(openOptions());
  t.strictSame(await openFiles(), [good]);
  for await (const batch of reading.courses()) {
    t.equal(batch.length, 1);
    break;
  }
  await reading.close();
  await reading.close();
  t.strictSame(await openFiles(), []);
});
