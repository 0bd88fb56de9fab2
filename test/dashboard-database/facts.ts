import { sumMetrics } from '../../metrics/registry.ts';
import { wikidataMetricOf } from '../../metrics/wikidata.ts';
import type { TestDatabase } from './database.ts';
import type { Truth } from './generator.ts';

/*
 * What a publication must say of a Dashboard's database, computed by MariaDB alone: tables
 * beside the Dashboard's own, which the source never reads.
 */

export interface Group {
  readonly totals: Record<string, number | null>;
  readonly coverage: Record<string, number>;
  readonly people: Record<string, number>;
}

const possible = (column: string): string => `(month(${column}) > 0 and day(${column}) > 0)`;
const dated = (column: string): string => `if(${possible(column)}, ${column}, null)`;
const domain = (wiki: string): string => `case
  when ${wiki}.project is null then null
  when ${wiki}.language is not null then concat(${wiki}.language, '.', ${wiki}.project, '.org')
  when ${wiki}.project = 'wikidata' then 'www.wikidata.org'
  when ${wiki}.project = 'wikisource' then 'wikisource.org' end`;

const sumOf = (namespace: number): string => `(
  select if(count(*) = 0, null, coalesce(sum(if(s.tracked = 1 and a.namespace = ${namespace},
    s.revision_count, 0)), 0))
  from article_course_timeslices s left join articles a on a.id = s.article_id
  where s.course_id = c.id)`;

/** By metric; of `c`, a row of `courses`. */
const metricColumns: Readonly<Record<string, string>> = {
  edits: 'c.revision_count',
  bytes_added: 'if(c.character_sum < 0, null, c.character_sum)',
  references_added: 'c.references_count',
  articles_edited: 'c.article_count',
  articles_created: 'c.new_article_count',
  article_views: 'if(c.view_sum between 0 and 9007199254740991, c.view_sum, null)',
  uploads: 'c.upload_count',
  uploads_in_use: 'c.uploads_in_use_count',
  upload_usages: 'c.upload_usages_count',
  enrollments: 'c.user_count',
  trained_enrollments: 'c.trained_count',
  new_editor_enrollments: `(
    select count(*) from courses_users e join users u on u.id = e.user_id
    where e.course_id = c.id and e.role = 0 and ${possible('u.registered_at')}
      and ${possible('c.start')} and ${possible('c.end')}
      and u.registered_at between c.start and c.end)`,
  mainspace_edits: sumOf(0),
  article_talk_edits: sumOf(1),
  userspace_edits: sumOf(2),
};

/** Makes the tables of what is public now; Wikidata's labels are known to whoever wrote them. */
export async function gatherFacts(
  { root }: TestDatabase,
  truth: Truth,
  computedAt: Date,
): Promise<void> {
  const now = `'${computedAt.toISOString().slice(0, 19).replace('T', ' ')}'`;
  const values = Object.entries(metricColumns).map(([metric, column]) => `${column} as ${metric}`);
  await root.query(`
    drop table if exists fact_courses, fact_groups, fact_wikidata, fact_people;
    create table fact_courses (primary key (id)) default charset utf8mb4 collate utf8mb4_bin
    select c.id, ${values.join(', ')}, ${domain('w')} as home_wiki,
      if(c.type in ('', 'none'), null, c.type) as type,
      date_format(${dated('c.start')}, '%Y') as start_year,
      case when not coalesce(${possible('c.start')} and ${possible('c.end')}, false) then 'undated'
        when c.start > ${now} then 'upcoming'
        when c.end >= ${now} then 'current'
        when c.end > ${now} - interval 30 day then 'ended_recently'
        else 'archived' end as status,
      ${dated('c.start')} as starts, ${dated('c.end')} as ends
    from courses c left join wikis w on w.id = c.home_wiki_id where c.private = 0;

    create table fact_wikidata (
      course_id int, metric varchar(80), value bigint, key by_course (course_id)
    );

    create table fact_groups (
      dimension varchar(20), name varchar(255), course_id int,
      key by_course (course_id), key by_name (dimension, name)
    ) default charset utf8mb4 collate utf8mb4_bin;
    insert into fact_groups
    select '', null, id from fact_courses
    union all select 'home_wiki', home_wiki, id from fact_courses
    union all select 'type', type, id from fact_courses
    union all select 'status', status, id from fact_courses
    union all select 'start_year', start_year, id from fact_courses
    union all select distinct 'wiki', ${domain('w')}, c.id
      from fact_courses c join courses_wikis l on l.course_id = c.id join wikis w on w.id = l.wiki_id
      where ${domain('w')} is not null
    union all select distinct 'campaign', k.slug, c.id
      from fact_courses c join campaigns_courses l on l.course_id = c.id
      join campaigns k on k.id = l.campaign_id where k.slug is not null;
    insert into fact_groups
    select d.dimension, null, c.id
    from fact_courses c, (select 'wiki' as dimension union select 'campaign') d
    where not exists (
      select 1 from fact_groups g where g.dimension = d.dimension and g.course_id = c.id);

    create table fact_people (key by_course (course_id))
    select e.course_id, u.id as user_id, e.role, c.status = 'current' as active,
      coalesce(e.role = 0 and ${possible('u.registered_at')}
        and u.registered_at between c.starts and c.ends, false) as is_new,
      coalesce(e.role = 0 and ${possible('u.registered_at')}
        and u.registered_at between c.starts - interval 60 day and c.ends, false) as is_new_60d
    from courses_users e join fact_courses c on c.id = e.course_id
    join users u on u.id = e.user_id where e.role in (0, 1)`);
  const labels = [...truth.wikidata].flatMap(([courseId, stats]) =>
    Object.entries(stats).map(([label, value]) => [courseId, wikidataMetricOf(label), value]),
  );
  for (let at = 0; at < labels.length; at += 10_000) {
    await root.query('insert into fact_wikidata values ?', [labels.slice(at, at + 10_000)]);
  }
}

