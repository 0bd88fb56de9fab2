/** Answers about slices, as the tests read them. */
export type Values = Readonly<Record<string, number | null>>;

export interface Group {
  readonly key: string | null;
  readonly label: string | null;
  readonly totals: Values;
  readonly coverage: Values;
}

export interface Totals {
  readonly snapshot_id: number;
  readonly computed_at: string;
  readonly withdrawn_since: number;
  readonly filters: Readonly<Record<string, unknown>>;
  readonly group_by: string | null;
  readonly additive: boolean;
  readonly totals: Values;
  readonly coverage: Values;
  readonly groups: readonly Group[] | null;
}

export interface TrendItem {
  readonly snapshot_id: number;
  readonly computed_at: string;
  readonly partial: boolean;
  readonly withdrawn_since: number;
  readonly totals: Values;
  readonly deltas: Values | null;
  readonly coverage: Values;
  readonly groups: readonly Group[] | null;
}

export interface Trends {
  readonly filters: Readonly<Record<string, unknown>>;
  readonly group_by: string | null;
  readonly interval: string;
  readonly groups_left_out: number;
  readonly items: readonly TrendItem[];
}
