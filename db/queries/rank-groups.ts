import type { Queryable } from '../connect.ts';
import { spansOf, type TrendQuestion } from './trend-spans.ts';

export interface RankedGroups {
  /** The largest: those with courses at the last place first, by their edits there. */
  readonly keys: readonly (string | null)[];
  /** How many others have courses at any place. */
  readonly leftOut: number;
}

/** Chooses the groups of a trend that are shown. */
export async function rankGroups(
  sql: Queryable,
  question: TrendQuestion,
  limit: number,
): Promise<RankedGroups> {
  const { from, where, key, first, past } = spansOf(sql, question);
  const end = question.places.length + 1;
  const rows = await sql<{ key: string | null; groups: number }[]>`
    with spans as (
      select ${key} as key, v.edits, ${first} as first, ${past} as past from ${from} where ${where}
    )
    select key, count(*) over () as groups from spans where first < past
    group by key
    order by bool_or(past = ${end}::integer) desc,
      sum(edits) filter (where past = ${end}::integer) desc nulls last,
      key collate "C" nulls last
    limit ${limit}`;
  const groups = rows[0]?.groups ?? 0;
  return { keys: rows.map((row) => row.key), leftOut: groups - rows.length };
}
