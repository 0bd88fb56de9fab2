-- A row's fields as CSV has them, of whole numbers and nulls alone, which are never quoted. As
-- PostgreSQL writes a row, that is, between parentheses; not a function of any setting, as the
-- text of rows is in general, so that a generated column can have it.
create function csv_fields(fields record) returns text
language plpgsql immutable parallel safe as $$
begin
  return btrim(fields::text, '()');
end
$$;

-- The first versions are written without these indexes, which are then made of all of them at
-- once (db/queries/write-versions.ts), in a fraction of the time.
do $$
begin
  if not exists (select from course_versions) then
    drop index course_versions_current, course_versions_wikis, course_versions_campaigns,
      course_versions_home_wiki;
  end if;
end
$$;
