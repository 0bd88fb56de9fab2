import type { CsvField } from './records.ts';

const columns = ['period', 'key', 'edits', 'bytes_added', 'references_added'] as const;

/** The columns of `/v1/activity.csv`; without groups there is no key. */
export function activityColumns(isGrouped: boolean): string[] {
  return columns.filter((name) => isGrouped || name !== 'key');
}

export function activityFields(
  isGrouped: boolean,
  item: Readonly<Record<(typeof columns)[number], string | number | null>>,
): CsvField[] {
  return columns.filter((name) => isGrouped || name !== 'key').map((name) => item[name]);
}
