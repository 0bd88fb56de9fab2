/** What every client must be told by the service, with the types that it is promised. */
export interface Report {
  snapshotId: number;
  edits: number | null;
  source: 'dashboard_database' | 'dashboard_csv' | 'dashboard_system_stats' | 'demo';
  courseIds: number[];
  filteredEdits: (number | null)[] | undefined;
  /** Of the same filters. */
  total: { courses: number | null; edits: number | null } | undefined;
  csv: string | undefined;
  unchanged: number;
  /** The parameters that are bad. */
  refused: string[] | undefined;
  /** The type of the problem. */
  missing: string | undefined;
  /** The status in the problem. */
  over: number | undefined;
  retryAfter: boolean;
}

export function report(content: Report): void {
  process.stdout.write(JSON.stringify(content));
}
