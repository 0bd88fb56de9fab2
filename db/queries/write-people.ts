import type { Queryable } from '../connect.ts';

/**
 * Makes the stored enrolments those that were staged for public courses.
 *
 * @returns how many rows differed
 */
export async function writeEnrollments(sql: Queryable): Promise<number> {
  const deleted = await sql`
    delete from enrollments e
    where not exists (
      select from staged_enrollments s
      where s.course_id = e.course_id and s.person_key = e.person_key and s.role = e.role)`;
  // A conflict locks its row, which writes to it: rows that are there already are left out.
  const written = await sql`
    insert into enrollments (course_id, person_key, role, new_editor, new_editor_60d)
    select * from (
      select course_id, person_key, role,
        bool_or(new_editor) as new_editor, bool_or(new_editor_60d) as new_editor_60d
      from staged_enrollments
      where course_id in (select course_id from staged_courses)
      group by course_id, person_key, role
    ) s
    where not exists (
      select from enrollments e
      where (e.course_id, e.person_key, e.role, e.new_editor, e.new_editor_60d)
        = (s.course_id, s.person_key, s.role, s.new_editor, s.new_editor_60d))
    on conflict (course_id, person_key, role) do update
      set new_editor = excluded.new_editor, new_editor_60d = excluded.new_editor_60d`;
  return deleted.count + written.count;
}

/**
 * Makes the stored activity that was staged, for the courses whose activity was read;
 * the others keep theirs.
 *
 * @returns how many rows differed
 */
export async function writeActivity(sql: Queryable): Promise<number> {
  const deleted = await sql`
    delete from activity a
    where course_id in (select course_id from staged_courses where keeps is null)
      and not exists (
        select from staged_activity s
        where s.course_id = a.course_id and s.wiki = a.wiki and s.month = a.month)`;
  const written = await sql`
    insert into activity (course_id, wiki, month, edits, bytes_added, references_added)
    select s.* from (
      select course_id, wiki, month, sum(edits)::bigint as edits,
        sum(bytes_added)::bigint as bytes_added, sum(references_added)::bigint as references_added
      from staged_activity
      where course_id in (select course_id from staged_courses)
      group by course_id, wiki, month
    ) s
    left join activity a using (course_id, wiki, month)
    where a.course_id is null or (a.edits, a.bytes_added, a.references_added)
      is distinct from (s.edits, s.bytes_added, s.references_added)
    on conflict (course_id, wiki, month) do update
      set edits = excluded.edits, bytes_added = excluded.bytes_added,
        references_added = excluded.references_added`;
  return deleted.count + written.count;
}
