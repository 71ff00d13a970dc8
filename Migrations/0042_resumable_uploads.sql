-- Uploads that come in parts, over days if need be, and what an artist may take up with uploads of any kind.
create table music.resumable_uploads (
  id uuid primary key,
  artist_id text not null check (octet_length(artist_id) between 1 and 255),
  request_key text check (octet_length(request_key) between 1 and 255),
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  metadata text not null check (octet_length(metadata) <= 65536),
  file_name text check (char_length(file_name) <= 255),
  media_type text not null,
  form jsonb not null,
  source_key text not null,
  length_bytes bigint not null check (length_bytes > 0),
  offset_bytes bigint not null default 0 check (offset_bytes between 0 and length_bytes),
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  expires_at timestamptz not null,
  accepted_at timestamptz
) with (fillfactor = 80);
create index resumable_uploads_of_artist on music.resumable_uploads (artist_id) where accepted_at is null;
create unique index resumable_uploads_by_request on music.resumable_uploads (artist_id, request_key) where request_key is not null;
create index resumable_uploads_by_end on music.resumable_uploads (expires_at);
create index resumable_uploads_by_key on music.resumable_uploads (source_key);
comment on table music.resumable_uploads is
  'Uploads that come in parts. The offset here is what counts: it is written when the bytes before it were flushed to the disk.';
comment on column music.resumable_uploads.id is 'Names the upload, and later the track that it becomes.';
comment on column music.resumable_uploads.artist_id is 'The user who uploads; to all others it does not exist.';
comment on column music.resumable_uploads.request_key is 'The Idempotency-Key it was made with; null without one.';
comment on column music.resumable_uploads.fingerprint is 'SHA-256 over length and metadata: the same key with others is refused.';
comment on column music.resumable_uploads.metadata is 'Upload-Metadata as the client sent it, for the client.';
comment on column music.resumable_uploads.file_name is 'Name of the file, for people only.';
comment on column music.resumable_uploads.media_type is 'Declared media type.';
comment on column music.resumable_uploads.form is 'Title, language, tags and lyrics, checked when the upload was made.';
comment on column music.resumable_uploads.source_key is 'Where its bytes are in staging.';
comment on column music.resumable_uploads.length_bytes is 'Bytes of the whole file.';
comment on column music.resumable_uploads.offset_bytes is 'Bytes that are safe; never becomes less.';
comment on column music.resumable_uploads.created_at is 'When it was made.';
comment on column music.resumable_uploads.changed_at is 'When bytes became safe last.';
comment on column music.resumable_uploads.expires_at is 'When it goes, unless more bytes come.';
comment on column music.resumable_uploads.accepted_at is 'When it became a track; null before.';

alter table music.resumable_uploads enable row level security;
grant select on music.resumable_uploads to orchestrator_api;
create policy resumable_uploads_of_viewer on music.resumable_uploads for select to orchestrator_api using (
  artist_id = (select access.viewer()));

create function music.used_bytes(p_artist_id text) returns bigint language sql stable as $$
  select coalesce((select sum(t.size_bytes) from music.tracks t where t.artist_id = p_artist_id and t.status <> 'FAILED'), 0)::bigint
    + coalesce((
      select sum(u.length_bytes) from music.resumable_uploads u where u.artist_id = p_artist_id and u.accepted_at is null), 0)::bigint
$$;
comment on function music.used_bytes(text) is
  'Bytes of an artist''s originals, whatever became of them but FAILED, and of the whole lengths of uploads that are still coming.';

create function music.admit_upload(
  p_artist_id text, p_limit integer, p_span interval
) returns table (wait_seconds integer, remaining integer, reset_seconds integer, used_bytes bigint) language plpgsql as $$
declare
  v_wait integer := access.take_attempt('upload', p_artist_id, p_limit, p_span);
begin
  return query
    select v_wait, greatest(p_limit - a.count, 0), greatest(1, ceil(extract(epoch from a.ends_at - now())))::integer,
      music.used_bytes(p_artist_id)
    from access.attempts a where a.kind = 'upload' and a.subject = p_artist_id;
end
$$;
comment on function music.admit_upload(text, integer, interval) is
  'Counts an upload that begins: the seconds to wait when there were too many, else 0; how many more may begin until when; bytes in use.';

create function music.check_quota(p_artist_id text, p_track_id uuid, p_quota bigint) returns void language plpgsql as $$
declare
  v_used bigint;
begin
  if not exists (select from music.tracks where id = p_track_id and artist_id = p_artist_id) then
    return;
  end if;
  -- One after the other: each sees what those before it took.
  perform pg_advisory_xact_lock(hashtextextended('music.uploads/' || p_artist_id, 0));
  v_used := music.used_bytes(p_artist_id);
  if v_used > p_quota then
    raise exception 'your files would have % bytes together, and % are allowed', v_used, p_quota using errcode = 'MU005';
  end if;
