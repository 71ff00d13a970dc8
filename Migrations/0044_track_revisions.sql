-- What people may change about a track is counted: each change is a revision with who, when and why, and whoever edits says which one was seen.
alter table music.tracks add column revision integer not null default 1;
comment on column music.tracks.revision is 'Counts the changes of what people may edit: 1 as uploaded. What a client names in If-Match.';

create table music.revisions (
  track_id uuid not null references music.tracks (id) on delete cascade,
  revision integer not null check (revision > 1),
  changes jsonb not null check (jsonb_typeof(changes) = 'object'),
  changed_by text not null,
  reason text check (char_length(reason) <= 2000),
  idempotency_key text check (octet_length(idempotency_key) between 1 and 255),
  fingerprint bytea check (octet_length(fingerprint) = 32),
  changed_at timestamptz not null default now(),
  primary key (track_id, revision)
);
create unique index revisions_by_key on music.revisions (changed_by, idempotency_key) where idempotency_key is not null;
comment on table music.revisions is 'Every change of what people may edit about a track. Append-only.';
comment on column music.revisions.track_id is 'The track that changed.';
comment on column music.revisions.revision is 'The revision that the change made.';
comment on column music.revisions.changes is 'Each changed field with its values from and to; of lyrics the versions.';
comment on column music.revisions.changed_by is 'The user who changed it, or ''workflow'' for what processing found.';
comment on column music.revisions.reason is 'Why, as far as it was said.';
comment on column music.revisions.idempotency_key is 'As sent in the Idempotency-Key header; keys of different users do not meet.';
comment on column music.revisions.fingerprint is 'SHA-256 over the request that the key came with.';
comment on column music.revisions.changed_at is 'When it was changed.';

alter table music.revisions enable row level security;
grant select on music.revisions to orchestrator_api;
create policy revisions_of_viewer on music.revisions for select to orchestrator_api using (
  exists (select from music.tracks t where t.id = track_id));

create function music.changed_details(p_old music.tracks, p_new music.tracks) returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(field, jsonb_build_object('from', before, 'to', after)), '{}')
  from (values
    ('title', to_jsonb(p_old.title), to_jsonb(p_new.title)), ('language', to_jsonb(p_old.language), to_jsonb(p_new.language)),
    ('tags', to_jsonb(p_old.tags), to_jsonb(p_new.tags))
  ) v(field, before, after)
  where before is distinct from after
$$;
comment on function music.changed_details(music.tracks, music.tracks) is 'What differs between two states of a track, of what people may edit.';

create function music.add_revision(
  p_track_id uuid, p_changes jsonb, p_changed_by text, p_reason text, p_idempotency_key text default null, p_fingerprint bytea default null
) returns integer language plpgsql as $$
declare
  v_revision integer;
begin
  if p_changes = '{}' then
    return (select revision from music.tracks where id = p_track_id);
  end if;
  update music.tracks set revision = revision + 1, updated_at = now() where id = p_track_id returning revision into v_revision;
  insert into music.revisions (track_id, revision, changes, changed_by, reason, idempotency_key, fingerprint)
    values (p_track_id, v_revision, p_changes, p_changed_by, p_reason, p_idempotency_key, p_fingerprint)
    on conflict (changed_by, idempotency_key) where idempotency_key is not null do nothing;
  if not found then
    raise exception 'the idempotency key was used for another request' using errcode = 'MU008';
  end if;
  return v_revision;
end
$$;
comment on function music.add_revision(uuid, jsonb, text, text, text, bytea) is
  'Records a change and gives the revision that holds now; nothing changed makes none. The caller holds the lock of the track''s row.';

create function music.shown_lyrics(p_track_id uuid) returns integer language sql stable as $$
  select version from music.lyrics where track_id = p_track_id order by source = 'edited' desc, version desc limit 1
$$;
comment on function music.shown_lyrics(uuid) is 'The version of a track''s lyrics that counts: what a person wrote stands above what a machine wrote.';

