import { campaign, course, emptyState, type SourceState } from './courses.ts';

/** What a spreadsheet would run, in all the ways it may begin. */
export const hostileTexts = [
  '=1+1',
  '+1',
  '-1+1',
  '@SUM(A1)',
  '\t=1+1',
  '\r=1+1',
  '\n=1+1',
  ' =1+1',
  '＝1+1',
  '=HYPERLINK("https://example.org","x")',
  "=cmd|' /C calc'!A0",
];
/** Text that a spreadsheet would take for a number, a date, a truth value or an error. */
export const convertedTexts = [
  ...['007', '1/2', '1 1/2', '1e5', '1E+10', '12345678901234567890', '1,000', '1.000,5', ' 42 '],
  ...['1-1', '2026-11', '2026-11-22', '22.11.2026', '11/22/2026', '12:30', '12:30 PM', '5%'],
  ...['$5', '5 €', '(5)', 'MARCH1', 'May 5', '5-Jan-2026', 'Sept 2026', '2026-11-22T12:00'],
  ...['true', 'FALSE', '#N/A', '٣٤', '１２'],
];
/** What is text to a spreadsheet, and trouble to a careless writer of CSV. */
export const harmlessTexts = [
  ...['a=b', "'quoted", '', 'naïve “x”', '数学', 'a,b;c|d', 'Course 1', '2026 Spring', 'May', 'B2'],
  ...['Editathon 2026', '1st', 'Marches 1'],
];

/** Courses that bear all of them, in every column of text. */
export function oddTexts(): SourceState {
  const titles = [...hostileTexts, ...convertedTexts, ...harmlessTexts];
  return {
    ...emptyState(),
    campaigns: [campaign(1, { slug: '=evil', title: '=1+1', description: '-2' })],
    courses: titles.map((title, index) =>
      course(index + 1, {
        title,
        institution: title,
        term: index % 2 === 0 ? null : title,
        campaignIds: [1],
        metrics: { edits: index, references_added: -index },
      }),
    ),
  };
}
