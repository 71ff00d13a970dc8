-- An upload may be accepted again: its track is then there already, and nothing is stored twice.
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
  perform orchestrator.start_workflow('PublishTrack', p_workflow_id, p_input::jsonb);
  return query select p_track_id, true, true;
end
$$;
comment on function music.accept_upload(
  uuid, text, text, text, bytea, text, text, text[], text, text, text, bigint, bytea, text, text
) is
  'Stores the track and its idempotency key and starts its workflow, all or nothing. A key that was used before gives the earlier track, '
  'and a track that is there already itself.';
