import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';
import { spansOf, type TrendQuestion } from './trend-spans.ts';

export interface RankedGroups {
  /** The largest: those with courses at the last place first, by their edits there. */
  readonly keys: readonly (string | null)[];
  /** How many others have courses at any place. */
  readonly leftOut: number;
}

/** Chooses the groups of a trend that are shown; by home wiki with those carried over before. */
export async function rankGroups(
  sql: Queryable,
  question: TrendQuestion,
  limit: number,
  carriedIds: readonly number[] = [],
): Promise<RankedGroups> {
  const ofRows = question.places.length > 0 ? rankedRows(sql, question) : undefined;
  const last = ofRows === undefined ? carriedIds.at(-1) : undefined;
  const ofCarried =
    carriedIds.length > 0 ? rankedCarried(sql, question, carriedIds, last) : undefined;
  const ranked =
    ofRows !== undefined && ofCarried !== undefined
      ? sql`(${ofRows}) union all (${ofCarried})`
      : (ofRows ?? ofCarried);
  if (ranked === undefined) return { keys: [], leftOut: 0 };
  const rows = await sql<{ key: string | null; groups: number }[]>`
    with ranked as (${ranked})
    select key, count(*) over () as groups from ranked
    group by key
    order by bool_or(is_last) desc, sum(edits) desc nulls last, key collate "C" nulls last
    limit ${limit}`;
  const groups = rows[0]?.groups ?? 0;
  return { keys: rows.map((row) => row.key), leftOut: groups - rows.length };
}

/** Whether each group has courses at the last place, and its edits there. */
function rankedRows(sql: Queryable, question: TrendQuestion): Fragment {
  const { from, where, key, first, past } = spansOf(sql, question);
  const end = question.places.length + 1;
  return sql`
    select key, bool_or(past = ${end}::integer) as is_last,
      sum(edits) filter (where past = ${end}::integer) as edits
    from (select ${key} as key, v.edits, ${first} as first, ${past} as past
      from ${from} where ${where}) spans
    where first < past group by key`;
}

function rankedCarried(
  sql: Queryable,
  { filters }: TrendQuestion,
  ids: readonly number[],
  last: number | undefined,
): Fragment {
  const wikis = filters.home_wiki ?? null;
  const isLast = sql`snapshot_id is not distinct from ${last ?? null}::bigint`;
  return sql`
    select key, bool_or(${isLast}) as is_last,
      sum((totals->>'edits')::numeric) filter (where ${isLast}) as edits
    from snapshot_groups
    where snapshot_id = any(${ids}::bigint[]) and dimension = 'home_wiki'
      and (${wikis}::text[] is null or key = any(${wikis}::text[]))
    group by key`;
}
