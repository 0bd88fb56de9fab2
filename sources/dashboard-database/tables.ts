/**
 * Every table and column that is read, and so the privileges that suffice. What is not
 * listed is never selected: passcodes, e-mail addresses, names of people, tokens.
 */
export const requiredGrants = [
  { table: 'wikis', columns: ['id', 'language', 'project'] },
  {
    table: 'courses',
    columns: [
      'id',
      'slug',
      'title',
      'school',
      'term',
      'type',
      'start',
      'end',
      'created_at',
      'updated_at',
      'private',
      'home_wiki_id',
      'revision_count',
      'character_sum',
      'references_count',
      'article_count',
      'new_article_count',
      'view_sum',
      'upload_count',
      'uploads_in_use_count',
      'upload_usages_count',
      'user_count',
      'trained_count',
    ],
  },
  {
    table: 'campaigns',
    columns: ['id', 'slug', 'title', 'description', 'start', 'end', 'created_at'],
  },
  { table: 'campaigns_courses', columns: ['campaign_id', 'course_id'] },
  { table: 'courses_wikis', columns: ['course_id', 'wiki_id'] },
  { table: 'users', columns: ['id', 'registered_at'] },
  { table: 'courses_users', columns: ['id', 'course_id', 'user_id', 'role'] },
  { table: 'tags', columns: ['course_id', 'tag'] },
  { table: 'course_stats', columns: ['id', 'course_id', 'stats_hash'] },
  {
    table: 'course_wiki_timeslices',
    columns: [
      'id',
      'course_id',
      'wiki_id',
      'start',
      'revision_count',
      'character_sum',
      'references_count',
    ],
  },
  { table: 'articles', columns: ['id', 'namespace'] },
  {
    table: 'article_course_timeslices',
    columns: ['course_id', 'article_id', 'revision_count', 'tracked', 'updated_at'],
  },
] as const;

/**
 * The statements that give a user, in the server's own notation
 * (`'reader'@'10.0.0.%'`), what reading the database needs and nothing else.
 */
export function grantStatements(database: string, user: string): string[] {
  return requiredGrants.map(
    ({ table, columns }) =>
      `grant select (${columns.map(quoted).join(', ')}) on ${quoted(database)}.${table} to ${user}`,
  );
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
