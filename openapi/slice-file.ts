/** Rows of a time series as a file at most: half a gigabyte. */
export const sliceFileRowLimit = 1_000_000;

/** For the descriptions of the operations. */
export const wholeFileSentence =
  'All groups are in it, also where the JSON leaves small ones out. More than ' +
  `${sliceFileRowLimit.toLocaleString('en')} rows are a 400, never a shorter file.`;
