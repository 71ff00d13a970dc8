-- Users mark what they were told as read, and remove it: their own rows only, which the database says whatever a handler asks for.
alter table music.notifications add column read_at timestamptz;
create index notifications_unread on music.notifications (artist_id, id desc) where read_at is null;
comment on table music.notifications is
  'What a user is told: one row for every change of a track''s or its lyrics'' status, and of an application. Removed by the user.';
comment on column music.notifications.artist_id is 'Who is told, artist or not.';
comment on column music.notifications.read_at is 'When the user marked it as read; null while it is unread.';

grant update (read_at), delete on music.notifications to orchestrator_api;
create policy notifications_marked_by_viewer on music.notifications for update to orchestrator_api
  using (artist_id = (select access.viewer())) with check (artist_id = (select access.viewer()));
create policy notifications_removed_by_viewer on music.notifications for delete to orchestrator_api
  using (artist_id = (select access.viewer()));
