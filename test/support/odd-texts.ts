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
/** What is text to a spreadsheet, and trouble to a careless writer of CSV. */
export const harmlessTexts = ['1-1', 'a=b', "'quoted", '', 'naïve “x”', '数学', '12:30', 'a,b;c|d'];

/** Courses that bear all of them, in every column of text. */
export function oddTexts(): SourceState {
  const titles = [...hostileTexts, ...harmlessTexts];
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
