import { chmod } from 'node:fs/promises';
import t from 'tap';
import type { ExportColumn } from '../sources/dashboard-csv-header.ts';
import { dashboardCsvSource } from '../sources/dashboard-csv.ts';
import { SourceError } from '../sources/source.ts';
import {
  exportOf,
  headerLine,
  line,
  openOptions,
  readAll,
  refusalOf,
  sampleText,
  write,
} from './dashboard-csv-file.ts';

t.test('a path that is no readable file is refused with the reason', async (t) => {
  const directory = t.testdir({ 'secret.csv': exportOf(line()) });
  t.equal(
    (await refusalOf(`${directory}/none.csv`)).message,
    `${directory}/none.csv cannot be read: there is no such file`,
  );
  t.equal((await refusalOf(directory)).message, `${directory} is a directory`);
  t.equal((await refusalOf('/dev/null')).message, '/dev/null is no regular file');

  await chmod(directory, 0o755);
  await chmod(`${directory}/secret.csv`, 0);
  const isRoot = process.geteuid?.() === 0;
  // Root may read everything, so it has to be somebody else (nobody) for a moment.
  if (isRoot) process.seteuid?.(65_534);
  try {
    const refusal = await refusalOf(`${directory}/secret.csv`);
    t.equal(refusal.message, `${directory}/secret.csv cannot be read: permission is denied`);
    t.match(refusal.cause, { code: 'EACCES' });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

t.test('a file that begins like no course export is refused when it is opened', async (t) => {
  const notHeader = (shown: string): string[] => [
    `line 1: ${shown} is not the header of the Dashboard’s course export`,
  ];
  for (const [content, message, problems] of [
    ['', 'is empty', []],
    ['\u{feff}', 'is empty', []],
    [
      Buffer.from(`\u{feff}${exportOf(line())}`, 'utf16le'),
      'is encoded as UTF-16: save it as CSV in UTF-8',
      [],
    ],
    ['name,edits\nA,1\n', 'was not imported: 1 problem', notHeader('"name,edits"')],
    ['\n\n', 'was not imported: 1 problem', notHeader('""')],
    [
      `"course_slug,${headerLine}`,
      'was not imported: 1 problem',
      notHeader('"\\"course_slug,course_slug,title,institution,term,home_wiki,cr…"'),
    ],
    [
      exportOf(line()).replace('total_edits', 'edits').replace('term', 'title'),
      'was not imported: 4 problems',
      [
        'line 1, column "title": stands in the header more than once',
        'line 1, column "edits": is not a column of the course export',
        'line 1, column "term": is missing',
        'line 1, column "total_edits": is missing',
      ],
    ],
    [
      headerLine.slice(0, -1),
      'was not imported: 2 problems',
      [
        'line 1, column "training_completion_rat": is not a column of the course export',
        'line 1, column "training_completion_rate": is missing',
      ],
    ],
  ] as const) {
    const path = write(t, content);
    await t.rejects(dashboardCsvSource(path).open(openOptions()), {
      name: 'SourceError',
      message: `${path} ${message}`,
      problems,
    });
  }
});

t.test('an export of no courses is refused', async (t) => {
  for (const content of [headerLine, `${headerLine}\n`, `${headerLine}\r\n\r\n\n`]) {
    const path = write(t, content);
    t.equal((await refusalOf(path)).message, `${path} has a header and no courses`);
  }
});

t.test('each kind of bad cell is named with its line, column and text', async (t) => {
  const time = 'is not a time like 2025-08-22 14:46:47 UTC';
  const day = 'is not a day of the calendar';
  const beyond = 'is beyond ±9007199254740991';
  const domain = 'is not a wiki’s domain, like id.wikipedia.org';
  const cases: [ExportColumn, string, string][] = [
    ['total_edits', 'abc', '"abc" is not a whole number'],
    ['total_edits', '1.0', '"1.0" is not a whole number'],
    ['total_edits', ' 1', '" 1" is not a whole number'],
    ['total_edits', '1e3', '"1e3" is not a whole number'],
    ['total_edits', '٣', '"٣" is not a whole number'],
    ['total_edits', '-1', '"-1" is negative'],
    ['editors', '-1', '"-1" is negative'],
    ['article_views', '9007199254740992', `"9007199254740992" ${beyond}`],
    ['references_added', '-9007199254740992', `"-9007199254740992" ${beyond}`],
    ['references_added', '−2', '"−2" is not a whole number'],
    ['training_completion_rate', '1.', '"1." is not a decimal number'],
    ['training_completion_rate', '50%', '"50%" is not a decimal number'],
    ['training_completion_rate', 'NaN', '"NaN" is not a decimal number'],
    ['training_completion_rate', '-0.5', '"-0.5" is not a decimal number'],
    ['training_completion_rate', '"0,5"', '"0,5" is not a decimal number'],
    ['training_completion_rate', '1.01', '"1.01" is not between 0 and 1'],
    ['created_at', '2025-08-22', `"2025-08-22" ${time}`],
    ['created_at', '2025-08-22 14:46:47', `"2025-08-22 14:46:47" ${time}`],
    ['start_date', '2025-08-22 24:00:00 UTC', `"2025-08-22 24:00:00 UTC" ${time}`],
    ['start_date', '2025-02-29 00:00:00 UTC', `"2025-02-29 00:00:00 UTC" ${day}`],
    ['start_date', '1900-02-29 00:00:00 UTC', `"1900-02-29 00:00:00 UTC" ${day}`],
    ['end_date', '2025-04-31 00:00:00 UTC', `"2025-04-31 00:00:00 UTC" ${day}`],
    ['end_date', '2025-13-01 00:00:00 UTC', `"2025-13-01 00:00:00 UTC" ${day}`],
    ['end_date', '2025-12-32 00:00:00 UTC', `"2025-12-32 00:00:00 UTC" ${day}`],
    ['end_date', '2025-12-00 00:00:00 UTC', `"2025-12-00 00:00:00 UTC" ${day}`],
    ['end_date', '2025-00-31 00:00:00 UTC', `"2025-00-31 00:00:00 UTC" ${day}`],
    ['end_date', '0000-01-01 00:00:00 UTC', `"0000-01-01 00:00:00 UTC" ${day}`],
    ['home_wiki', 'ID.wikipedia.org', `"ID.wikipedia.org" ${domain}`],
    ['home_wiki', 'wikipedia', `"wikipedia" ${domain}`],
    ['home_wiki', `${'a'.repeat(250)}.org`, `"${'a'.repeat(60)}…" ${domain}`],
    [
      'new_or_returning',
      'experienced',
      '"experienced" is neither first_time_instructor nor returning_instructor nor unknown nor blank',
    ],
    ['course_slug', '', 'is blank'],
    ['course_slug', '   ', 'is blank'],
    ['title', 'a\0b', '"a\\u0000b" holds a NUL character'],
  ];
  for (const [column, cell, text] of cases) {
    const bad = line({ [column]: cell });
    const path = write(t, exportOf(line({ course_slug: 'A/1' }), bad));
    const { message, problems } = await refusalOf(path);
    t.equal(message, `${path} was not imported: 1 problem`);
    t.strictSame(problems, [`line 3, column "${column}": ${text}`]);
  }
});

t.test('days that exist in leap years only are accepted in those', async (t) => {
  for (const day of ['2024-02-29', '2000-02-29', '2025-01-31', '2025-04-30']) {
    const path = write(t, exportOf(line({ end_date: `${day} 23:59:59 UTC` })));
    t.equal((await readAll(path)).courses[0]?.end, `${day}T23:59:59Z`);
  }
});

t.test(
  'a course that stands in two rows is refused, also if its slug is composed otherwise',
  async (t) => {
    const path = write(
      t,
      exportOf(
        line({ course_slug: 'Escuela/Edici\u{f3}n' }),
        line({ course_slug: 'A/B' }),
        line({ course_slug: 'A/B' }),
        line({ course_slug: 'Escuela/Edicio\u{301}n' }),
        line({ course_slug: 'a/b' }),
      ),
    );
    t.strictSame((await refusalOf(path)).problems, [
      'line 4, column "course_slug": "A/B" is the same course as on line 3',
      'line 5, column "course_slug": "Escuela/Edicio\u{301}n" is the same course as on line 2',
      'line 6, column "course_slug": "a/b" is the same course as on line 3, but for case, accents or spaces at its end',
    ]);
  },
);

t.test('slugs are compared as the Dashboard’s database does', async (t) => {
  const same: readonly (readonly [string, string])[] = [
    ['École/Été_(2025)', 'ecole/ete_(2025)'],
    ['ecole/ete_(2025)', 'École/Été_(2025)'],
    ['A/B', 'A/B '],
    ['Straße/X', 'STRASSE/x'],
    ['Школа/Курс', 'школа/курс'],
    ['ΣΑΣ/Σ', 'σας/ς'],
    ['A/B', 'Ａ/Ｂ'],
  ];
  for (const [first, second] of same) {
    const rows = [first, 'Other/Course', second].map((slug) => line({ course_slug: slug }));
    t.match((await refusalOf(write(t, exportOf(...rows)))).problems, [
      /^line 4, column "course_slug": .* is the same course as on line 2, but for case/,
    ]);
  }
  const different: readonly (readonly [string, string])[] = [
    ['A/B', ' A/B'],
    ['A/B_C', 'A/B-C'],
    ['भारत/कि', 'भारत/की'],
    ['Sjö/1', 'Sjø/1'],
    ['学校/一', '学校/二'],
    ['المدرسة/أ', 'المدرسة/ب'],
  ];
  const rows = different.flat().map((slug) => line({ course_slug: slug }));
  const { courses } = await readAll(write(t, exportOf(...new Set(rows))));
  t.equal(new Set(courses.map(({ courseId }) => courseId)).size, new Set(rows).size);
});

t.test('a row of one cell has 1 cell', async (t) => {
  const { problems } = await refusalOf(write(t, exportOf('one', line())));
  t.strictSame(problems, ['line 2: 1 cell where the header has 24']);
});

t.test(
  'behind a first line that names the separator, lines are still those of the file',
  async (t) => {
    const rows = [line({ total_edits: 'x' })].map((row) => row.replaceAll(',', ';'));
    const path = write(t, ['sep=;', headerLine.replaceAll(',', ';'), ...rows, ''].join('\r\n'));
    t.match((await refusalOf(path)).problems, [/^line 3, column "total_edits"/]);
    const headless = write(t, 'sep=;\r\none;two\r\n');
    t.match((await refusalOf(headless)).problems, [/^line 2: "one;two" is not the header/]);
  },
);

t.test('lines are those that an editor shows, also behind cells of several lines', async (t) => {
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const several = ['"a', 'b""', '', 'c"'].join(lineEnd);
    const rows = [
      line({ course_slug: 'A/1', title: several, institution: several }), // lines 2 to 8
      line({ course_slug: 'A/2', total_edits: 'x' }), // line 9
      '', // line 10
      line({ course_slug: 'A/3', title: several, total_edits: 'y' }), // lines 11 to 14
      line({ course_slug: 'A/4', total_edits: `"1${lineEnd}2"` }), // lines 15 and 16
      'one,two', // line 17
      line({ course_slug: 'A/2' }), // line 18
    ];
    const path = write(t, [headerLine, ...rows, ''].join(lineEnd));
    t.strictSame((await refusalOf(path)).problems, [
      'line 9, column "total_edits": "x" is not a whole number',
      'line 14, column "total_edits": "y" is not a whole number',
      `line 15, column "total_edits": ${JSON.stringify(`1${lineEnd}2`)} is not a whole number`,
      'line 17: 2 cells where the header has 24',
      'line 18, column "course_slug": "A/2" is the same course as on line 9',
    ]);
  }
});

t.test('the first fifty problems are shown, the others counted', async (t) => {
  const lines = Array.from({ length: 187 }, (_, at) =>
    line({ course_slug: `A/${at}`, total_edits: 'abc' }),
  );
  const path = write(t, exportOf(...lines));
  const { message, problems } = await refusalOf(path);
  t.equal(message, `${path} was not imported: 187 problems`);
  t.equal(problems.length, 51);
  t.equal(problems[49], 'line 51, column "total_edits": "abc" is not a whole number');
  t.equal(problems[50], '… and 137 more');
});

t.test('all problems are found, and no courses are yielded after the first', async (t) => {
  const lines = Array.from({ length: 3500 }, (_, at) =>
    line({ course_slug: `A/${at}`, total_edits: at === 1500 || at === 3400 ? 'x' : '1' }),
  );
  const path = write(t, exportOf(...lines));
  const reading = await dashboardCsvSource(path).open(openOptions());
  const sizes: number[] = [];
  const readOn = async (): Promise<void> => {
    for await (const batch of reading.courses()) sizes.push(batch.length);
  };
  await t.rejects(readOn(), {
    name: 'SourceError',
    problems: [
      'line 1502, column "total_edits": "x" is not a whole number',
      'line 3402, column "total_edits": "x" is not a whole number',
    ],
  });
  t.strictSame(sizes, new Array(15).fill(100));
  await reading.close();
});

t.test('a misplaced quote ends the reading, with the problems before it', async (t) => {
  const before = [line({ course_slug: 'A/1', title: '"a\nb"' }), line({ total_edits: 'x' })];
  const first = 'line 4, column "total_edits": "x" is not a whole number';
  for (const [title, text] of [
    ['"never closed', 'the quote that opens the cell is never closed'],
    ['"not "doubled"', 'a quote within a quoted cell is not doubled'],
    ['not "quoted"', 'a quote stands within a cell that is not quoted'],
  ] as const) {
    const after = line({ course_slug: 'A/4', total_edits: 'y' });
    const path = write(t, exportOf(...before, line({ course_slug: 'A/3', title }), after));
    t.strictSame((await refusalOf(path)).problems, [
      first,
      `line 5, column "title": ${text}; the rest was not read`,
    ]);
  }
});

t.test('an open quote in a large file does not take all of it into memory', async (t) => {
  const many = Array.from({ length: 10_000 }, (_, at) => line({ course_slug: `A/${at}` }));
  const path = write(t, exportOf(line({ title: '"open' }), ...many));
  t.strictSame((await refusalOf(path)).problems, [
    'line 2, column "title": the row is longer than 1048576 bytes, ' +
      'as after a quote that is not closed; the rest was not read',
  ]);
});

t.test('text that is not UTF-8 is refused where it stands', async (t) => {
  const text = exportOf(
    line({ course_slug: 'A/1' }),
    line({ course_slug: 'A/2', title: 'Edición' }),
    line({ course_slug: 'A/3', institution: 'Université' }),
  );
  t.strictSame((await refusalOf(write(t, Buffer.from(text, 'latin1')))).problems, [
    'line 3, column "title": "Edici\u{fffd}n" is not UTF-8',
    'line 4, column "institution": "Universit\u{fffd}" is not UTF-8',
  ]);
});

t.test(
  'a file cut within a row below the first is refused, or the cut changes nothing',
  async (t) => {
    const native = exportOf(
      line({ course_slug: 'A/1', training_completion_rate: '0.8333333333333334' }),
      line({ course_slug: 'A/2', title: '"Rivers, lakes"', training_completion_rate: '1.0' }),
      line({ course_slug: 'A/3', editors: '13', training_completion_rate: '0.5384615384615384' }),
    );
    const [sampleHeader, ...sampleRows] = sampleText.split('\n');
    for (const [name, text] of [
      ['as the Dashboard writes it', native],
      ['saved with CRLF', native.replaceAll('\n', '\r\n')],
      ['the end of the sample', [sampleHeader, ...sampleRows.slice(-3)].join('\n')],
    ] as const) {
      const { courses } = await readAll(write(t, text));
      const lineEnds = [...text.matchAll(/\r?\n/g)].map((match) => match.index + match[0].length);
      let refused = 0;
      for (let length = (lineEnds[1] ?? 0) + 1; length < text.length; length += 1) {
        const path = write(t, text.slice(0, length));
        const read = await readAll(path).catch((error: unknown) => {
          if (error instanceof SourceError) return undefined;
          throw error;
        });
        if (read === undefined) refused += 1;
        else
          t.strictSame(read.courses, courses.slice(0, read.courses.length), `${name}: ${length}`);
      }
      // All but the cuts between two rows, and those behind the ninth digit of a rate.
      t.ok(refused > 300, `${name}: ${refused} cuts were refused`);
    }
  },
);

t.test('a last line that may be cut is refused with what to do', async (t) => {
  const cut = 'the file seems to be cut here (if not, end its last line)';
  const place = (text: string): string[] => [`line 3, column "training_completion_rate": ${text}`];
  for (const [before, last, problems] of [
    ['01.00', '01.0', place(cut)],
    ['01.00', '', place(cut)],
    ['0.8333333333333334', '0.66666', place(cut)],
    ['01.00', '0.', place('"0." is not a decimal number')],
    ['01.00', '00.00', undefined],
    ['01.00', '"1"', undefined],
    ['1', '0.5', undefined],
    ['0.5', '0.8333333333333334', undefined],
    ['0.8333333333333334', '0.3333333333333333', undefined],
    ['0.8333333333333334', '0.5', place(cut)],
  ] as const) {
    const text = exportOf(
      line({ course_slug: 'A/1', training_completion_rate: before }),
      line({ course_slug: 'A/2', training_completion_rate: last }),
    );
    const unended = write(t, text.slice(0, -1));
    if (problems === undefined) t.equal((await readAll(unended)).courses.length, 2, last);
    else t.strictSame((await refusalOf(unended)).problems, problems, last);
  }
});

t.test('where the rate is not the last column, the last line must have an end', async (t) => {
  const swap = (text: string): string => text.split(',').toReversed().join(',');
  const text = `${swap(headerLine)}\n${swap(line())}`;
  t.strictSame((await refusalOf(write(t, text))).problems, [
    'line 2, column "course_slug": no line end follows the last cell, so it may be cut',
  ]);
  t.equal((await readAll(write(t, `${text}\n`))).courses.length, 1);
});