drop function music.store_lyrics(uuid, text, text, text, double precision, jsonb, text);
create function music.store_lyrics(
  p_track_id uuid, p_source text, p_language text, p_model text, p_confidence double precision, p_lines jsonb, p_request_key text
) returns jsonb language plpgsql as $$
declare
  v_before integer := music.shown_lyrics(p_track_id);
  v_after integer;
begin
  -- Lines that say what already counts are no new version.
  if p_source = 'edited' and exists (
    select from music.lyrics where track_id = p_track_id and version = v_before and source = 'edited' and lines = p_lines) then
    return '{}';
  end if;
  insert into music.lyrics (track_id, version, source, language, model, confidence, lines, request_key)
  select p_track_id, coalesce(max(version), 0) + 1, p_source, p_language, p_model, p_confidence, p_lines, p_request_key
    from music.lyrics where track_id = p_track_id
  on conflict (request_key) do nothing;
  v_after := music.shown_lyrics(p_track_id);
  return case
    when v_before is distinct from v_after then jsonb_build_object('lyrics', jsonb_build_object('from', v_before, 'to', v_after))
    else '{}' end;
end
$$;
comment on function music.store_lyrics(uuid, text, text, text, double precision, jsonb, text) is
  'Adds a version of a track''s lyrics and says what that changed; the caller holds the lock of the track''s row.';

create or replace function music.open_review(
  p_track_id uuid, p_source_key text, p_duration_ms bigint, p_probe text, p_waveform text, p_streaming text, p_request_key text
) returns text language plpgsql as $$
declare
  v_old music.tracks;
  v_new music.tracks;
