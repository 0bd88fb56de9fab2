-- The store. Columns of metrics are not listed here: one bigint per metric of kind `sum`
-- is added to the course version tables from the registry (db/metric-columns.ts).

create table store (
  only_row boolean primary key default true check (only_row),
  -- The kind of the one source that this store belongs to; null until it first publishes.
  source_kind text,
  -- Raised when the past changes: a withdrawal, a return, a revised campaign, carried totals.
  revision bigint not null default 0,
  -- When that was last; later than every snapshot and revision before it, in whole seconds.
  revised_at timestamptz(0),
  -- Keys the hash that stands for a person; made once, never published.
  person_key_secret bytea,
  -- Seals the cursors of walks through pages; 244 random bits, never published.
  cursor_secret bytea not null default
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);
insert into store default values;

create table snapshots (
  snapshot_id bigint primary key,
  computed_at timestamptz(0) not null,
  source_kind text not null,
  source_read_at timestamptz(0) not null,
  definitions_version integer not null,
  previous_snapshot_id bigint references snapshots,
  -- Against the snapshot before; null where nobody knows, as of totals carried over.
  added bigint,
  changed bigint,
  withdrawn bigint,
  totals jsonb not null,
  coverage jsonb not null,
  -- False for totals carried over from elsewhere, which have no rows behind them.
  has_course_rows boolean not null
);
create index snapshots_computed_at on snapshots (computed_at, snapshot_id);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'a published snapshot never changes';
end
$$;
create trigger snapshots_never_change before update or delete on snapshots
  for each row execute function refuse_change();

-- How many of a snapshot's courses are not public any more; no row means none.
create table snapshot_withdrawals (
  snapshot_id bigint primary key references snapshots,
  courses bigint not null check (courses > 0)
);

-- What needs people, by dimension and key, as it was when the snapshot was published;
-- dimension '' is the whole.
create table snapshot_groups (
  snapshot_id bigint not null references snapshots,
  dimension text not null,
  key text,
  totals jsonb not null,
  coverage jsonb not null,
  unique nulls not distinct (snapshot_id, dimension, key)
);

-- One state of one public course, from a snapshot until (not including) another.
create table course_versions (
  course_id bigint not null check (course_id between 1 and 9007199254740991),
  valid_from bigint not null,
  valid_to bigint check (valid_to > valid_from),
  slug text,
  title text,
  institution text,
  term text,
  type text,
  home_wiki text,
  wikis text[] not null,
  campaign_ids bigint[] not null,
  start_at timestamptz(0),
  end_at timestamptz(0),
  created_at timestamptz(0),
  new_or_returning text not null,
  -- The row's CSV fields before and after those that depend on when and where it is
  -- asked, quoted once when the version is written.
  csv_head text not null,
  csv_tail text not null,
  -- The definitions version whose metrics csv_tail holds.
  csv_definitions_version integer not null,
  -- Of a course without a slug there is none.
  url_path text,
  -- Title and institution, folded, with a line break between (db/queries/search-text.ts).
  search_text text not null default '',
  primary key (course_id, valid_from)
);
create unique index course_versions_current on course_versions (course_id) where valid_to is null;
-- For slices of few courses.
create index course_versions_wikis on course_versions using gin (wikis);
create index course_versions_campaigns on course_versions using gin (campaign_ids);
create index course_versions_home_wiki on course_versions (home_wiki);
-- Versions are short, so their spans are few: it decides how they are grouped.
create statistics course_versions_span (ndistinct) on valid_from, valid_to from course_versions;

-- Versions of withdrawn courses, out of reach of every query for public rows, kept for the
-- grace period in case the course returns.
create table withdrawn_course_versions (like course_versions including defaults including constraints);
alter table withdrawn_course_versions add primary key (course_id, valid_from);

create table withdrawn_courses (
  course_id bigint primary key,
  withdrawn_at timestamptz(0) not null,
  -- The first snapshot without it.
  snapshot_id bigint not null
);

-- What the source asks to be told again at the next reading, course by course.
create table course_markers (
  course_id bigint primary key,
  marker text not null,
  -- The day, UTC, on which what the marker stands for was last read.
  read_on date not null
);

create table campaigns (
  campaign_id bigint primary key,
  slug text not null,
  title text not null,
  description text,
  start_at timestamptz(0),
  end_at timestamptz(0),
  created_at timestamptz(0),
  -- The first snapshot that can have courses of it: earlier ones do not list it.
  first_snapshot_id bigint not null default 0,
  -- Not at the source any more: kept for the versions that have it, and known only where one
  -- of a course that is still public does.
  is_gone boolean not null default false
);
create index campaigns_slug on campaigns (slug);

-- The wikis that there are: at the source, or of a course that is public, at any snapshot.
create table wikis (
  -- Stands for the wiki in the cursors of walks.
  wiki_id bigint generated always as identity unique,
  wiki text primary key
);

-- Slugs that a campaign took or gave up: people counted by slug in earlier snapshots were
-- those of other campaigns.
create table campaign_slug_changes (
  slug text not null,
  -- The first snapshot after the change.
  snapshot_id bigint not null,
  primary key (slug, snapshot_id)
);

create table enrollments (
  course_id bigint not null,
  person_key uuid not null,
  role smallint not null,
  new_editor boolean not null,
  new_editor_60d boolean not null,
  primary key (course_id, person_key, role)
);

-- Null is not collected.
create table activity (
  course_id bigint not null,
  wiki text not null,
  month date not null,
  edits bigint,
  bytes_added bigint,
  references_added bigint,
  primary key (course_id, wiki, month)
);

create table job_runs (
  run_id bigint generated always as identity primary key,
  trigger text not null check (trigger in ('start', 'schedule', 'admin', 'command')),
  state text not null check (state in ('running', 'succeeded', 'unchanged', 'refused', 'failed')),
  started_at timestamptz(0) not null,
  finished_at timestamptz(0),
  snapshot_id bigint references snapshots,
  counts jsonb,
  problem text,
  check ((state = 'running') = (finished_at is null))
);
-- There is one at most, and it is looked for whenever runs are read.
create index job_runs_running on job_runs (run_id) where state = 'running';

-- Keys for more quota. Of a token only its SHA-256 is kept: it is 256 random bits.
create table api_keys (
  name text primary key,
  digest bytea not null unique check (length(digest) = 32),
  per_minute integer not null check (per_minute > 0),
  created_at timestamptz(0) not null,
  revoked_at timestamptz(0),
  -- A day, so that nothing tells when its holder works.
  last_used_on date
);

-- The status of a course at a moment, as a partition; the Dashboard's 30 days are of 24 hours.
-- Of immutable operations alone, or else it is called for every row instead of being inlined:
-- the difference of two timestamptz is one, a timestamptz less an interval is not.
create function course_status(start_at timestamptz, end_at timestamptz, at timestamptz)
returns text language sql immutable parallel safe as $$
  select case
    when start_at is null or end_at is null then 'undated'
    when start_at > at then 'upcoming'
    when end_at >= at then 'current'
    when end_at - at > interval '-720 hours' then 'ended_recently'
    else 'archived'
  end
$$;

-- As sum(), in half the time: 64 bits and an error past them, where sum() makes a numeric.
create aggregate exact_sum(bigint) (
  sfunc = int8pl, stype = bigint, combinefunc = int8pl, parallel = safe
);
