-- What may happen to a track, each as one function so that it is one statement, one transaction, and the same for API, workers and psql.
-- Lock order: the row of music.tracks first, then everything else.

create function music.check_status_edge() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'PENDING' then
      raise exception 'a track begins as PENDING, not as %', new.status using errcode = 'MU001';
    end if;
    return new;
  end if;
  if not exists (select from music.status_edges where from_status = old.status and to_status = new.status) then
    raise exception 'track % is % and cannot become %', old.id, old.status, new.status using errcode = 'MU001';
  end if;
  return new;
end
$$;
comment on function music.check_status_edge() is 'Refuses a status that no edge leads to, with SQLSTATE MU001.';

create trigger tracks_begin before insert on music.tracks
  for each row execute function music.check_status_edge();
create trigger tracks_status_edge before update of status on music.tracks
  for each row when (old.status is distinct from new.status) execute function music.check_status_edge();

create function music.status_message(p_title text, p_status text, p_reason text) returns text language sql immutable as $$
  select coalesce('"' || p_title || '"', 'Your track') || case p_status
    when 'PENDING' then ' was uploaded.'
    when 'PROCESSING' then ' is being processed.'
    when 'REVIEWING' then ' is ready and waits for its review.'
    when 'PUBLISHED' then ' is published.'
    when 'BLOCKED' then ' is blocked.'
    when 'FAILED' then ' could not be processed.'
    else ' changed.'
  end || coalesce(' ' || p_reason, '')
$$;
comment on function music.status_message(text, text, text) is 'The sentence that tells an artist of a new status.';

create function music.change_status(
  p_track_id uuid, p_status text, p_reason text, p_changed_by text, p_request_key text
) returns text language plpgsql as $$
declare
  v_track music.tracks;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  -- A repeated request, or one for what already holds, changes nothing and tells nobody.
  if v_track.status = p_status or exists (select from music.status_changes where request_key = p_request_key) then
    return v_track.status;
  end if;
  update music.tracks
    set status = p_status, reason = p_reason, updated_at = now(),
      published_at = case when p_status = 'PUBLISHED' then now() else published_at end
    where id = p_track_id;
  insert into music.status_changes (track_id, from_status, to_status, reason, changed_by, request_key)
    values (p_track_id, v_track.status, p_status, p_reason, p_changed_by, p_request_key);
  insert into music.notifications (artist_id, track_id, kind, status, message, request_key)
    values (
      v_track.artist_id, p_track_id, 'status', p_status, music.status_message(v_track.title, p_status, p_reason), p_request_key);
  return p_status;
end
$$;
comment on function music.change_status(uuid, text, text, text, text) is
  'The only way to change a track''s status: checks the edge, records who and why, tells the artist. A repeated request key changes nothing. '
  'Raises MU001 for an impossible change, MU002 for an unknown track.';

create function music.accept_upload(
  p_track_id uuid, p_artist_id text, p_workflow_id text, p_idempotency_key text, p_fingerprint bytea, p_title text, p_language text,
  p_tags text[], p_lyrics text, p_file_name text, p_media_type text, p_size_bytes bigint, p_sha256 bytea, p_source_key text, p_input text
) returns table (track_id uuid, is_new boolean, is_same boolean) language plpgsql as $$
declare
  v_upload music.uploads;
begin
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
  'Stores the track and its idempotency key and starts its workflow, all or nothing. A key that was used before gives the earlier track.';

