/** The parameter that says how a file is written. */
import { word } from './scalars.ts';

const plain = 'plain: lossless, for programs';
const excel =
  'excel: for spreadsheets, marked as UTF-8, and text that a spreadsheet would run as a formula, ' +
  'or take for a number or a date, kept as text by an apostrophe in front';

export const tableDialectProperty = word(['plain', 'excel'], {
  default: 'plain',
  description: `${plain}; ${excel}.`,
});

export const courseDialectProperty = word(['plain', 'excel', 'dashboard'], {
  default: 'plain',
  description:
    `${plain}; ${excel}; dashboard: the header, order and formats of the Dashboard’s own ` +
    'export, for programs written against it.',
});
