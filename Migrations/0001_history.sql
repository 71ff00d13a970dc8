-- Histories: append-only. A run is one row at its start, one row at its end, and one row per event between; nothing here is ever updated
-- but `run_states`, which holds the newest state of a run.

-- The slot of a workflow id: the first byte of SHA-256("namespace/workflow id"). Swift, Python and SQL compute the same.
create function orchestrator.slot_of(namespace text, workflow_id text) returns smallint
language sql immutable parallel safe
return get_byte(sha256(convert_to(namespace || '/' || workflow_id, 'UTF8')), 0)::smallint;

-- A UUID version 7 of this moment (RFC 9562): version 4's random bits under the time in milliseconds.
create function orchestrator.new_run_id() returns uuid
language sql volatile parallel safe
return encode(
  set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
      placing substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid;

-- Raises one of the engine's own errors; statements call it from a branch that is taken only when a rule is broken.
create function orchestrator.refuse(code text, reason text, subject text default null) returns void
language plpgsql as $$
begin
  raise exception using errcode = code, message = reason, detail = coalesce(subject, '');
end
$$;

create table orchestrator.runs (
  run_id uuid primary key,
  slot smallint not null,
  namespace text not null,
  workflow_id text not null,
  workflow_type text not null,
  started_at timestamptz not null
);
create index runs_by_workflow_id on orchestrator.runs (workflow_id, namespace);
comment on table orchestrator.runs is 'One row per workflow execution, written when it starts and never changed.';
comment on column orchestrator.runs.run_id is 'UUID version 7: identifiers grow with time, so rows go to the right edge of every index.';
comment on column orchestrator.runs.slot is 'Unit of ownership, orchestrator.slot_of(namespace, workflow_id).';
comment on column orchestrator.runs.namespace is 'Separates the workflow ids of tenants; default ''default''.';
comment on column orchestrator.runs.workflow_id is 'The caller''s name for the execution; at most one run of a workflow id is open.';
comment on column orchestrator.runs.workflow_type is 'Name of the registered workflow.';
comment on column orchestrator.runs.started_at is 'When the start event was recorded.';

create table orchestrator.history (
  run_id uuid not null,
  event_id integer not null,
  slot smallint not null,
  type smallint not null,
  at timestamptz not null,
  caused_by integer not null,
  attributes bytea not null,
  primary key (run_id, event_id)
) with (toast_tuple_target = 8160);
comment on table orchestrator.history is 'One row per event, written once by the owner of the run''s slot; event ids have no gaps.';
comment on column orchestrator.history.run_id is 'The execution.';
comment on column orchestrator.history.event_id is '1 for the first event of the run, without gaps.';
comment on column orchestrator.history.slot is 'Unit of ownership; lets the table be distributed.';
comment on column orchestrator.history.type is 'Number of the event type (Temporal''s EventType); orchestrator.event_types names it.';
comment on column orchestrator.history.at is 'PostgreSQL''s time as the owner knew it when the event was applied; workflow code sees it as now.';
comment on column orchestrator.history.caused_by is
  'For what workflow code did: the event that made it do so. For answers: the event that asked. 0: from outside.';
comment on column orchestrator.history.attributes is 'UTF-8 JSON object; read it through orchestrator.events.';

create table orchestrator.closes (
  run_id uuid primary key,
  slot smallint not null,
  status smallint not null,
  closed_at timestamptz not null,
  last_event_id integer not null,
  outcome bytea
);
comment on table orchestrator.closes is 'One row per ended execution; a run without one is open.';
comment on column orchestrator.closes.run_id is 'The execution.';
comment on column orchestrator.closes.slot is 'Unit of ownership.';
comment on column orchestrator.closes.status is '2 Completed, 3 Failed, 4 Canceled, 5 Terminated (Temporal''s WorkflowExecutionStatus).';
comment on column orchestrator.closes.closed_at is 'When the closing event was recorded.';
comment on column orchestrator.closes.last_event_id is 'Number of events of the run.';
comment on column orchestrator.closes.outcome is 'UTF-8 JSON: the result of a completed run, the failure of a failed one, else null.';

create table orchestrator.run_states (
  run_id uuid primary key,
  event_id integer not null,
  state bytea not null
) with (fillfactor = 80);
comment on table orchestrator.run_states is 'The state value of a run, written in the batch that changed it: queries are answered from here.';
comment on column orchestrator.run_states.run_id is 'The execution.';
comment on column orchestrator.run_states.event_id is 'Last event the state has seen.';
comment on column orchestrator.run_states.state is 'UTF-8 JSON of the workflow''s State.';

create table orchestrator.timers (
  slot smallint not null,
  due_at timestamptz not null,
  run_id uuid not null,
  sequence integer not null,
  kind smallint not null,
  primary key (slot, due_at, run_id, sequence)
);
comment on table orchestrator.timers is 'What must happen at a time: timers of workflow code and delayed attempts of activities.';
comment on column orchestrator.timers.slot is 'Unit of ownership.';
comment on column orchestrator.timers.due_at is 'Not before this time by PostgreSQL''s clock.';
comment on column orchestrator.timers.run_id is 'The execution.';
comment on column orchestrator.timers.sequence is 'The timer''s or activity''s sequence number in its run.';
comment on column orchestrator.timers.kind is '1 timer of workflow code, 2 next attempt of an activity.';

create table orchestrator.parked_runs (
  run_id uuid primary key,
  slot smallint not null,
  parked_at timestamptz not null,
  waits_for text not null
);
comment on table orchestrator.parked_runs is
  'Open runs with nothing in flight in their owner''s process: a new owner leaves them alone until something comes for them.';
comment on column orchestrator.parked_runs.run_id is 'The execution.';
comment on column orchestrator.parked_runs.slot is 'Unit of ownership.';
comment on column orchestrator.parked_runs.parked_at is 'Since when.';
comment on column orchestrator.parked_runs.waits_for is 'What it waits for, in words.';

create table orchestrator.blocked_runs (
  run_id uuid primary key,
  slot smallint not null,
  blocked_at timestamptz not null,
  code text not null,
  reason text not null,
  build text not null,
  attempts integer not null,
  last_event_unapplied boolean not null
);
comment on table orchestrator.blocked_runs is
  'Open runs that the code at hand cannot continue; their messages wait in the inbox. They are tried again, at once by a new build.';
comment on column orchestrator.blocked_runs.run_id is 'The execution.';
comment on column orchestrator.blocked_runs.slot is 'Unit of ownership.';
comment on column orchestrator.blocked_runs.blocked_at is 'When it was found blocked first.';
comment on column orchestrator.blocked_runs.code is 'Stable code of the error, a page each in docs/errors.';
comment on column orchestrator.blocked_runs.reason is 'What happened, where, and what to do.';
comment on column orchestrator.blocked_runs.build is 'The build that could not continue it.';
comment on column orchestrator.blocked_runs.last_event_unapplied is 'The code has not seen the last event of the history yet.';
comment on column orchestrator.blocked_runs.attempts is 'How often it was tried.';