create function music.open_review(
  p_track_id uuid, p_source_key text, p_duration_ms bigint, p_probe text, p_waveform text, p_streaming text, p_request_key text
) returns text language plpgsql as $$
begin
  update music.tracks
    set source_key = p_source_key, duration_ms = p_duration_ms, probe = p_probe::jsonb, waveform = p_waveform::jsonb,
      streaming = p_streaming::jsonb, updated_at = now(),
      title = coalesce(
        title, left(nullif(btrim(p_probe::jsonb #>> '{tags,title}'), ''), 300),
        nullif(regexp_replace(file_name, '\.[^.]*$', ''), ''), 'Untitled'),
      language = coalesce(
        language,
        case when p_probe::jsonb #>> '{tags,language}' ~ '^[A-Za-z]{2,3}$' then lower(p_probe::jsonb #>> '{tags,language}') end)
    where id = p_track_id;
  return music.change_status(p_track_id, 'REVIEWING', null, 'workflow', p_request_key);
end
$$;
comment on function music.open_review(uuid, text, bigint, text, text, text, text) is
  'Stores what processing made and moves the track to REVIEWING. What the artist stated stands above the file''s tags.';

create function music.store_lyrics(
  p_track_id uuid, p_source text, p_language text, p_model text, p_confidence double precision, p_lines jsonb, p_request_key text
) returns void language sql as $$
  insert into music.lyrics (track_id, version, source, language, model, confidence, lines, request_key)
  select p_track_id, coalesce(max(version), 0) + 1, p_source, p_language, p_model, p_confidence, p_lines, p_request_key
    from music.lyrics where track_id = p_track_id
  on conflict (request_key) do nothing
$$;
comment on function music.store_lyrics(uuid, text, text, text, double precision, jsonb, text) is
  'Adds a version of a track''s lyrics; the caller holds the lock of the track''s row.';

create function music.change_lyrics(
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
    perform music.store_lyrics(
      p_track_id, v_lyrics ->> 'source', v_lyrics ->> 'language', v_lyrics ->> 'model', (v_lyrics ->> 'confidence')::double precision,
      v_lyrics -> 'lines', p_request_key);
  end if;
  -- Lyrics that a reviewer wrote complete the track's lyrics; a later failure of the machine takes nothing away.
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
comment on function music.change_lyrics(uuid, text, text, text, text) is
  'Changes the lyrics'' status, stores lyrics when given, tells the artist of the end. Once completed they stay so.';

create function music.submit_review(
  p_track_id uuid, p_decision text, p_reason text, p_reviewer text, p_edits text, p_signal text
) returns void language plpgsql as $$
declare
  v_track music.tracks;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  if exists (select from music.reviews where track_id = p_track_id) then
    raise exception 'track % was reviewed before', p_track_id using errcode = 'MU003';
  end if;
  if v_track.status <> 'REVIEWING' then
    raise exception 'track % is % and does not wait for a review', p_track_id, v_track.status using errcode = 'MU004';
  end if;
  insert into music.reviews (track_id, decision, reason, reviewer, edits)
    values (p_track_id, p_decision, p_reason, p_reviewer, p_edits::jsonb);
  perform orchestrator.signal_workflow(v_track.workflow_id, 'review', p_signal::jsonb, 'review/' || p_track_id);
end
$$;
comment on function music.submit_review(uuid, text, text, text, text, text) is
  'Stores the decision and signals the workflow, both or neither. Raises MU002 unknown track, MU003 decided before, MU004 not waiting for it.';

create function music.apply_review(
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
  update music.tracks
    set title = coalesce(v_review.edits ->> 'title', title),
      tags = case when jsonb_typeof(v_review.edits -> 'tags') = 'array'
        then array(select jsonb_array_elements_text(v_review.edits -> 'tags')) else tags end,
      updated_at = now()
    where id = p_track_id;
  if jsonb_typeof(v_review.edits -> 'lyrics') = 'array' then
    perform music.store_lyrics(
      p_track_id, 'edited', v_track.language, v_review.reviewer, null, v_review.edits -> 'lyrics', 'review/' || p_track_id);
    update music.tracks set lyrics_status = 'COMPLETED', lyrics_reason = null where id = p_track_id;
  end if;
  return music.change_status(
    p_track_id, case v_review.decision when 'approve' then 'PUBLISHED' else 'BLOCKED' end, v_review.reason, v_review.reviewer,
    p_request_key);
end
$$;
comment on function music.apply_review(uuid, text, text, text, text, text) is
  'Applies the one review of a track with its edits and gives the status it led to; repeating it changes nothing.';

create function music.moderate(
  p_track_id uuid, p_status text, p_reason text, p_moderator text, p_request_key text
) returns text language plpgsql as $$
declare
  v_status text;
begin
  select status into v_status from music.tracks where id = p_track_id for update;
  if v_status not in ('PUBLISHED', 'BLOCKED') then
    raise exception 'track % is %: only a published or blocked track is moderated', p_track_id, v_status using errcode = 'MU001';
  end if;
  return music.change_status(p_track_id, p_status, p_reason, p_moderator, p_request_key);
end
$$;
comment on function music.moderate(uuid, text, text, text, text) is
  'Blocks a published track or publishes a blocked one; what waits for its review is decided by music.submit_review.';

create function music.report_progress(p_track_id uuid, p_stage text, p_progress smallint, p_attempt integer, p_is_done boolean)
returns void language sql as $$
  insert into music.stages (track_id, stage, progress, attempt, finished_at)
  values (p_track_id, p_stage, p_progress, p_attempt, case when p_is_done then now() end)
  on conflict (track_id, stage) do update
    set progress = excluded.progress, attempt = excluded.attempt, finished_at = excluded.finished_at,
      started_at = case when music.stages.attempt = excluded.attempt then music.stages.started_at else now() end
    -- A late report of an attempt that lost its lease must not look like news.
    where music.stages.attempt <= excluded.attempt and music.stages.finished_at is null
$$;
comment on function music.report_progress(uuid, text, smallint, integer, boolean) is
  'Shows how far a step is; never goes back to an earlier attempt or from a finished step.';
