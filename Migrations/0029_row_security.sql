-- What the API reads for its users it reads as a role that sees the rows of one user: a fault in a handler shows nobody else's.
do $$
begin
  if not exists (select from pg_roles where rolname = 'orchestrator_api') then
    create role orchestrator_api nologin;
  end if;
exception
  -- Roles belong to the whole server: another database may make it at the same moment.
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception 'the role orchestrator_api is missing, and % may not create roles', current_user
      using hint = format('As a superuser run: create role orchestrator_api nologin; grant orchestrator_api to %I', current_user);
end
$$;

do $$
begin
  if not pg_has_role(current_user, 'orchestrator_api', 'member') then
    execute format('grant orchestrator_api to %I', current_user);
  end if;
end
$$;

create function access.viewer() returns text language sql stable as $$
  select nullif(current_setting('orchestrator.viewer', true), '')
$$;
comment on function access.viewer() is 'The user for whom this transaction reads; null for nobody.';

create function access.viewer_sees_all() returns boolean language sql stable as $$
  select coalesce(current_setting('orchestrator.viewer_sees_all', true), '') = 'on'
$$;
comment on function access.viewer_sees_all() is 'Whether that user sees the tracks of all artists.';

create function access.viewer_track() returns text language sql stable as $$
  select nullif(current_setting('orchestrator.viewer_track', true), '')
$$;
comment on function access.viewer_track() is 'The one track that the reader was given a token for; null for none.';

alter table music.tracks enable row level security;
alter table music.stages enable row level security;
alter table music.lyrics enable row level security;
alter table music.status_changes enable row level security;
alter table music.notifications enable row level security;
alter table access.artist_applications enable row level security;

grant usage on schema music, access to orchestrator_api;
grant select on music.tracks, music.stages, music.lyrics, music.status_changes, music.notifications, access.artist_applications
  to orchestrator_api;

-- The functions stand in queries of their own, so that they are asked once a statement and not once a row.
create policy tracks_of_viewer on music.tracks for select to orchestrator_api using (
  artist_id = (select access.viewer()) or (select access.viewer_sees_all()) or id::text = (select access.viewer_track()));
-- Whoever sees the track sees these.
create policy stages_of_viewer on music.stages for select to orchestrator_api using (
  exists (select from music.tracks t where t.id = track_id));
create policy lyrics_of_viewer on music.lyrics for select to orchestrator_api using (
  exists (select from music.tracks t where t.id = track_id));
create policy status_changes_of_viewer on music.status_changes for select to orchestrator_api using (
  (select access.viewer_sees_all()));
create policy notifications_of_viewer on music.notifications for select to orchestrator_api using (
  artist_id = (select access.viewer()));
create policy applications_of_viewer on access.artist_applications for select to orchestrator_api using (
  account_id::text = (select access.viewer()) or (select access.viewer_sees_all()));
