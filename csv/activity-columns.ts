import type { CsvField } from './records.ts';

const itemColumns = ['period', 'key', 'edits', 'bytes_added', 'references_added'] as const;
const coverageColumns = ['courses', 'edits', 'bytes_added', 'references_added'] as const;

/** The fields of an item in their order, then the coverage, which is the same in every row. */
export function activityColumns(): string[] {
  return [...itemColumns, ...coverageColumns.map((name) => `${name}_coverage`)];
}

export function activityFields(
  item: Readonly<Record<(typeof itemColumns)[number], string | number | null>>,
  coverage: Readonly<Record<(typeof coverageColumns)[number], number>>,
): CsvField[] {
  return [
    ...itemColumns.map((name) => item[name]),
    ...coverageColumns.map((name) => coverage[name]),
  ];
}
