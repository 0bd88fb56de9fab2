import t from 'tap';
import { csvFileName, type NamedFile } from '../openapi/file-name.ts';

function named(file: Partial<NamedFile>): string {
  return csvFileName({ resource: 'totals', snapshotId: 7, dialect: 'plain', ...file });
}

void t.test('a file is named after its question', (t) => {
  t.equal(named({}), 'dashboard-totals-snapshot-7.csv');
  t.equal(named({ asked: { from: undefined } }), 'dashboard-totals-snapshot-7.csv');
  t.equal(
    named({
      asked: { home_wiki: ['de.wikipedia.org', 'en.wikipedia.org'], start_from: '2026-01-01' },
      groupBy: 'type',
      dialect: 'excel',
    }),
    'dashboard-totals-home_wiki-de.wikipedia.org-en.wikipedia.org-start_from-2026-01-01-by-type-' +
      'snapshot-7-excel.csv',
  );
  t.equal(
    named({ resource: 'trends', interval: 'day', isOfHistory: true }),
    'dashboard-trends-day-to-snapshot-7.csv',
  );
  t.end();
});

void t.test('what no file could be named after is only said to be a selection', (t) => {
  for (const asked of [
    { campaign: ['año_nuevo'] },
    { type: ['a"b'] },
    { type: ['a/../b'] },
    { q: 'two words' },
    { q: '\r\nx: y' },
    { campaign: ['x'.repeat(100)] },
  ]) {
    t.equal(named({ asked }), 'dashboard-totals-selection-snapshot-7.csv', JSON.stringify(asked));
  }
  t.end();
});