end
$$;
comment on function music.check_quota(text, uuid, bigint) is
  'Called behind music.accept_upload in its transaction: raises MU005 when the new track leads its artist above the quota.';

create function music.begin_resumable_upload(
  p_id uuid, p_artist_id text, p_request_key text, p_fingerprint bytea, p_metadata text, p_file_name text, p_media_type text, p_form text,
  p_source_key text, p_length_bytes bigint, p_lifetime interval, p_open_limit integer, p_quota bigint
) returns table (id uuid, is_new boolean, is_same boolean) language plpgsql as $$
declare
  v_earlier music.resumable_uploads;
  v_open bigint;
  v_used bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('music.uploads/' || p_artist_id, 0));
  select * into v_earlier from music.resumable_uploads u where u.artist_id = p_artist_id and u.request_key = p_request_key;
  if found then
    return query select v_earlier.id, false, v_earlier.fingerprint = p_fingerprint;
    return;
  end if;
  select count(*) into v_open from music.resumable_uploads u where u.artist_id = p_artist_id and u.accepted_at is null;
  if v_open >= p_open_limit then
    raise exception '% uploads of yours are open, which is as many as are allowed: finish or delete one of them', v_open using errcode = 'MU006';
  end if;
  v_used := music.used_bytes(p_artist_id);
  if v_used + p_length_bytes > p_quota then
    raise exception 'your files would have % bytes together, and % are allowed', v_used + p_length_bytes, p_quota using errcode = 'MU005';
  end if;
  insert into music.resumable_uploads (
    id, artist_id, request_key, fingerprint, metadata, file_name, media_type, form, source_key, length_bytes, expires_at
  ) values (
    p_id, p_artist_id, p_request_key, p_fingerprint, p_metadata, p_file_name, p_media_type, p_form::jsonb, p_source_key, p_length_bytes,
    now() + p_lifetime
  );
  return query select p_id, true, true;
end
$$;
comment on function music.begin_resumable_upload(
  uuid, text, text, bytea, text, text, text, text, text, bigint, interval, integer, bigint
) is
  'Makes an upload of which no byte has come, and reserves its length of the artist''s quota. A request key that was used before gives the '
  'earlier one. Raises MU005 above the quota, MU006 when too many are open.';

create or replace function music.accept_upload(
  p_track_id uuid, p_artist_id text, p_workflow_id text, p_idempotency_key text, p_fingerprint bytea, p_title text, p_language text,
  p_tags text[], p_lyrics text, p_file_name text, p_media_type text, p_size_bytes bigint, p_sha256 bytea, p_source_key text, p_input text
) returns table (track_id uuid, is_new boolean, is_same boolean) language plpgsql as $$
declare
  v_upload music.uploads;
begin
  -- Uploads that come in parts are accepted by whoever sees their last byte, and again by who cannot tell whether that was done.
  if exists (select from music.tracks t where t.id = p_track_id and t.artist_id = p_artist_id) then
    return query select p_track_id, false, true;
    return;
  end if;
  insert into music.tracks (
    id, artist_id, workflow_id, title, language, tags, supplied_lyrics, file_name, media_type, size_bytes, sha256, source_key
  ) values (
    p_track_id, p_artist_id, p_workflow_id, p_title, p_language, p_tags, p_lyrics, p_file_name, p_media_type, p_size_bytes, p_sha256,
    p_source_key
  );
  if p_idempotency_key is not null then
    -- Waits for a concurrent request with the same key to commit, on whatever process; then exactly one of them is the first.
    insert into music.uploads (artist_id, idempotency_key, fingerprint, track_id)
      values (p_artist_id, p_idempotency_key, p_fingerprint, p_track_id)
      on conflict do nothing;
    if not found then
      delete from music.tracks where id = p_track_id;
      select * into strict v_upload from music.uploads u
        where u.artist_id = p_artist_id and u.idempotency_key = p_idempotency_key;
      return query select v_upload.track_id, false, v_upload.fingerprint = p_fingerprint;
      return;
    end if;
  end if;
  insert into music.status_changes (track_id, from_status, to_status, changed_by, request_key)
    values (p_track_id, null, 'PENDING', p_artist_id, 'upload/' || p_track_id);
  insert into music.notifications (artist_id, track_id, kind, status, message, request_key)
    values (p_artist_id, p_track_id, 'status', 'PENDING', music.status_message(p_title, 'PENDING', null), 'upload/' || p_track_id);
  update music.resumable_uploads set accepted_at = now() where id = p_track_id;
  perform orchestrator.start_workflow('PublishTrack', p_workflow_id, p_input::jsonb);
  return query select p_track_id, true, true;
end
$$;
comment on function music.accept_upload(
  uuid, text, text, text, bytea, text, text, text[], text, text, text, bigint, bytea, text, text
) is
  'Stores the track and its idempotency key and starts its workflow, all or nothing. A key that was used before gives the earlier track, '
  'and a track that is there already itself.';
