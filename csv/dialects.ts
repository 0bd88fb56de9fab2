/** How a file is written: for programs, for spreadsheets, or as the Dashboard writes its own. */
export type CourseDialect = 'plain' | 'excel' | 'dashboard';

/** Of files that the Dashboard has no counterpart of. */
export type TableDialect = 'plain' | 'excel';

/** By it, and by nothing else, Excel knows that a file is UTF-8. */
export const byteOrderMark = '\ufeff';

/**
 * What a spreadsheet takes for the beginning of a formula, in the wide forms of East Asian
 * keyboards too, and after spaces, which some leave out.
 */
const formula = /^(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/;

/** Text that a spreadsheet shows as it is: it leaves out the apostrophe in front. */
export function asCellText(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}
