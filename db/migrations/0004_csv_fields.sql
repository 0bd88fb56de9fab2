-- A row's fields as CSV has them, of whole numbers and nulls alone, which are never quoted: as
-- PostgreSQL writes a row, that is, between parentheses. The text of rows depends on settings in
-- general, of such rows it does not: a generated column can have it.
create function csv_fields(fields record) returns text
language plpgsql immutable parallel safe as $$
begin
  return btrim(fields::text, '()');
end
$$;
