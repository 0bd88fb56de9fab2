-- Of which release and with which settings answers were last written. When it changes, revised_at
-- moves, because dates of answers must; the revision does not, because the past is what it was.
alter table store add column form text;
