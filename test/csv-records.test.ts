import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import t from 'tap';
import { csvRecords, joinList, type CsvField } from '../csv/records.ts';
import { splitList } from './support/csv-lists.ts';

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\r', '\n', ';', '|', "'", '\t') }),
  fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '')),
);
const isList = (field: CsvField): field is readonly string[] => Array.isArray(field);
const field: fc.Arbitrary<CsvField> = fc.oneof(
  text,
  fc.integer(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
);
const records = fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { maxLength: 5 });

t.test('A record is the same whether or not csv-stringify has to quote it', async () => {
  fc.assert(
    fc.property(records, (records) => {
      const expected = records.map((fields) =>
        stringify([fields.map((field) => (isList(field) ? joinList(field) : field))], {
          quoted_match: /^$|[\r\n]/,
          record_delimiter: '\0',
          eof: false,
        }),
      );
      return JSON.stringify(csvRecords(records)) === JSON.stringify(expected);
    }),
    { numRuns: 2000 },
  );
});

t.test('Every text is read back as it was, and null apart from the empty text', async () => {
  fc.assert(
    fc.property(records, (records) => {
      const read = parse(csvRecords(records).join('\r\n'), {
        record_delimiter: '\r\n',
        relax_column_count: true,
        cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
      });
      const expected = records.map((fields) =>
        fields.map((field) =>
          field === null ? null : isList(field) ? joinList(field) : String(field),
        ),
      );
      return JSON.stringify(read) === JSON.stringify(expected);
    }),
    { numRuns: 2000 },
  );
});

t.test('A list is read back as it was, whatever its items hold', async (t) => {
  const item = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '|', '\\', ',', '"', '\n'), minLength: 1 }),
    fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !value.includes('\0')),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 4 }), fc.array(item, { maxLength: 4 }), (a, b) => {
      const [row = []] = parse(csvRecords([[a, b]]).join(), { record_delimiter: '\r\n' });
      return JSON.stringify(row.map(splitList)) === JSON.stringify([a, b]);
    }),
    { numRuns: 2000 },
  );
  t.equal(joinList(['en.wikipedia.org', 'fr.wikipedia.org']), 'en.wikipedia.org|fr.wikipedia.org');
  t.equal(joinList(['a|b', 'c\\']), String.raw`a\|b|c\\`);
});
