-- Everything that comes from outside a run's owner: acknowledged when it is here, moved to the history by the owner in its own batch.
create table orchestrator.inbox (
  message_id bigint generated always as identity primary key,
  slot smallint not null,
  run_id uuid not null,
  kind smallint not null,
  workflow_id text,
  namespace text,
  at timestamptz not null default now(),
  attributes bytea not null
);
create index inbox_by_run on orchestrator.inbox (run_id);
create index inbox_starts on orchestrator.inbox (workflow_id, namespace) where kind = 1;
comment on table orchestrator.inbox is 'Acknowledged messages that are not yet in a history.';
comment on column orchestrator.inbox.message_id is 'Order of arrival.';
comment on column orchestrator.inbox.slot is 'Unit of ownership: whose owner takes it.';
comment on column orchestrator.inbox.run_id is 'The execution it is for.';
comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again.';
comment on column orchestrator.inbox.workflow_id is 'Of a start: the workflow id.';
comment on column orchestrator.inbox.namespace is 'Of a start: the namespace.';
comment on column orchestrator.inbox.at is 'When it was acknowledged.';
comment on column orchestrator.inbox.attributes is 'UTF-8 JSON object: the event''s attributes.';
