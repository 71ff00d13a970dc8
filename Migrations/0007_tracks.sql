-- The catalogue of tracks. Every change of a track's status goes through music.change_status, which records it and tells the artist in the
-- same transaction; the table refuses every other edge.
create schema music;
comment on schema music is 'The music pipeline: tracks, lyrics, reviews, notifications, uploads.';

create table music.status_edges (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
comment on table music.status_edges is 'Every change of a track''s status that is possible; the trigger on music.tracks refuses all others.';
comment on column music.status_edges.from_status is 'Status before the change.';
comment on column music.status_edges.to_status is 'Status after the change.';

insert into music.status_edges (from_status, to_status) values
  ('PENDING', 'PROCESSING'),
  ('PROCESSING', 'REVIEWING'),
  ('PROCESSING', 'FAILED'),
  ('REVIEWING', 'PUBLISHED'),
  ('REVIEWING', 'BLOCKED'),
  ('PUBLISHED', 'BLOCKED'),
  ('BLOCKED', 'PUBLISHED');

create table music.tracks (
  id uuid primary key,
  artist_id text not null check (octet_length(artist_id) between 1 and 255),
  workflow_id text not null unique,
  title text check (char_length(title) between 1 and 300),
  language text check (octet_length(language) between 2 and 35),
  tags text[] not null default '{}' check (cardinality(tags) <= 20),
  supplied_lyrics text check (octet_length(supplied_lyrics) <= 65536),
  file_name text check (char_length(file_name) <= 255),
  media_type text not null,
  size_bytes bigint not null check (size_bytes > 0),
  sha256 bytea not null check (octet_length(sha256) = 32),
  source_key text not null,
  status text not null default 'PENDING'
    check (status in ('PENDING', 'PROCESSING', 'REVIEWING', 'PUBLISHED', 'BLOCKED', 'FAILED')),
  reason text,
  lyrics_status text not null default 'PENDING' check (lyrics_status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED')),
  lyrics_reason text,
  duration_ms bigint check (duration_ms >= 0),
  probe jsonb,
  waveform jsonb,
  streaming jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  published_at timestamptz
) with (fillfactor = 80);
create index tracks_newest on music.tracks (created_at desc, id desc);
create index tracks_of_artist on music.tracks (artist_id, created_at desc, id desc);
create index tracks_by_status on music.tracks (status, created_at desc, id desc);
comment on table music.tracks is 'One uploaded song and where it stands.';
comment on column music.tracks.id is 'Made at the upload; names the track everywhere.';
comment on column music.tracks.artist_id is 'The user who uploaded it and owns it.';
comment on column music.tracks.workflow_id is 'The workflow that publishes it.';
comment on column music.tracks.title is 'Given by the artist, else by the file''s tags, else the file''s name; null until the file was probed.';
comment on column music.tracks.language is 'BCP 47 language of the lyrics; null when nobody stated it.';
comment on column music.tracks.tags is 'The artist''s words to find it by, at most 20.';
comment on column music.tracks.supplied_lyrics is 'The artist''s own text without times, at most 64 KiB; lyrics are aligned to it.';
comment on column music.tracks.file_name is 'Name of the uploaded file, for people only.';
comment on column music.tracks.media_type is 'Declared media type, checked against the content by the first step.';
comment on column music.tracks.size_bytes is 'Bytes of the uploaded file.';
comment on column music.tracks.sha256 is 'SHA-256 of the uploaded file, counted while it was received.';
comment on column music.tracks.source_key is 'Where the file is: its staging key, and its final key once it was accepted.';
comment on column music.tracks.status is 'Changed by music.change_status only.';
comment on column music.tracks.reason is 'Why it has this status, for the artist; null when the status speaks for itself.';
comment on column music.tracks.lyrics_status is 'How far the lyrics are; never holds the track up.';
comment on column music.tracks.lyrics_reason is 'Why the lyrics failed.';
comment on column music.tracks.duration_ms is 'Exact length in milliseconds by a whole decode.';
comment on column music.tracks.probe is 'What probing found: format, codec, sample rate, channels, bit rate, tags.';
comment on column music.tracks.waveform is 'The zoom levels of the waveform with the keys of their files.';
comment on column music.tracks.streaming is 'The HTTP Live Streaming output: key of the master playlist and its renditions.';
comment on column music.tracks.created_at is 'When the upload was accepted.';
comment on column music.tracks.updated_at is 'When the row last changed.';
comment on column music.tracks.published_at is 'When it was published last; null while it never was.';

create table music.status_changes (
  id bigint generated always as identity primary key,
  track_id uuid not null references music.tracks (id) on delete cascade,
  from_status text,
  to_status text not null,
  reason text,
  changed_by text not null,
  request_key text not null unique,
  changed_at timestamptz not null default now()
);
create index status_changes_of_track on music.status_changes (track_id, id);
comment on table music.status_changes is 'The audit log: every change of every track''s status, who made it and why. Append-only.';
comment on column music.status_changes.id is 'Order of the changes.';
comment on column music.status_changes.track_id is 'The track that changed.';
comment on column music.status_changes.from_status is 'Status before; null for the upload.';
comment on column music.status_changes.to_status is 'Status after.';
comment on column music.status_changes.reason is 'Why, for the artist.';
comment on column music.status_changes.changed_by is 'The user who asked for it, or ''workflow''.';
comment on column music.status_changes.request_key is 'Names the request: a repeated request changes nothing.';
comment on column music.status_changes.changed_at is 'When it was changed.';

create table music.notifications (
  id bigint generated always as identity primary key,
  artist_id text not null,
  track_id uuid not null references music.tracks (id) on delete cascade,
  kind text not null check (kind in ('status', 'lyrics')),
  status text not null,
  message text not null,
  request_key text not null unique,
  created_at timestamptz not null default now()
);
create index notifications_of_artist on music.notifications (artist_id, id desc);
comment on table music.notifications is 'What the artist is told: one row for every change of a track''s or its lyrics'' status.';
comment on column music.notifications.id is 'Order of the notifications.';
comment on column music.notifications.artist_id is 'Who is told.';
comment on column music.notifications.track_id is 'About which track.';
comment on column music.notifications.kind is 'Whether the track''s status changed or that of its lyrics.';
comment on column music.notifications.status is 'The new status.';
comment on column music.notifications.message is 'One sentence for the artist.';
comment on column music.notifications.request_key is 'Names the change it tells of: never told twice.';
comment on column music.notifications.created_at is 'When the change was made.';

create table music.reviews (
  track_id uuid primary key references music.tracks (id) on delete cascade,
  decision text not null check (decision in ('approve', 'reject')),
  reason text check (char_length(reason) <= 2000),
  reviewer text not null,
  edits jsonb not null default '{}',
  decided_at timestamptz not null default now()
);
comment on table music.reviews is 'The one review of each track: the primary key refuses a second decision.';
comment on column music.reviews.track_id is 'The reviewed track.';
comment on column music.reviews.decision is 'approve publishes, reject blocks.';
comment on column music.reviews.reason is 'Why, for the artist.';
comment on column music.reviews.reviewer is 'The user who decided; system when nobody did in time.';
comment on column music.reviews.edits is 'Corrections of title, tags and lyrics made with the decision.';
comment on column music.reviews.decided_at is 'When the decision was acknowledged.';

create table music.lyrics (
  track_id uuid not null references music.tracks (id) on delete cascade,
  version integer not null,
  source text not null check (source in ('transcribed', 'aligned', 'edited')),
  language text,
  model text not null,
  confidence double precision,
  lines jsonb not null check (jsonb_typeof(lines) = 'array'),
  request_key text not null unique,
  created_at timestamptz not null default now(),
  primary key (track_id, version)
);
comment on table music.lyrics is 'Timed lyrics in versions; what a person edited stands above what a machine wrote, then the newest.';
comment on column music.lyrics.track_id is 'The track they belong to.';
comment on column music.lyrics.version is '1 for the first.';
comment on column music.lyrics.source is 'Heard by a machine, aligned to the artist''s text, or edited by a person.';
comment on column music.lyrics.language is 'BCP 47 language; null when nobody stated it.';
comment on column music.lyrics.model is 'The model that wrote them, or who edited them.';
comment on column music.lyrics.confidence is 'The model''s own estimate from 0 to 1.';
comment on column music.lyrics.lines is 'Lines with startMilliseconds, endMilliseconds, text and, where known, words.';
comment on column music.lyrics.request_key is 'Names the request that stored them: never stored twice.';
comment on column music.lyrics.created_at is 'When this version was stored.';

create table music.stages (
  track_id uuid not null references music.tracks (id) on delete cascade,
  stage text not null,
  progress smallint not null check (progress between 0 and 100),
  attempt integer not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (track_id, stage)
) with (fillfactor = 60);
comment on table music.stages is 'Live progress of each step for people who wait; the history, not this table, is the truth about the run.';
comment on column music.stages.track_id is 'The track being processed.';
comment on column music.stages.stage is 'Name of the step.';
comment on column music.stages.progress is 'Per cent of the step in this attempt.';
comment on column music.stages.attempt is 'Attempt that is running or finished it, 1 for the first.';
comment on column music.stages.started_at is 'When this attempt began.';
comment on column music.stages.finished_at is 'When the step succeeded; null while it runs or waits for another attempt.';

create table music.uploads (
  artist_id text not null,
  idempotency_key text not null check (octet_length(idempotency_key) between 1 and 255),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  track_id uuid not null references music.tracks (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (artist_id, idempotency_key)
);
create index uploads_by_age on music.uploads (created_at);
comment on table music.uploads is 'Idempotency keys of uploads, kept for a week: the same key gives the same answer, with another body it is refused.';
comment on column music.uploads.artist_id is 'Keys of different users do not meet.';
comment on column music.uploads.idempotency_key is 'As sent in the Idempotency-Key header.';
comment on column music.uploads.fingerprint is 'SHA-256 over the file''s digest and all fields.';
comment on column music.uploads.track_id is 'The track that the first request made.';
comment on column music.uploads.created_at is 'When it was first used.';
