import { editorRole, facilitatorRole, type SourceEnrollment } from '../source.ts';
import { key, seconds, time } from './cells.ts';
import type { DashboardConnection } from './connection.ts';
import type { Window } from './courses.ts';
import type { Warnings } from './warnings.ts';

const enrollmentsPerRange = 5000;
/** The Wikimedia Foundation counts a registration up to 60 days before the start as new. */
const beforeStart = 60 * 86_400;

export interface EnrollmentBatch {
  readonly enrollments: SourceEnrollment[];
  /** The greatest key that was looked at. */
  readonly last: number;
}

/**
 * Editors and facilitators of the public courses whose windows are given, in ranges of the
 * primary key. An enrolment of a user who is gone counts for nobody and is left out.
 */
export async function* readEnrollments(
  database: DashboardConnection,
  windows: ReadonlyMap<number, Window>,
  warnings: Warnings,
): AsyncGenerator<EnrollmentBatch> {
  for (let after = 0; ;) {
    const [range] = await database.rows(
      ['last'],
      `select max(id) as last from (
         select id from courses_users where id > ${after} order by id limit ${enrollmentsPerRange}
       ) as part`,
    );
    if (range === undefined || range.last === null) return;
    const last = key(range.last);
    const rows = await database.rows(
      ['course_id', 'user_id', 'role', 'found_user', 'registered_at'],
      `select e.course_id, e.user_id, e.role, u.id as found_user, u.registered_at
       from courses_users e
       left join courses c on c.id = e.course_id
       left join users u on u.id = e.user_id
       where e.id > ${after} and e.id <= ${last} and (c.private = 0 or c.id is null)
         and (e.role in (${editorRole}, ${facilitatorRole}) or e.role is null)`,
    );
    after = last;
    const enrollments: SourceEnrollment[] = [];
    for (const row of rows) {
      const window = windows.get(key(row.course_id));
      if (window === undefined) {
        warnings.add('Enrolments in courses that are missing, left out');
      } else if (row.found_user === null) {
        warnings.add('Enrolments of users who are missing, left out');
      } else if (row.role === null) {
        warnings.add('Enrolments without a role, left out');
      } else {
        const role = Number(row.role);
        const registered = seconds(time(row.registered_at, warnings));
        const early = role === editorRole && registered <= window.end;
        enrollments.push({
          courseId: key(row.course_id),
          userId: key(row.user_id),
          role,
          newEditor: early && registered >= window.start,
          newEditor60d: early && registered >= window.start - beforeStart,
        });
      }
    }
    yield { enrollments, last };
  }
}
