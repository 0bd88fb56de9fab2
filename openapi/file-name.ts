/** What a download is of. */
export interface NamedFile {
  /** `totals`. */
  readonly resource: string;
  readonly interval?: string;
  readonly groupBy?: string | undefined;
  /** Filters, days and words, by parameter. */
  readonly asked?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly snapshotId: number;
  /** Whether it is of all snapshots up to that one. */
  readonly isOfHistory?: boolean;
  readonly dialect: string;
}

/** Longer ones, and what not every file system takes, are only said to be asked for. */
const readable = /^[\w.-]{1,100}$/;

/** What it is saved as: what it is of, in the words of its question, and which snapshot. */
export function csvFileName(file: NamedFile): string {
  const asked = Object.entries(file.asked ?? {})
    .flatMap(([name, values]) => (values === undefined ? [] : [name, values].flat()))
    .join('-');
  const parts = [
    'dashboard',
    file.resource,
    file.interval,
    asked === '' || readable.test(asked) ? asked : 'selection',
    file.groupBy === undefined ? '' : `by-${file.groupBy}`,
    file.isOfHistory === true ? 'to' : '',
    `snapshot-${String(file.snapshotId)}`,
    file.dialect === 'plain' ? '' : file.dialect,
  ];
  return `${parts.filter(Boolean).join('-')}.csv`;
}