begin
  select * into v_old from music.tracks where id = p_track_id for update;
  update music.tracks
    set source_key = p_source_key, duration_ms = p_duration_ms, probe = p_probe::jsonb, waveform = p_waveform::jsonb,
      streaming = p_streaming::jsonb, updated_at = now(),
      title = coalesce(
        title, left(nullif(btrim(p_probe::jsonb #>> '{tags,title}'), ''), 300),
        nullif(regexp_replace(file_name, '\.[^.]*$', ''), ''), 'Untitled'),
      language = coalesce(
        language,
        case when p_probe::jsonb #>> '{tags,language}' ~ '^[A-Za-z]{2,3}$' then lower(p_probe::jsonb #>> '{tags,language}') end)
    where id = p_track_id returning * into v_new;
  perform music.add_revision(p_track_id, music.changed_details(v_old, v_new), 'workflow', null);
  return music.change_status(p_track_id, 'REVIEWING', null, 'workflow', p_request_key);
end
$$;

create or replace function music.change_lyrics(
  p_track_id uuid, p_status text, p_reason text, p_lyrics text, p_request_key text
) returns void language plpgsql as $$
declare
  v_track music.tracks;
  v_lyrics jsonb := p_lyrics::jsonb;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  if v_lyrics is not null then
    perform music.add_revision(
      p_track_id,
      music.store_lyrics(
        p_track_id, v_lyrics ->> 'source', v_lyrics ->> 'language', v_lyrics ->> 'model', (v_lyrics ->> 'confidence')::double precision,
        v_lyrics -> 'lines', p_request_key),
      'workflow', null);
  end if;
  -- Lyrics that a person wrote complete the track's lyrics; a later failure of the machine takes nothing away.
  if v_track.lyrics_status = p_status or v_track.lyrics_status = 'COMPLETED' then
    return;
  end if;
  update music.tracks set lyrics_status = p_status, lyrics_reason = p_reason, updated_at = now() where id = p_track_id;
  if p_status in ('COMPLETED', 'FAILED') then
    insert into music.notifications (artist_id, track_id, kind, status, message, request_key)
      values (
        v_track.artist_id, p_track_id, 'lyrics', p_status,
        case p_status when 'COMPLETED' then 'The lyrics of ' else 'No lyrics could be made for ' end
          || coalesce('"' || v_track.title || '"', 'your track')
          || case p_status when 'COMPLETED' then ' are ready.' else '. The track goes on without them.' end,
        p_request_key)
      on conflict (request_key) do nothing;
  end if;
end
$$;

create function music.apply_edits(
  p_track_id uuid, p_edits jsonb, p_changed_by text, p_reason text, p_request_key text,
  p_idempotency_key text default null, p_fingerprint bytea default null
) returns integer language plpgsql as $$
declare
  v_old music.tracks;
  v_new music.tracks;
  v_changes jsonb;
begin
  select * into v_old from music.tracks where id = p_track_id for update;
  update music.tracks
    set title = coalesce(p_edits ->> 'title', title),
      language = case when p_edits ? 'language' then nullif(p_edits ->> 'language', '') else language end,
      tags = case when jsonb_typeof(p_edits -> 'tags') = 'array'
        then array(select jsonb_array_elements_text(p_edits -> 'tags')) else tags end
    where id = p_track_id returning * into v_new;
  v_changes := music.changed_details(v_old, v_new);
  if jsonb_typeof(p_edits -> 'lyrics') = 'array' then
    v_changes := v_changes || music.store_lyrics(
      p_track_id, 'edited', v_new.language, p_changed_by, null, p_edits -> 'lyrics', p_request_key);
    update music.tracks set lyrics_status = 'COMPLETED', lyrics_reason = null where id = p_track_id;
  end if;
  return music.add_revision(p_track_id, v_changes, p_changed_by, p_reason, p_idempotency_key, p_fingerprint);
end
$$;
comment on function music.apply_edits(uuid, jsonb, text, text, text, text, bytea) is
  'Applies title, language, tags and lyrics, as far as they are given, as one revision, and gives the one that holds now.';

create function music.edit_track(
  p_track_id uuid, p_expected integer[], p_edits text, p_changed_by text, p_reason text, p_idempotency_key text, p_fingerprint bytea
) returns table (revision integer, is_repeated boolean) language plpgsql as $$
declare
  v_track music.tracks;
  v_earlier music.revisions;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  select * into v_earlier from music.revisions r where r.changed_by = p_changed_by and r.idempotency_key = p_idempotency_key;
  if found then
    if v_earlier.fingerprint <> p_fingerprint then
      raise exception 'the idempotency key was used for another request' using errcode = 'MU008';
    end if;
    return query select v_earlier.revision, true;
    return;
  end if;
  if v_track.status = 'FAILED' then
    raise exception 'track % is FAILED and cannot be edited', p_track_id using errcode = 'MU001';
  end if;
  if v_track.revision <> all (p_expected) then
    raise exception 'track % has revision % now: read it again and repeat the edit on it', p_track_id, v_track.revision
      using errcode = 'MU007';
  end if;
  return query select
    music.apply_edits(
      p_track_id, p_edits::jsonb, p_changed_by, p_reason, 'revision/' || p_track_id || '/' || v_track.revision + 1, p_idempotency_key,
      p_fingerprint),
    false;
end
$$;
comment on function music.edit_track(uuid, integer[], text, text, text, text, bytea) is
  'An edit by a person, of one of the expected revisions (null: of any). A repeated request changes nothing. Raises MU001 for a failed track, '
  'MU002 unknown track, MU007 another revision, MU008 key of another request.';

create or replace function music.apply_review(
  p_track_id uuid, p_decision text, p_reason text, p_reviewer text, p_edits text, p_request_key text
) returns text language plpgsql as $$
declare
  v_track music.tracks;
  v_review music.reviews;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  -- The decision that was acknowledged first counts, also against a time-out that fired meanwhile.
  insert into music.reviews (track_id, decision, reason, reviewer, edits)
    values (p_track_id, p_decision, p_reason, p_reviewer, p_edits::jsonb)
    on conflict (track_id) do nothing;
  if v_track.status <> 'REVIEWING' then
    return v_track.status;
  end if;
  select * into strict v_review from music.reviews where track_id = p_track_id;
  perform music.apply_edits(p_track_id, v_review.edits, v_review.reviewer, v_review.reason, 'review/' || p_track_id);
  return music.change_status(
    p_track_id, case v_review.decision when 'approve' then 'PUBLISHED' else 'BLOCKED' end, v_review.reason, v_review.reviewer,
    p_request_key);
end
$$;
