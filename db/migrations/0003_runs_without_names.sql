-- The problem of a run without what it quotes, which may name a course: it takes the problem's
-- place once a course is withdrawn.
alter table job_runs add column problem_without_names text;
update job_runs set problem_without_names =
  case when state = 'failed'
    then regexp_replace(problem, '(, first |(?<=as the log says more of): ).*$', '.') else problem end;
update job_runs set problem = problem_without_names
where problem <> problem_without_names and exists (select from withdrawn_courses);

-- A version ended at a number that a carried snapshot has taken since: it ends at the next one that
-- has rows of courses.
update course_versions v set valid_to = (
  select min(s.snapshot_id) from snapshots s where s.has_course_rows and s.snapshot_id > v.valid_to)
where v.valid_to in (select snapshot_id from snapshots where not has_course_rows);