/** The groups of a dimension by key; the whole, of dimension '', is the group of null. */
export async function factsOf(
  database: TestDatabase,
  dimension: string,
): Promise<Map<string | null, Group>> {
  const metrics = Object.keys(metricColumns);
  const [totals, wikidata, people] = [
    await database.ask<Record<string, string | number | null>>(
      `select g.name, count(*) as courses, sum(c.status = 'current') as active_courses,
         sum(c.status = 'archived') as archived_courses,
         ${metrics.map((name) => `sum(${name}) as ${name}, count(${name}) as of_${name}`).join(', ')}
       from fact_groups g join fact_courses c on c.id = g.course_id
       where g.dimension = '${dimension}' group by g.name`,
    ),
    await database.ask<{ name: string | null; metric: string; total: string; courses: string }>(
      `select g.name, w.metric, sum(w.value) as total, count(*) as courses
       from fact_groups g join fact_wikidata w on w.course_id = g.course_id
       where g.dimension = '${dimension}' group by g.name, w.metric`,
    ),
    await database.ask<Record<string, string | number | null>>(
      `select g.name, count(distinct if(p.role = 0, user_id, null)) as editors,
         count(distinct if(is_new, user_id, null)) as new_editors,
         count(distinct if(is_new_60d, user_id, null)) as new_editors_60d,
         count(distinct if(p.role = 1, user_id, null)) as facilitators,
         count(distinct if(p.role = 1 and active, user_id, null)) as active_facilitators
       from fact_groups g left join fact_people p on p.course_id = g.course_id
       where g.dimension = '${dimension}' group by g.name`,
    ),
  ];
  const groups = new Map<string | null, Group>();
  for (const { name, ...row } of totals) {
    const group: Group = { totals: {}, coverage: {}, people: {} };
    for (const metric of ['courses', 'active_courses', 'archived_courses']) {
      group.totals[metric] = Number(row[metric]);
      group.coverage[metric] = Number(row['courses']);
    }
    for (const metric of sumMetrics.map((each) => each.name)) {
      group.totals[metric] = published(row[metric] ?? null);
      group.coverage[metric] = Number(row[`of_${metric}`] ?? 0);
    }
    groups.set(name as string | null, group);
  }
  for (const { name, metric, total, courses } of wikidata) {
    const group = groups.get(name);
    if (group === undefined) throw new Error(`no group ${String(name)}`);
    group.totals[metric] = Number(total);
    group.coverage[metric] = Number(courses);
  }
  for (const { name, ...counts } of people) {
    const group = groups.get(name as string | null);
    for (const [metric, count] of Object.entries(counts)) group!.people[metric] = Number(count);
  }
  return groups;
}

/** What JSON cannot hold is published as null. */
function published(total: string | number | null): number | null {
  return total !== null && Number.isSafeInteger(Number(total)) ? Number(total) : null;
}
