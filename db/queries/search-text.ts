/**
 * What is passed over: accents of Latin, Greek and Cyrillic, Arabic vowel signs and the
 * tatweel, Hebrew points, and characters that nobody sees, such as joiners.
 */
const ignored =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]|\u0640|\p{Default_Ignorable_Code_Point}/gu;

/** Letters that people type without their strokes, and that no normalisation takes apart. */
const plainLetters: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  ı: 'i',
  ς: 'σ',
};
const lettered = new RegExp(`[${Object.keys(plainLetters).join('')}]`, 'gu');

/** Nothing in it is taken apart or passed over but capitals and spaces. */
const plain = /^[ -~]*$/;

/**
 * Text as it is searched: case, accents and the width of characters do not matter, in any
 * script, and white space is one space. Texts and questions are folded alike, here, because
 * what a database takes for the same letter depends on its locale.
 */
export function foldText(text: string): string {
  if (plain.test(text)) return text.toLowerCase().replace(/ {2,}/g, ' ').trim();
  return text
    .normalize('NFKD')
    .replace(ignored, '')
    .toLowerCase()
    .replace(lettered, (letter) => plainLetters[letter] ?? letter)
    .replace(/\s+/gu, ' ')
    .trim()
    .normalize('NFC');
}

/** Between the parts of a search text; folded text has no line break. */
export const searchSeparator = '\n';

/** What `q` is looked for in: the title, a line break and the institution, folded. */
export function courseSearchText(title: string | null, institution: string | null): string {
  return [title, institution].map((text) => foldText(text ?? '')).join(searchSeparator);
}

/** A pattern for `like` that finds the text anywhere; none of its characters is a wildcard. */
export function likePattern(folded: string): string {
  return `%${folded.replace(/[\\%_]/g, '\\$&')}%`;
}
