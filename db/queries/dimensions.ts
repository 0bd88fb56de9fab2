import type { Queryable } from '../connect.ts';

/** What one can group by. `wiki` and `campaign` overlap: a course can be in several groups. */
export const dimensions = [
  'home_wiki',
  'wiki',
  'campaign',
  'type',
  'status',
  'start_year',
] as const;
export type Dimension = (typeof dimensions)[number];

/** Whether each course is in exactly one group, so that groups add up to the whole. */
export function isPartition(dimension: Dimension): boolean {
  return dimension !== 'wiki' && dimension !== 'campaign';
}

/**
 * The groups of each row of `course_versions v`, as a lateral join that yields `key`; null
 * for what has none. Campaigns that share a slug are one group.
 */
export function groupJoin(sql: Queryable, dimension: Dimension, computedAt: Date) {
  switch (dimension) {
    case 'home_wiki':
      return sql`cross join lateral (select v.home_wiki as key) g`;
    case 'type':
      return sql`cross join lateral (select v.type as key) g`;
    case 'status':
      return sql`cross join lateral (
        select course_status(v.start_at, v.end_at, ${computedAt}) as key) g`;
    case 'start_year':
      return sql`cross join lateral (
        select to_char(v.start_at at time zone 'UTC', 'YYYY') as key) g`;
    case 'wiki':
      return sql`left join lateral unnest(v.wikis) as g (key) on true`;
    case 'campaign':
      return sql`left join lateral (
        select distinct c.slug as key from campaigns c
        where c.campaign_id = any(v.campaign_ids)) g on true`;
  }
}
