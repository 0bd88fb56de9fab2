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

/** Digits of any script, alone or with what numbers, dates, times and fractions are written with. */
const number = /^(?=.*\p{Nd})[\p{Nd}\s\p{Sc}.,:;/\\+\-\u2212%()'’_TZEe]+(?:[ap]\.?m?\.?)?$/iu;
/** A month and digits, in any order: even `MARCH1` is a date to a spreadsheet. */
const date =
  /^(?=.*\p{Nd})[\p{Nd}\s.,:/\-']*(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|ember|tember|ober)?[\p{Nd}\s.,:/\-']*(?:[ap]\.?m?\.?)?$/iu;
const word = /^\s*(?:true|false|#(?:n\/a|ref!|name\?|value!|div\/0!|num!|null!))\s*$/i;
/** As the files write moments. Spreadsheets leave them as they are, or take them for what they are. */
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function isConverted(text: string): boolean {
  if (moment.test(text)) return false;
  return number.test(text) || date.test(text) || word.test(text);
}

/**
 * Text that a spreadsheet leaves as it is, behind an apostrophe if need be: that it would run,
 * or take for a number, a date, a truth value or an error, such as `007` and `1/2`.
 */
export function asCellText(text: string): string {
  return formula.test(text) || isConverted(text) ? `'${text}` : text;
}
