-- Reviews are a queue: claimed for a time so that two reviewers do not collide, and a track may go back to its artist and come again.
alter table music.tracks drop constraint tracks_status_check;
alter table music.tracks add constraint tracks_status_check
  check (status in ('PENDING', 'PROCESSING', 'REVIEWING', 'CHANGES_REQUESTED', 'PUBLISHED', 'BLOCKED', 'FAILED'));
insert into music.status_edges (from_status, to_status) values
  ('REVIEWING', 'CHANGES_REQUESTED'),
  ('CHANGES_REQUESTED', 'REVIEWING'),
  ('CHANGES_REQUESTED', 'BLOCKED');

alter table music.tracks add column status_since timestamptz not null default now();
alter table music.tracks add column review_round integer not null default 1;
update music.tracks set status_since = updated_at;
create index tracks_oldest_of_status on music.tracks (status, status_since, id);
comment on column music.tracks.status_since is 'When it got its status: reviewers take the oldest first.';
comment on column music.tracks.review_round is 'Counts the reviews: 1, and one more each time the artist sends it again.';

create table music.review_reasons (
  code text primary key check (code ~ '^[a-z-]{1,50}$'),
  decisions text[] not null,
  message text not null
);
comment on table music.review_reasons is 'Why a track is refused: the codes that a decision may name.';
comment on column music.review_reasons.code is 'Stable name.';
comment on column music.review_reasons.decisions is 'The decisions that it may stand for: reject, request-changes, block.';
comment on column music.review_reasons.message is 'The sentence for the artist; what the reviewer writes stands behind it.';
insert into music.review_reasons (code, decisions, message) values
  ('audio-quality', '{reject,request-changes}', 'The quality of the recording is too low.'),
  ('copyright', '{reject,request-changes,block}', 'It holds material that belongs to somebody else.'),
  ('duplicate', '{reject,block}', 'It was uploaded before.'),
  ('legal-order', '{reject,block}', 'An authority ordered it.'),
  ('lyrics', '{reject,request-changes}', 'The lyrics are not what is sung.'),
  ('metadata', '{reject,request-changes,block}', 'Title, language, tags or artists are wrong or mislead.'),
  ('poster', '{reject,request-changes,block}', 'The poster is not permitted here.'),
  ('profanity', '{reject,request-changes,block}', 'Its texts hold words that are not permitted here.'),
  ('prohibited-content', '{reject,block}', 'Its content is not permitted here.'),
  ('spam', '{reject,block}', 'It advertises or deceives.'),
  ('other', '{reject,request-changes,block}', '');

create function music.reason_text(p_code text, p_decision text, p_reason text) returns text language plpgsql stable as $$
declare
  v_message text;
begin
  if p_code is null then
    return p_reason;
  end if;
  select message into v_message from music.review_reasons where code = p_code and p_decision = any (decisions);
  if not found then
    raise exception 'no reason to % has the code "%"', p_decision, left(p_code, 50) using errcode = 'MU009';
  end if;
  return nullif(concat_ws(' ', nullif(v_message, ''), p_reason), '');
end
$$;
comment on function music.reason_text(text, text, text) is 'What an artist is told; raises MU009 for a code that is not one of the decision.';

alter table music.reviews drop constraint reviews_pkey;
alter table music.reviews drop constraint reviews_decision_check;
alter table music.reviews add constraint reviews_decision_check check (decision in ('approve', 'reject', 'request-changes'));
alter table music.reviews add column round integer not null default 1;
alter table music.reviews add column reason_code text references music.review_reasons (code);
alter table music.reviews add column idempotency_key text check (octet_length(idempotency_key) between 1 and 255);
alter table music.reviews add column fingerprint bytea check (octet_length(fingerprint) = 32);
alter table music.reviews add primary key (track_id, round);
create unique index reviews_by_key on music.reviews (reviewer, idempotency_key) where idempotency_key is not null;
comment on table music.reviews is 'The one decision of each round of a track''s reviews: the primary key refuses a second one.';
comment on column music.reviews.decision is 'approve publishes, reject blocks, request-changes sends it back to the artist.';
comment on column music.reviews.round is 'The round of the track that it decided.';
comment on column music.reviews.reason_code is 'Why, as a code; null when none was named.';
comment on column music.reviews.idempotency_key is 'As sent in the Idempotency-Key header; keys of different users do not meet.';
comment on column music.reviews.fingerprint is 'SHA-256 over the request that the key came with.';

