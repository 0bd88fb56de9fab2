import type { Queryable } from '../connect.ts';
import type { Fragment } from '../fragments.ts';

export interface WikiChanges {
  /** That there are no more: what was known before is not any more. */
  readonly forgotten: number;
}

/**
 * Brings the wikis up to date: those at the source, as staged, and those that a public course
 * has or had. To be called when the versions are written.
 *
 * @param options.returned how many courses got their history back, which may name more
 */
export async function writeWikis(
  sql: Queryable,
  { returned }: { readonly returned: number },
): Promise<WikiChanges> {
  // Of what a course had before, its wikis are known, unless it had left.
  const courses = returned > 0 ? sql`course_versions` : sql`staged_courses`;
  await sql`
    insert into wikis (wiki)
    select wiki from staged_wikis
    union select home_wiki from ${courses} where home_wiki is not null
    union select unnest(wikis) from ${courses}
    on conflict do nothing`;
  const forgotten = await sql`delete from wikis w where ${isNowhere(sql)}`;
  return { forgotten: forgotten.count };
}

/** Without looking at what else the source lacks: wikis that only withdrawn courses had. */
export async function forgetWikisOfWithdrawn(sql: Queryable): Promise<void> {
  await sql`
    delete from wikis w where ${isNowhere(sql)} and exists (
      select from withdrawn_course_versions v
      where v.home_wiki = w.wiki or w.wiki = any(v.wikis))`;
}

/** Of `wikis w`: not at the source, and of no course that is public. */
function isNowhere(sql: Queryable): Fragment {
  return sql`not exists (select from staged_wikis s where s.wiki = w.wiki)
    and not exists (select from course_versions v where v.wikis @> array[w.wiki])
    and not exists (select from course_versions v where v.home_wiki = w.wiki)`;
}
