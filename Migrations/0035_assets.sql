-- A track's sound in versions, and the jobs that make them. Version 1 is the original; a job takes one version and adds the next one, which is
-- seen, whole, from the moment its files are where its keys say.
-- Lock order: the row of music.tracks first, then that of music.assets, then everything else.
create table music.assets (
  id uuid primary key references music.tracks (id) on delete cascade,
  artist_id text not null check (octet_length(artist_id) between 1 and 255),
  status text not null default 'pending' check (status in ('pending', 'ready', 'failed')),
  latest_version integer not null default 0 check (latest_version >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((status = 'ready') = (latest_version > 0))
);
create index assets_newest on music.assets (created_at desc, id desc);
create index assets_of_artist on music.assets (artist_id, created_at desc, id desc);
comment on table music.assets is 'The sound of a track in versions. It has the track''s id.';
comment on column music.assets.id is 'The track whose sound it is.';
comment on column music.assets.artist_id is 'The user who owns it.';
comment on column music.assets.status is 'pending until the upload proved to be sound; failed when it did not.';
comment on column music.assets.latest_version is 'The newest version that is whole; 0 while there is none.';
comment on column music.assets.created_at is 'When the upload was accepted.';
comment on column music.assets.updated_at is 'When the row last changed.';

create table music.jobs (
  id uuid primary key,
  asset_id uuid not null references music.assets (id) on delete cascade,
  requested_by text not null check (octet_length(requested_by) between 1 and 255),
  type text not null check (type ~ '^[a-z][a-z0-9-]{0,39}$'),
  input_version integer not null,
  input_kind text not null,
  priority smallint not null check (priority between 1 and 5),
  parameters jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  progress smallint not null default 0 check (progress between 0 and 100),
  attempt integer not null default 0,
  tries integer not null default 1,
  created_version integer,
  error_code text,
  error text,
  idempotency_key text check (octet_length(idempotency_key) between 1 and 255),
  fingerprint bytea check (octet_length(fingerprint) = 32),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  check ((status = 'completed') = (created_version is not null)),
  check ((idempotency_key is null) = (fingerprint is null))
) with (fillfactor = 70);
create index jobs_newest on music.jobs (created_at desc, id desc);
create index jobs_of_asset on music.jobs (asset_id, created_at desc, id desc);
create unique index jobs_by_key on music.jobs (requested_by, idempotency_key) where idempotency_key is not null;
create index jobs_open on music.jobs (created_at) where status in ('pending', 'processing');
comment on table music.jobs is 'A piece of work on one version of an asset; the workflow of the same id does it.';
comment on column music.jobs.id is 'Names the job and its workflow.';
comment on column music.jobs.asset_id is 'What is worked on.';
comment on column music.jobs.requested_by is 'The user who asked for it.';
comment on column music.jobs.type is 'What is done, for example loudness.';
comment on column music.jobs.input_version is 'The version that is read; the latest one of the time of the request when none was named.';
comment on column music.jobs.input_kind is 'Which file of that version is read.';
comment on column music.jobs.priority is '1 is done first, 5 last.';
comment on column music.jobs.parameters is 'What the type of job takes, checked, with its defaults filled in.';
comment on column music.jobs.status is 'pending until its first step, then processing, then one of the three ends.';
comment on column music.jobs.progress is 'Per cent of this attempt.';
comment on column music.jobs.attempt is 'Attempt of the processing that runs or ran last; 0 before the first.';
comment on column music.jobs.tries is '1, and 1 more for each time that it was asked for again after its end.';
comment on column music.jobs.created_version is 'The version that it added; null until it is completed.';
comment on column music.jobs.error_code is 'Why it failed, for programs.';
comment on column music.jobs.error is 'Why it failed, for people.';
comment on column music.jobs.idempotency_key is 'As sent in the Idempotency-Key header; null without one.';
comment on column music.jobs.fingerprint is 'SHA-256 of what came with the key.';
comment on column music.jobs.created_at is 'When it was asked for first.';
comment on column music.jobs.started_at is 'When its first step began, of this try.';
comment on column music.jobs.updated_at is 'When the row last changed.';
comment on column music.jobs.finished_at is 'When it ended; null while it has not.';

create table music.asset_versions (
  asset_id uuid not null references music.assets (id) on delete cascade,
  version integer not null check (version >= 1),
  from_version integer,
  job_id uuid unique references music.jobs (id) on delete set null,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  published_at timestamptz,
  primary key (asset_id, version),
  foreign key (asset_id, from_version) references music.asset_versions (asset_id, version),
  check (from_version < version)
);
-- The next number is given only when the one before it is there for all: numbers have no gaps at any moment.
create unique index asset_versions_on_their_way on music.asset_versions (asset_id) where published_at is null;
comment on table music.asset_versions is 'A state of an asset''s sound; never changed once it is published.';
comment on column music.asset_versions.asset_id is 'The asset.';
comment on column music.asset_versions.version is '1 for the original, then one more each.';
comment on column music.asset_versions.from_version is 'The version it was made from; null for the original.';
comment on column music.asset_versions.job_id is 'The job that made it; null for the original.';
comment on column music.asset_versions.metadata is 'What is known about it: the probe of the original, or what its job measured and did.';
comment on column music.asset_versions.created_at is 'When its number was given.';
comment on column music.asset_versions.published_at is 'When it could be seen; null while its files are put in place.';

create table music.asset_files (
  asset_id uuid not null,
  version integer not null,
  kind text not null check (kind ~ '^[a-z][a-z0-9-]{0,39}$'),
  object_key text not null unique,
  media_type text not null,
  size_bytes bigint not null check (size_bytes > 0),
  duration_ms bigint check (duration_ms >= 0),
  primary key (asset_id, version, kind),
  foreign key (asset_id, version) references music.asset_versions (asset_id, version) on delete cascade
);
comment on table music.asset_files is 'The files of a version, one of each kind.';
comment on column music.asset_files.asset_id is 'The asset.';
comment on column music.asset_files.version is 'Its version.';
comment on column music.asset_files.kind is 'What it holds: source, enhanced, converted, vocals, instrumental, or any other word.';
comment on column music.asset_files.object_key is 'Where it is in the object store.';
comment on column music.asset_files.media_type is 'Its registered media type.';
comment on column music.asset_files.size_bytes is 'Its bytes.';
comment on column music.asset_files.duration_ms is 'Exact length in milliseconds by a whole decode.';

-- Whoever moves a track moves its asset, in the same transaction.
create function music.follow_track() returns trigger language plpgsql as $$
begin
  insert into music.assets (id, artist_id) values (new.id, new.artist_id) on conflict do nothing;
  if new.status = 'FAILED' then
    update music.assets set status = 'failed', updated_at = now() where id = new.id and status = 'pending';
  elsif new.status = 'REVIEWING' then
    insert into music.asset_versions (asset_id, version, metadata, published_at)
      values (new.id, 1, coalesce(new.probe, '{}'), now());
    insert into music.asset_files (asset_id, version, kind, object_key, media_type, size_bytes, duration_ms)
      values (new.id, 1, 'source', new.source_key, new.media_type, new.size_bytes, new.duration_ms);
    update music.assets set status = 'ready', latest_version = 1, updated_at = now() where id = new.id;
  end if;
  return null;
end
$$;
comment on function music.follow_track() is 'Makes the asset of a new track, and its version 1 when the track''s sound was proved and stored.';

create trigger tracks_asset after insert or update of status on music.tracks for each row execute function music.follow_track();

insert into music.assets (id, artist_id, status, latest_version, created_at)
  select id, artist_id,
    case when status in ('PENDING', 'PROCESSING') then 'pending' when status = 'FAILED' then 'failed' else 'ready' end,
    case when status in ('PENDING', 'PROCESSING', 'FAILED') then 0 else 1 end, created_at
  from music.tracks;
insert into music.asset_versions (asset_id, version, metadata, published_at)
  select id, 1, coalesce(probe, '{}'), now() from music.tracks where status not in ('PENDING', 'PROCESSING', 'FAILED');
insert into music.asset_files (asset_id, version, kind, object_key, media_type, size_bytes, duration_ms)
  select id, 1, 'source', source_key, media_type, size_bytes, duration_ms
  from music.tracks where status not in ('PENDING', 'PROCESSING', 'FAILED');

-- Users see their own, as of tracks; a version is nobody's before it is whole.
alter table music.assets enable row level security;
alter table music.asset_versions enable row level security;
alter table music.asset_files enable row level security;
alter table music.jobs enable row level security;
grant select on music.assets, music.asset_versions, music.asset_files, music.jobs to orchestrator_api;
create policy assets_of_viewer on music.assets for select to orchestrator_api using (
  artist_id = (select access.viewer()) or (select access.viewer_sees_all()) or id::text = (select access.viewer_track()));
create policy asset_versions_of_viewer on music.asset_versions for select to orchestrator_api using (
  published_at is not null and exists (select from music.assets a where a.id = asset_id));
create policy asset_files_of_viewer on music.asset_files for select to orchestrator_api using (
  exists (select from music.asset_versions v where v.asset_id = asset_files.asset_id and v.version = asset_files.version));
create policy jobs_of_viewer on music.jobs for select to orchestrator_api using (
  exists (select from music.assets a where a.id = asset_id));