create table music.review_claims (
  track_id uuid primary key references music.tracks (id) on delete cascade,
  reviewer text not null,
  claimed_at timestamptz not null default now(),
  expires_at timestamptz not null
);
comment on table music.review_claims is 'Who looks at which track, so that nobody else does at the same time. A row whose time is over counts for nothing.';
comment on column music.review_claims.track_id is 'The track that waits for its review.';
comment on column music.review_claims.reviewer is 'The admin who looks at it.';
comment on column music.review_claims.claimed_at is 'Since when.';
comment on column music.review_claims.expires_at is 'Until when, unless it is claimed again, released or decided before.';

create function music.check_claim(p_track_id uuid, p_reviewer text) returns void language plpgsql stable as $$
declare
  v_claim music.review_claims;
begin
  select * into v_claim from music.review_claims where track_id = p_track_id and reviewer <> p_reviewer and expires_at > now();
  if found then
    raise exception 'track % is claimed by % until %', p_track_id, v_claim.reviewer,
      to_char(v_claim.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') using errcode = 'MU010';
  end if;
end
$$;
comment on function music.check_claim(uuid, text) is 'Raises MU010 while somebody else has claimed the track; the caller holds the lock of its row.';

create function music.claim_review(p_track_id uuid, p_reviewer text, p_duration interval) returns void language plpgsql as $$
declare
  v_track music.tracks;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  if exists (select from music.reviews where track_id = p_track_id and round = v_track.review_round) and v_track.status = 'REVIEWING' then
    raise exception 'track % was reviewed before', p_track_id using errcode = 'MU003';
  end if;
  if v_track.status <> 'REVIEWING' then
    raise exception 'track % is % and does not wait for a review', p_track_id, v_track.status using errcode = 'MU004';
  end if;
  perform music.check_claim(p_track_id, p_reviewer);
  insert into music.review_claims as c (track_id, reviewer, expires_at) values (p_track_id, p_reviewer, now() + p_duration)
    on conflict (track_id) do update set
      claimed_at = case when c.reviewer = excluded.reviewer and c.expires_at > now() then c.claimed_at else now() end,
      reviewer = excluded.reviewer, expires_at = excluded.expires_at;
end
$$;
comment on function music.claim_review(uuid, text, interval) is
  'Claims a track for a time, or extends the claim. Raises MU002, MU003, MU004 as submit_review, MU010 while somebody else has it.';

create function music.release_review(p_track_id uuid, p_reviewer text) returns void language plpgsql as $$
begin
  perform from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  perform music.check_claim(p_track_id, p_reviewer);
  delete from music.review_claims where track_id = p_track_id;
end
$$;
comment on function music.release_review(uuid, text) is 'Gives a claim back. Raises MU002, MU010 while somebody else has it.';

drop function music.submit_review(uuid, text, text, text, text, text);
create function music.submit_review(
  p_track_id uuid, p_decision text, p_reason text, p_reviewer text, p_edits text, p_signal text, p_reason_code text default null,
  p_expected integer[] default null, p_idempotency_key text default null, p_fingerprint bytea default null
) returns boolean language plpgsql as $$
declare
  v_track music.tracks;
  v_review music.reviews;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  select * into v_review from music.reviews where reviewer = p_reviewer and idempotency_key = p_idempotency_key;
  if found then
    if v_review.fingerprint <> p_fingerprint then
      raise exception 'the idempotency key was used for another request' using errcode = 'MU008';
    end if;
    return false;
  end if;
  select * into v_review from music.reviews where track_id = p_track_id and round = v_track.review_round;
  if found then
    if (v_review.decision, v_review.reviewer, v_review.reason, v_review.reason_code, v_review.edits)
      is not distinct from (p_decision, p_reviewer, p_reason, p_reason_code, p_edits::jsonb) then
      return false;
    end if;
    raise exception 'track % was reviewed before', p_track_id using errcode = 'MU003';
  end if;
  if v_track.status <> 'REVIEWING' then
    raise exception 'track % is % and does not wait for a review', p_track_id, v_track.status using errcode = 'MU004';
  end if;
  perform music.check_claim(p_track_id, p_reviewer);
  if v_track.revision <> all (p_expected) then
    raise exception 'track % has revision % now: read it again and decide on it', p_track_id, v_track.revision using errcode = 'MU007';
  end if;
  perform music.reason_text(p_reason_code, p_decision, p_reason);
  insert into music.reviews (track_id, round, decision, reason, reason_code, reviewer, edits, idempotency_key, fingerprint)
    values (
      p_track_id, v_track.review_round, p_decision, p_reason, p_reason_code, p_reviewer, p_edits::jsonb, p_idempotency_key, p_fingerprint)
    on conflict (reviewer, idempotency_key) where idempotency_key is not null do nothing;
  if not found then
    raise exception 'the idempotency key was used for another request' using errcode = 'MU008';
  end if;
  delete from music.review_claims where track_id = p_track_id;
  perform orchestrator.signal_workflow(
    v_track.workflow_id, 'review', p_signal::jsonb, 'review/' || p_track_id || '/' || v_track.review_round);
  return true;
end
$$;
comment on function music.submit_review(uuid, text, text, text, text, text, text, integer[], text, bytea) is
  'Stores the decision of a round and signals the workflow, both or neither; false when the same decision was made before. Raises MU002 unknown '
  'track, MU003 decided otherwise, MU004 not waiting for it, MU007 edited since, MU008 key of another request, MU009 unknown code, MU010 claimed.';

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
  -- An attempt whose answer was lost must not decide the round that follows.
  if exists (select from music.status_changes where request_key = p_request_key) then
    return v_track.status;
  end if;
  -- The decision that was acknowledged first counts, also against a time-out that fired meanwhile.
  insert into music.reviews (track_id, round, decision, reason, reviewer, edits)
    values (p_track_id, v_track.review_round, p_decision, p_reason, p_reviewer, p_edits::jsonb)
    on conflict (track_id, round) do nothing;
  delete from music.review_claims where track_id = p_track_id;
  if v_track.status <> 'REVIEWING' then
    return v_track.status;
  end if;
  select * into strict v_review from music.reviews where track_id = p_track_id and round = v_track.review_round;
  perform music.apply_edits(
    p_track_id, v_review.edits, v_review.reviewer, v_review.reason, 'review/' || p_track_id || '/' || v_track.review_round);
  return music.change_status(
    p_track_id,
    case v_review.decision when 'approve' then 'PUBLISHED' when 'request-changes' then 'CHANGES_REQUESTED' else 'BLOCKED' end,
    music.reason_text(v_review.reason_code, v_review.decision, v_review.reason), v_review.reviewer, p_request_key);
end
$$;
comment on function music.apply_review(uuid, text, text, text, text, text) is
  'Applies the one decision of the round with its edits and gives the status it led to; repeating it changes nothing.';

create function music.resubmit(p_track_id uuid, p_user text, p_note text) returns boolean language plpgsql as $$
declare
  v_track music.tracks;
  v_is_decided boolean;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  v_is_decided := exists (select from music.reviews where track_id = p_track_id and round = v_track.review_round);
  if v_track.review_round > 1 and not v_is_decided then
    return false;
  end if;
  if v_track.status <> 'CHANGES_REQUESTED' then
    raise exception 'track % is %: nobody asked for changes', p_track_id, v_track.status using errcode = 'MU001';
  end if;
  update music.tracks set review_round = review_round + 1 where id = p_track_id;
  perform orchestrator.signal_workflow(
    v_track.workflow_id, 'resubmit', jsonb_strip_nulls(jsonb_build_object('user', p_user, 'note', p_note)),
    'resubmit/' || p_track_id || '/' || v_track.review_round);
  return true;
end
$$;
comment on function music.resubmit(uuid, text, text) is
  'Begins the next round of a track whose changes were asked for and signals its workflow, both or neither; false when that was done before. '
  'Raises MU001 when nobody asked for changes, MU002.';

create function music.reopen_review(p_track_id uuid, p_user text, p_note text, p_request_key text) returns text language plpgsql as $$
declare
  v_track music.tracks;
begin
  select * into v_track from music.tracks where id = p_track_id for update;
  if not found then
    raise exception 'there is no track %', p_track_id using errcode = 'MU002';
  end if;
  if v_track.status <> 'CHANGES_REQUESTED' then
    return v_track.status;
  end if;
  -- A new round that was acknowledged counts, also against a time-out that fired meanwhile.
  if exists (select from music.reviews where track_id = p_track_id and round = v_track.review_round) then
    return music.change_status(
      p_track_id, 'BLOCKED', 'The changes that were asked for were not made in time.', 'workflow', p_request_key);
  end if;
  return music.change_status(p_track_id, 'REVIEWING', p_note, p_user, p_request_key);
end
$$;
comment on function music.reopen_review(uuid, text, text, text) is
  'Opens the review of a track that was sent again, or blocks one that was not, and gives the status; repeating it changes nothing.';

create or replace function music.status_message(p_title text, p_status text, p_reason text) returns text language sql immutable as $$
  select coalesce('"' || p_title || '"', 'Your track') || case p_status
    when 'PENDING' then ' was uploaded.'
    when 'PROCESSING' then ' is being processed.'
    when 'REVIEWING' then ' is ready and waits for its review.'
    when 'CHANGES_REQUESTED' then ' needs changes before it can be published.'
    when 'PUBLISHED' then ' is published.'
    when 'BLOCKED' then ' is blocked.'
    when 'FAILED' then ' could not be processed.'
    else ' changed.'
  end || coalesce(' ' || p_reason, '')
$$;

create or replace function music.change_status(
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
    set status = p_status, reason = p_reason, updated_at = now(), status_since = now(),
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

create or replace function music.settle_tracks(p_limit integer) returns integer language plpgsql as $$
declare
  v_track record;
  v_count integer := 0;
  v_reason text := 'The processing of this track was stopped. Please upload it again.';
begin
  for v_track in
    select t.id, t.status from music.tracks t
    where t.status in ('PENDING', 'PROCESSING', 'REVIEWING', 'CHANGES_REQUESTED')
      and exists (
        select from orchestrator.runs r join orchestrator.closes c using (run_id)
        where r.workflow_id = t.workflow_id and r.namespace = 'default')
      and orchestrator.open_run(t.workflow_id) is null
      and not exists (
        select from orchestrator.inbox i where i.kind = 1 and i.workflow_id = t.workflow_id and i.namespace = 'default')
    order by t.created_at
    limit p_limit
    for update of t skip locked
  loop
    if v_track.status = 'PENDING' then
      perform music.change_status(v_track.id, 'PROCESSING', null, 'upkeep', 'upkeep/processing/' || v_track.id);
    end if;
    perform music.change_status(
      v_track.id, case when v_track.status in ('REVIEWING', 'CHANGES_REQUESTED') then 'BLOCKED' else 'FAILED' end, v_reason, 'upkeep',
      'upkeep/end/' || v_track.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function music.settle_tracks(integer) is
  'Ends tracks whose run is closed although they wait for it: FAILED, or BLOCKED when they were ready for their review. Returns how many.';

-- As before; a track that comes to its review again has its version already, and maybe others.
create or replace function music.follow_track() returns trigger language plpgsql as $$
begin
  insert into music.assets (id, artist_id) values (new.id, new.artist_id) on conflict do nothing;
  if new.status = 'FAILED' then
    update music.assets set status = 'failed', updated_at = now() where id = new.id and status = 'pending';
  elsif tg_op = 'UPDATE' and old.status = 'PROCESSING' and new.status = 'REVIEWING' then
    insert into music.asset_versions (asset_id, version, metadata, published_at)
      values (new.id, 1, coalesce(new.probe, '{}'), now());
    insert into music.asset_files (asset_id, version, kind, object_key, media_type, size_bytes, duration_ms)
      values (new.id, 1, 'source', new.source_key, new.media_type, new.size_bytes, new.duration_ms);
    update music.assets set status = 'ready', latest_version = 1, updated_at = now() where id = new.id;
  end if;
  return null;
end
$$;
