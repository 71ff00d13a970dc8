-- What belongs to a track beside its texts: the other artists on it, and its poster.
alter table music.tracks add column poster_key text;
comment on column music.tracks.poster_key is 'Where its poster is, a JPEG made here; null without one.';

create table music.track_artists (
  track_id uuid not null references music.tracks (id) on delete cascade,
  position smallint not null check (position between 1 and 20),
  artist_id text not null,
  primary key (track_id, position),
  unique (track_id, artist_id)
);
comment on table music.track_artists is 'The artists on a track beside the one who uploaded it.';
comment on column music.track_artists.track_id is 'The track.';
comment on column music.track_artists.position is 'Their order, from 1.';
comment on column music.track_artists.artist_id is 'An account that was an artist when it was named.';
alter table music.track_artists enable row level security;
grant select on music.track_artists to orchestrator_api;
create policy track_artists_of_viewer on music.track_artists for select to orchestrator_api using (
  exists (select from music.tracks t where t.id = track_id));

create function music.set_track_artists(p_track_id uuid, p_artists text[]) returns jsonb language plpgsql as $$
declare
  v_before text[] := array(select artist_id from music.track_artists where track_id = p_track_id order by position);
  v_unknown text;
begin
  if v_before = p_artists then
    return '{}';
  end if;
  -- Who is named already stays, also when the account is not an artist's any more. The lock keeps the role until this is committed.
  perform from access.accounts a where a.id::text = any (p_artists) order by a.id for share;
  select n.artist_id into v_unknown
    from unnest(p_artists) with ordinality n(artist_id, position)
    where n.artist_id <> all (v_before)
      and (n.artist_id = (select t.artist_id from music.tracks t where t.id = p_track_id)
        or not exists (
          select from access.accounts a where a.id::text = n.artist_id and 'artist' = any (a.roles) and a.blocked_at is null))
    order by n.position limit 1;
  if found then
    raise exception '% is no other artist with an account here', left(v_unknown, 100) using errcode = 'MU011';
  end if;
  delete from music.track_artists where track_id = p_track_id;
  insert into music.track_artists (track_id, position, artist_id)
    select p_track_id, n.position, n.artist_id from unnest(p_artists) with ordinality n(artist_id, position);
  return jsonb_build_object('secondaryArtistIds', jsonb_build_object('from', to_jsonb(v_before), 'to', to_jsonb(p_artists)));
end
$$;
comment on function music.set_track_artists(uuid, text[]) is
  'Names the other artists of a track and says what that changed; raises MU011 for one that is none. The caller holds the lock of the track''s row.';

create or replace function music.changed_details(p_old music.tracks, p_new music.tracks) returns jsonb language sql immutable as $$
  select coalesce(jsonb_object_agg(field, jsonb_build_object('from', before, 'to', after)), '{}')
  from (values
    ('title', to_jsonb(p_old.title), to_jsonb(p_new.title)), ('language', to_jsonb(p_old.language), to_jsonb(p_new.language)),
    ('tags', to_jsonb(p_old.tags), to_jsonb(p_new.tags)), ('poster', to_jsonb(p_old.poster_key), to_jsonb(p_new.poster_key))
  ) v(field, before, after)
  where before is distinct from after
$$;

create or replace function music.apply_edits(
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
        then array(select jsonb_array_elements_text(p_edits -> 'tags')) else tags end,
      poster_key = case when p_edits ? 'posterKey' then nullif(p_edits ->> 'posterKey', '') else poster_key end
    where id = p_track_id returning * into v_new;
  v_changes := music.changed_details(v_old, v_new);
  if jsonb_typeof(p_edits -> 'secondaryArtistIDs') = 'array' then
    v_changes := v_changes || music.set_track_artists(
      p_track_id, array(select jsonb_array_elements_text(p_edits -> 'secondaryArtistIDs')));
  end if;
  if jsonb_typeof(p_edits -> 'lyrics') = 'array' then
    v_changes := v_changes || music.store_lyrics(
      p_track_id, 'edited', v_new.language, p_changed_by, null, p_edits -> 'lyrics', p_request_key);
    update music.tracks set lyrics_status = 'COMPLETED', lyrics_reason = null where id = p_track_id;
  end if;
  return music.add_revision(p_track_id, v_changes, p_changed_by, p_reason, p_idempotency_key, p_fingerprint);
end
$$;
