import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { groupJoin, type Dimension } from './dimensions.ts';
import { stateConditions, type Filters } from './filters.ts';

/** The snapshots of a trend, which all have course rows: ascending in number and in time. */
export type Places = readonly { readonly snapshotId: number; readonly computedAt: Date }[];

export interface TrendQuestion {
  readonly filters: Filters;
  readonly dimension?: Dimension | undefined;
  readonly places: Places;
}

/**
 * Places are numbered from 1. A moment's place is found among thresholds, of which
 * `width_bucket` tells how many there are up to a value; stored times have whole seconds, so
 * that "up to, but not at" is a second earlier.
 */
export class PlaceExpressions {
  readonly #sql: Queryable;
  readonly #ids: Fragment;
  readonly #moments: readonly Date[];
  /** One past the last. */
  readonly end: number;

  constructor(sql: Queryable, places: Places) {
    this.#sql = sql;
    this.#ids = sql`${`{${places.map(({ snapshotId }) => snapshotId).join()}}`}::bigint[]`;
    this.#moments = places.map(({ computedAt }) => computedAt);
    this.end = places.length + 1;
  }

  /** The first at which a version is valid; `end` if it is at none. */
  first(): Fragment {
    return this.#sql`width_bucket(valid_from - 1, ${this.#ids}) + 1`;
  }

  /** The first after that at which it is not any more. */
  past(): Fragment {
    const sql = this.#sql;
    return sql`case when valid_to is null then ${this.end}::integer
      else width_bucket(valid_to - 1, ${this.#ids}) + 1 end`;
  }

  /** The first at which `upcoming` is over. */
  begun(): Fragment {
    return this.#sql`width_bucket(start_at, ${this.#thresholds(second)}) + 1`;
  }

  /** The first at which `current` is over. */
  ended(): Fragment {
    return this.#sql`width_bucket(end_at, ${this.#thresholds(0)}) + 1`;
  }

  /** The first at which `ended_recently` is over. */
  archived(): Fragment {
    return this.#sql`width_bucket(end_at, ${this.#thresholds(second - recently)}) + 1`;
  }

  #thresholds(shift: number): Fragment {
    return timestamps(
      this.#sql,
      this.#moments.map((moment) => new Date(moment.getTime() + shift)),
    );
  }
}

const second = 1000;
/** The 30 days of `course_status`. */
export const recently = 720 * 60 * 60 * 1000;

/** As one text: the driver takes longer than the database to write a thousand elements. */
export function timestamps(sql: Queryable, moments: readonly (Date | null)[]): Fragment {
  const texts = moments.map((moment) => moment?.toISOString() ?? 'NULL');
  return sql`${`{${texts.join()}}`}::timestamptz[]`;
}

/** Where a trend's rows come from, over which places each is valid, and its group. */
export interface Spans {
  readonly from: Fragment;
  readonly where: Fragment;
  /** Null::text where nothing is grouped by. */
  readonly key: Fragment;
  readonly first: Fragment;
  readonly past: Fragment;
  /** Undefined where a row is of whatever status. */
  readonly status: Fragment | undefined;
}

/**
 * The versions in the slice. Status moves with time, not with versions: where it is asked
 * for, a version comes once for each of the asked statuses, over the places at which it has it.
 */
export function spansOf(sql: Queryable, { filters, dimension, places }: TrendQuestion): Spans {
  const at = new PlaceExpressions(sql, places);
  const last = places.at(-1)?.snapshotId ?? 0;
  const firstId = places[0]?.snapshotId ?? 0;
  const inRange = sql`v.valid_from <= ${last} and (v.valid_to is null or v.valid_to > ${firstId})`;
  const where = sql`${inRange} ${stateConditions(sql, filters)}`;
  const byStatus = dimension === 'status';
  const groups =
    dimension === undefined || byStatus ? sql`` : groupJoin(sql, dimension, new Date(0));
  const key = byStatus ? sql`s.status` : dimension === undefined ? sql`null::text` : sql`g.key`;
  if (filters.status === undefined && !byStatus) {
    return {
      from: sql`course_versions v ${groups}`,
      where,
      key,
      first: at.first(),
      past: at.past(),
      status: undefined,
    };
  }
  const asked = filters.status;
  return {
    from: sql`course_versions v
      cross join lateral (select ${at.first()} as first, ${at.past()} as past,
        ${at.begun()} as begun, ${at.ended()} as ended, ${at.archived()} as archived) p
      cross join lateral (values
        ('undated', p.first, p.past),
        ('upcoming', p.first, least(p.past, p.begun)),
        ('current', greatest(p.first, p.begun), least(p.past, p.ended)),
        ('ended_recently', greatest(p.first, p.begun, p.ended), least(p.past, p.archived)),
        ('archived', greatest(p.first, p.begun, p.archived), p.past)
      ) s (status, first, past) ${groups}`,
    where: sql`${where} and s.first < s.past
      and (s.status = 'undated') = (v.start_at is null or v.end_at is null)
      ${asked === undefined ? sql`` : sql`and s.status = any(${asked}::text[])`}`,
    key,
    first: sql`s.first`,
    past: sql`s.past`,
    status: sql`s.status`,
  };
}
