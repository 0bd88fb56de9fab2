import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';

/**
 * Which courses are asked for: any of the values of one filter, and all of the filters.
 * `none` as a name is what has none; days are `YYYY-MM-DD`, UTC, both ends included.
 */
export interface Filters {
  /** Slugs. */
  readonly campaign?: readonly string[];
  readonly wiki?: readonly string[];
  readonly home_wiki?: readonly string[];
  readonly type?: readonly string[];
  readonly status?: readonly string[];
  readonly start_from?: string;
  readonly start_to?: string;
  readonly end_from?: string;
  readonly end_to?: string;
  readonly created_from?: string;
  readonly created_to?: string;
}

export const none = 'none';

export function hasFilters(filters: Filters): boolean {
  return Object.keys(filters).length > 0;
}

/** A moment whose course rows are asked for. */
export interface RowsAt {
  readonly snapshotId: number;
  /** What status is of. */
  readonly computedAt: Date;
  /** Whether it is the newest snapshot, whose rows are those that no later one has ended. */
  readonly isLatest: boolean;
}

/** The condition on `course_versions v` of being public, and in the slice, at a snapshot. */
export function sliceCondition(sql: Queryable, filters: Filters, at: RowsAt): Fragment {
  const valid = at.isLatest
    ? sql`v.valid_to is null`
    : sql`v.valid_from <= ${at.snapshotId}
        and (v.valid_to is null or v.valid_to > ${at.snapshotId})`;
  const status =
    filters.status === undefined
      ? sql``
      : sql`and course_status(v.start_at, v.end_at, ${at.computedAt})
          = any(${filters.status}::text[])`;
  return sql`${valid} ${status} ${stateConditions(sql, filters)}`;
}

/** Of the filters, those that do not depend on the moment: all but status. Begins with `and`. */
export function stateConditions(sql: Queryable, filters: Filters): Fragment {
  const conditions: Fragment[] = [];
  const named = (names: readonly string[] | undefined, any: NameCondition, empty: Fragment) => {
    if (names === undefined) return;
    const values = names.filter((name) => name !== none);
    if (values.length === names.length) conditions.push(any(values));
    else if (values.length === 0) conditions.push(empty);
    else conditions.push(sql`(${any(values)} or ${empty})`);
  };
  named(
    filters.campaign,
    (slugs) => sql`v.campaign_ids && array(
      select campaign_id from campaigns where slug = any(${slugs}::text[]))`,
    sql`v.campaign_ids = '{}'`,
  );
  named(filters.wiki, (wikis) => sql`v.wikis && ${wikis}::text[]`, sql`v.wikis = '{}'`);
  named(
    filters.home_wiki,
    (wikis) => sql`v.home_wiki = any(${wikis}::text[])`,
    sql`v.home_wiki is null`,
  );
  named(filters.type, (types) => sql`v.type = any(${types}::text[])`, sql`v.type is null`);
  for (const [column, from, to] of [
    ['v.start_at', filters.start_from, filters.start_to],
    ['v.end_at', filters.end_from, filters.end_to],
    ['v.created_at', filters.created_from, filters.created_to],
  ] as const) {
    if (from !== undefined) {
      conditions.push(sql`${sql(column)} >= ${from}::date::timestamp at time zone 'UTC'`);
    }
    if (to !== undefined) {
      conditions.push(sql`${sql(column)} < (${to}::date + 1)::timestamp at time zone 'UTC'`);
    }
  }
  return conditions.reduce((all, condition) => sql`${all} and ${condition}`, sql``);
}

type NameCondition = (names: readonly string[]) => Fragment;
