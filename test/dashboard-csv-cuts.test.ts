import { open } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { exportColumns } from '../sources/dashboard-csv-header.ts';
import { SourceError } from '../sources/source.ts';
import { readAll, sampleText, write, type WholeReading } from './dashboard-csv-file.ts';

t.setTimeout(300_000);

/** The last courses of the sample: as many as rates below. */
const sample = sampleText
  .split('\n')
  .slice(-6)
  .map((row) => row.split(';'));
const at = (column: (typeof exportColumns)[number]) => exportColumns.indexOf(column);

/** Editors and the rates that a program prints of them. */
const rates = {
  /** The sample's own. */
  fixed: ['14;01.00', '4;00.00', '14;01.00', '13;01.00', '10;01.00', '14;01.00'],
  /** As the Dashboard writes them. */
  full: ['6;0.8333333333333334', '4;1.0', '7;0.0', '13;1.0', '13;0.5384615384615384', '4;0.75'],
  /** As a spreadsheet does that shows four decimals at most. */
  rounded: ['6;0.8333', '4;1', '7;0', '13;1', '13;0.5385', '4;0.75'],
  /** Of numbers of editors that give short ones. */
  short: ['4;1.0', '8;0.5', '12;0.75', '16;0.5', '20;0.25', '24;0.75'],
} as const;

interface Form {
  readonly rates: keyof typeof rates;
  readonly delimiter?: string;
  readonly lineEnd?: string;
  /** What ends the last line. */
  readonly end?: 'line end' | 'nothing';
  readonly quoted?: boolean;
  readonly comma?: boolean;
  readonly mark?: boolean;
  readonly titleLast?: boolean;
}

function fileIn(form: Form): { text: string; rows: readonly string[] } {
  const { delimiter = ',', lineEnd = '\n', end = 'line end' } = form;
  const records = sample.map((cells, index) => {
    const [editors = '', rate = ''] = (rates[form.rates][index] ?? '').split(';');
    return cells
      .with(at('editors'), editors)
      .with(at('training_completion_rate'), form.comma === true ? rate.replace('.', ',') : rate);
  });
  const titled = [[...exportColumns], ...records].map((cells, index) => {
    const [slug = '', title = '', ...others] = cells;
    if (form.titleLast !== true) return cells;
    return [slug, ...others, index === 0 ? title : `${title} "or ""so"`];
  });
  const rows = titled.map((cells) =>
    cells
      .map((cell) =>
        form.quoted === true || cell.includes('"') ? `"${cell.replaceAll('"', '""')}"` : cell,
      )
      .join(delimiter),
  );
  const text = rows.join(lineEnd) + (end === 'nothing' ? '' : lineEnd);
  return { text: form.mark === true ? `\u{feff}${text}` : text, rows };
}

async function readUnlessRefused(path: string): Promise<WholeReading | undefined> {
  return readAll(path).catch((error: unknown) => {
    if (error instanceof SourceError) return undefined;
    throw error;
  });
}

/** What is left of the last cell by the cuts within the last two rows that change a course unnoticed. */
async function unnoticed(t: Test, form: Form): Promise<string[]> {
  const { text, rows } = fileIn(form);
  const path = write(t, text);
  const { courses } = await readAll(path);
  const bytes = Buffer.from(text);
  const twoRows = Buffer.byteLength(rows.slice(-2).join('\n'));
  const file = await open(path, 'r+');
  const found: string[] = [];
  let refused = 0;
  for (let length = bytes.length - 1; length >= bytes.length - twoRows; length -= 1) {
    await file.truncate(length);
    const read = await readUnlessRefused(path);
    if (read === undefined) refused += 1;
    else if (!isBeginning(read.courses, courses)) {
      const left = bytes
        .subarray(0, length)
        .toString()
        .split(form.delimiter ?? ',');
      found.push(left.at(-1) ?? '');
    }
  }
  await file.close();
  // All but a handful: those between rows, and within a rate behind what decides its number.
  t.ok(refused > twoRows - 30, `${JSON.stringify(form)}: ${refused} of ${twoRows}`);
  return found;
}

function isBeginning(some: WholeReading['courses'], all: WholeReading['courses']): boolean {
  return JSON.stringify(some) === JSON.stringify(all.slice(0, some.length));
}

const exports: readonly Form[] = [
  { rates: 'full' },
  { rates: 'full', end: 'nothing' },
  { rates: 'full', lineEnd: '\r\n', mark: true },
  { rates: 'full', delimiter: ';', comma: true, end: 'nothing' },
  { rates: 'full', delimiter: '\t', lineEnd: '\r\n', end: 'nothing', mark: true },
  { rates: 'fixed', delimiter: ';', end: 'nothing' },
  { rates: 'fixed', delimiter: ';', comma: true, lineEnd: '\r\n' },
  { rates: 'rounded', quoted: true, end: 'nothing' },
  { rates: 'short', delimiter: ';', comma: true, quoted: true, lineEnd: '\r\n', mark: true },
];

t.test('no cut within the last two rows changes a course unnoticed', async (t) => {
  for (const form of exports) t.strictSame(await unnoticed(t, form), [], JSON.stringify(form));
});

t.test('a cut does that leaves another rate which the file may hold', async (t) => {
  const rounded = await unnoticed(t, { rates: 'rounded', delimiter: ';', comma: true });
  t.strictSame(rounded, ['0', '0'], 'of 0,75 and 0,5385, where others are 0 and 1');
  const short = await unnoticed(t, { rates: 'short', end: 'nothing' });
  t.strictSame(short, ['0.2'], 'of 0.25, where 0.5 is as short and 4 are a fifth of 20');
});

t.test('a cut does that closes a text in the middle of a doubled quote', async (t) => {
  const left = await unnoticed(t, { rates: 'fixed', titleLast: true });
  const titles = sample.slice(-2).map((cells) => cells[at('title')]);
  t.strictSame(
    left.toReversed(),
    titles.flatMap((title) => [
      `"${title} "`,
      `"${title} ""or "`,
      `"${title} ""or """`,
      `"${title} ""or """"so"`,
    ]),
    'an even number of quotes at the end closes none',
  );
});
