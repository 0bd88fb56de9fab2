import type { Queryable } from '../connect.ts';
import { spansOf, type TrendQuestion } from './trend-spans.ts';

/** Over all places, how many groups have courses there. */
export async function countTrendRows(sql: Queryable, question: TrendQuestion): Promise<number> {
  const { from, where, key, first, past } = spansOf(sql, question);
  const end = question.places.length + 1;
  const [row] = await sql<[{ rows: number }]>`
    with spans as (
      select key, first, past, count(*) as courses from (
        select ${key} as key, ${first} as first, ${past} as past from ${from} where ${where}
      ) s where first < past group by key, first, past
    ), steps as (
      select key, place, sum(courses) as courses from (
        select key, first as place, courses from spans
        union all
        select key, past, -courses from spans
      ) s group by key, place
    ), series as (
      select sum(courses) over w as courses,
        lead(place, 1, ${end}::integer) over w - place as places
      from steps window w as (partition by key order by place)
    )
    select coalesce(sum(places) filter (where courses > 0), 0)::bigint as rows from series`;
  return row.rows;
}
