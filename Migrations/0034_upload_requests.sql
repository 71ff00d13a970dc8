-- Uploads that go straight to the store: what was announced, from its presigned URL until a day after that expired.
create table music.upload_requests (
  id uuid primary key,
  artist_id text not null check (octet_length(artist_id) between 1 and 255),
  object_key text not null unique check (octet_length(object_key) between 1 and 512),
  file_name text check (char_length(file_name) <= 255),
  media_type text not null,
  size_bytes bigint not null check (size_bytes > 0),
  form jsonb not null check (octet_length(form::text) <= 524288),
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index upload_requests_of_artist on music.upload_requests (artist_id, expires_at);
create index upload_requests_by_end on music.upload_requests (expires_at);
comment on table music.upload_requests is 'An upload that its artist sends to the store without us; the track of the same id is made when the object is there.';
comment on column music.upload_requests.id is 'Of the track that it becomes.';
comment on column music.upload_requests.artist_id is 'Who asked, and will own the track.';
comment on column music.upload_requests.object_key is 'Where the presigned URL stores the file.';
comment on column music.upload_requests.file_name is 'What the client calls its file, for people only.';
comment on column music.upload_requests.media_type is 'Signed into the URL.';
comment on column music.upload_requests.size_bytes is 'Signed into the URL.';
comment on column music.upload_requests.form is 'Title, language, tags and lyrics as they were sent, checked.';
comment on column music.upload_requests.requested_at is 'When the URL was made.';
comment on column music.upload_requests.expires_at is 'When the URL ends.';

alter table music.upload_requests enable row level security;
grant select on music.upload_requests to orchestrator_api;
create policy upload_requests_of_viewer on music.upload_requests for select to orchestrator_api using (
  artist_id = (select access.viewer()));
