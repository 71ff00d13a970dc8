-- Webhooks: each event becomes one delivery for every endpoint that wants it, in the transaction of what it tells of. A delivery is a workflow,
-- which knows its id only: addresses and secrets are read from here at each attempt.
create table events.webhook_endpoints (
  id uuid primary key default gen_random_uuid(),
  user_id text not null check (octet_length(user_id) between 1 and 255),
  sees_all boolean not null,
  url text not null check (octet_length(url) between 8 and 2048),
  description text check (char_length(description) <= 500),
  event_types text[] check (cardinality(event_types) between 1 and 50),
  secret text not null,
  previous_secret text,
  previous_until timestamptz,
  disabled_at timestamptz,
  disabled_because text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhook_endpoints_of_user on events.webhook_endpoints (user_id, created_at);
create index webhook_endpoints_seeing_all on events.webhook_endpoints (created_at) where sees_all;
comment on table events.webhook_endpoints is 'Where events are sent, signed by Standard Webhooks.';
comment on column events.webhook_endpoints.id is 'Names the endpoint.';
comment on column events.webhook_endpoints.user_id is 'Whose it is.';
comment on column events.webhook_endpoints.sees_all is 'Whether it gets the events of all users; for other programs and operators.';
comment on column events.webhook_endpoints.url is 'Where the events are posted to.';
comment on column events.webhook_endpoints.description is 'What it is for, in its owner''s words.';
comment on column events.webhook_endpoints.event_types is 'Which types it gets, by name or as track.*; null for all.';
comment on column events.webhook_endpoints.secret is 'What deliveries are signed with; shown once.';
comment on column events.webhook_endpoints.previous_secret is 'The one before, which signs beside it for a day.';
comment on column events.webhook_endpoints.previous_until is 'Until when it does.';
comment on column events.webhook_endpoints.disabled_at is 'Since when nothing is sent; null while it is in use.';
comment on column events.webhook_endpoints.disabled_because is 'Why, when it was not its owner.';
comment on column events.webhook_endpoints.created_at is 'When it was made.';
comment on column events.webhook_endpoints.updated_at is 'When it was changed.';

create table events.webhook_deliveries (
  id uuid primary key,
  number bigint generated always as identity,
  endpoint_id uuid not null references events.webhook_endpoints (id) on delete cascade,
  type text not null,
  document text not null,
  status text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED')),
  attempts integer not null default 0,
  last_status integer,
  last_error text check (char_length(last_error) <= 500),
  last_attempt_at timestamptz,
  next_attempt_at timestamptz,
  created_at timestamptz not null default now()
) with (fillfactor = 80);
create index webhook_deliveries_of_endpoint on events.webhook_deliveries (endpoint_id, number desc);
create index webhook_deliveries_failed on events.webhook_deliveries (endpoint_id, created_at) where status = 'FAILED';
create index webhook_deliveries_by_age on events.webhook_deliveries (created_at);
comment on table events.webhook_deliveries is 'One event on its way to one endpoint; kept for 30 days.';
comment on column events.webhook_deliveries.id is 'Its webhook-id is made of this, the same in every attempt.';
comment on column events.webhook_deliveries.number is 'Order of the deliveries.';
comment on column events.webhook_deliveries.endpoint_id is 'Where it goes.';
comment on column events.webhook_deliveries.type is 'What happened.';
comment on column events.webhook_deliveries.document is 'The body that is sent.';
comment on column events.webhook_deliveries.status is 'PENDING while attempts are left.';
comment on column events.webhook_deliveries.attempts is 'How often it was tried since it was made or replayed.';
comment on column events.webhook_deliveries.last_status is 'What the last attempt was answered with; null without an answer.';
comment on column events.webhook_deliveries.last_error is 'Why the last attempt failed.';
comment on column events.webhook_deliveries.last_attempt_at is 'When it ended.';
comment on column events.webhook_deliveries.next_attempt_at is 'When the next is due.';
comment on column events.webhook_deliveries.created_at is 'When the event happened.';

create function events.deliver(p_endpoint_id uuid, p_type text, p_document text) returns uuid language plpgsql as $$
declare
  v_id uuid := gen_random_uuid();
begin
  insert into events.webhook_deliveries (id, endpoint_id, type, document) values (v_id, p_endpoint_id, p_type, p_document);
  perform orchestrator.start_workflow('DeliverWebhook', 'webhook-' || v_id, jsonb_build_object('deliveryID', v_id));
  return v_id;
end
$$;
comment on function events.deliver(uuid, text, text) is 'Makes a delivery and starts its workflow, both or neither.';

create function events.document(p_type text, p_data jsonb) returns text language sql stable as $$
  select json_build_object(
    'type', p_type, 'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', jsonb_strip_nulls(p_data)
  )::text
$$;
comment on function events.document(text, jsonb) is 'What is told of an event, on streams and in webhooks.';

create or replace function events.emit(p_user_id text, p_type text, p_data jsonb) returns void language plpgsql as $$
declare
  v_document text := events.document(p_type, p_data);
begin
  insert into events.log (user_id, type, document) values (p_user_id, p_type, v_document);
  -- What goes wrong with deliveries must not make further ones.
  if p_data ->> 'workflowType' = 'DeliverWebhook' then
    return;
  end if;
  perform events.deliver(e.id, p_type, v_document)
    from events.webhook_endpoints e
    where (e.sees_all or e.user_id = p_user_id) and e.disabled_at is null
      and (e.event_types is null or p_type = any(e.event_types) or split_part(p_type, '.', 1) || '.*' = any(e.event_types));
end
$$;
comment on function events.emit(text, text, jsonb) is
  'Adds an event and its deliveries in the transaction of what it tells of; without a user it concerns operators only.';

create function events.replay(p_delivery_id uuid) returns boolean language plpgsql as $$
begin
  update events.webhook_deliveries set status = 'PENDING', attempts = 0, next_attempt_at = null where id = p_delivery_id;
  perform orchestrator.start_workflow('DeliverWebhook', 'webhook-' || p_delivery_id, jsonb_build_object('deliveryID', p_delivery_id));
  return true;
exception
  -- It is on its way.
  when sqlstate 'OR002' then return false;
end
$$;
comment on function events.replay(uuid) is 'Begins a delivery anew; false, and nothing changed, while its workflow runs.';

create function events.replay_failed(p_endpoint_id uuid, p_since timestamptz, p_until timestamptz, p_limit integer) returns integer
language sql as $$
  select count(*) filter (where events.replay(f.id))::integer
  from (
    select d.id from events.webhook_deliveries d
    where d.endpoint_id = p_endpoint_id and d.status = 'FAILED' and d.created_at >= p_since and d.created_at < p_until
    order by d.created_at limit p_limit) f
$$;
comment on function events.replay_failed(uuid, timestamptz, timestamptz, integer) is
  'Begins the failed deliveries of a span of time anew, the oldest first; how many.';

alter table events.webhook_endpoints enable row level security;
alter table events.webhook_deliveries enable row level security;
grant select (
  id, user_id, sees_all, url, description, event_types, previous_until, disabled_at, disabled_because, created_at, updated_at
) on events.webhook_endpoints to orchestrator_api;
grant select on events.webhook_deliveries to orchestrator_api;
create policy webhook_endpoints_of_viewer on events.webhook_endpoints for select to orchestrator_api using (
  user_id = (select access.viewer()));
-- Whoever sees the endpoint sees these.
create policy webhook_deliveries_of_viewer on events.webhook_deliveries for select to orchestrator_api using (
  exists (select from events.webhook_endpoints e where e.id = endpoint_id));
