-- Activities that leave their owner's process: leased in batches by workers of other processes with FOR UPDATE SKIP LOCKED.
create sequence orchestrator.lease_tokens cache 32;

create table orchestrator.activity_tasks (
  run_id uuid not null,
  sequence integer not null,
  slot smallint not null,
  namespace text not null,
  workflow_id text not null,
  task_queue text not null,
  activity_type text not null,
  input bytea not null,
  options bytea,
  scheduled_at timestamptz not null,
  state smallint not null default 0,
  visible_at timestamptz not null default now(),
  attempt integer not null default 1,
  lease_token bigint not null default 0,
  lease_expires_at timestamptz,
  started_at timestamptz,
  worker text,
  heartbeat_at timestamptz,
  heartbeat_details bytea,
  cancel_requested boolean not null default false,
  start_within interval,
  close_by timestamptz,
  due_at timestamptz,
  primary key (run_id, sequence)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index activity_tasks_ready on orchestrator.activity_tasks (task_queue, visible_at) where state = 0;
create index activity_tasks_leased on orchestrator.activity_tasks (lease_expires_at) where state = 1;
create index activity_tasks_due on orchestrator.activity_tasks (due_at) where due_at is not null;
comment on table orchestrator.activity_tasks is 'Pending activities of other processes'' workers: one row from scheduling to the outcome.';
comment on column orchestrator.activity_tasks.run_id is 'The execution.';
comment on column orchestrator.activity_tasks.sequence is 'The activity''s sequence number in its run.';
comment on column orchestrator.activity_tasks.slot is 'Unit of ownership: where the outcome goes.';
comment on column orchestrator.activity_tasks.namespace is 'Namespace of the workflow id.';
comment on column orchestrator.activity_tasks.workflow_id is 'Workflow id, for the worker''s information.';
comment on column orchestrator.activity_tasks.task_queue is 'Which workers may lease it.';
comment on column orchestrator.activity_tasks.activity_type is 'Name of the activity.';
comment on column orchestrator.activity_tasks.input is 'UTF-8 JSON.';
comment on column orchestrator.activity_tasks.options is 'UTF-8 JSON of timeouts and retry policy; null for the standard ones.';
comment on column orchestrator.activity_tasks.scheduled_at is 'When workflow code asked for it.';
comment on column orchestrator.activity_tasks.state is '0 ready or waiting for visible_at, 1 leased.';
comment on column orchestrator.activity_tasks.visible_at is 'Not leased before: the backoff of a retry.';
comment on column orchestrator.activity_tasks.attempt is 'The current or next attempt, 1 for the first.';
comment on column orchestrator.activity_tasks.lease_token is 'Drawn anew by every lease: an outcome with another token is refused.';
comment on column orchestrator.activity_tasks.lease_expires_at is 'Without a heartbeat until then the attempt has failed.';
comment on column orchestrator.activity_tasks.started_at is 'When the current attempt was leased.';
comment on column orchestrator.activity_tasks.worker is 'Who holds or held the lease.';
comment on column orchestrator.activity_tasks.heartbeat_at is 'Last sign of life of the attempt.';
comment on column orchestrator.activity_tasks.heartbeat_details is 'UTF-8 JSON, handed to the next attempt.';
comment on column orchestrator.activity_tasks.start_within is 'Schedule-to-start timeout of each attempt; null for none.';
comment on column orchestrator.activity_tasks.close_by is 'Schedule-to-close deadline; null for none.';
comment on column orchestrator.activity_tasks.due_at is 'The next of these two deadlines; null for none.';
comment on column orchestrator.activity_tasks.cancel_requested is 'The workflow no longer waits for it; the next heartbeat tells the worker.';

create table orchestrator.activity_attempts (
  run_id uuid not null,
  sequence integer not null,
  attempt integer not null,
  slot smallint not null,
  activity_type text not null,
  worker text not null,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  failure bytea not null,
  worker_lost boolean not null,
  forgiven boolean not null default false,
  next_attempt_at timestamptz,
  primary key (run_id, sequence, attempt)
);
comment on table orchestrator.activity_attempts is 'Every attempt that failed, with its error: what the history, which is replayed, does not carry.';
comment on column orchestrator.activity_attempts.run_id is 'The execution.';
comment on column orchestrator.activity_attempts.sequence is 'The activity''s sequence number in its run.';
comment on column orchestrator.activity_attempts.attempt is '1 for the first.';
comment on column orchestrator.activity_attempts.slot is 'Unit of ownership.';
comment on column orchestrator.activity_attempts.activity_type is 'Name of the activity.';
comment on column orchestrator.activity_attempts.worker is 'The process that ran it.';
comment on column orchestrator.activity_attempts.started_at is 'When the attempt began.';
comment on column orchestrator.activity_attempts.ended_at is 'When its failure was known.';
comment on column orchestrator.activity_attempts.failure is 'UTF-8 JSON of the failure.';
comment on column orchestrator.activity_attempts.worker_lost is 'The process died; such attempts do not count against the retry policy.';
comment on column orchestrator.activity_attempts.forgiven is 'An operator gave the activity new attempts after it.';
comment on column orchestrator.activity_attempts.next_attempt_at is 'When the next one is due; null when this was the last.';

create table orchestrator.activity_heartbeats (
  run_id uuid not null,
  sequence integer not null,
  at timestamptz not null,
  details bytea not null,
  primary key (run_id, sequence)
) with (fillfactor = 50);
comment on table orchestrator.activity_heartbeats is 'Newest heartbeat details of activities that run in their owner''s process.';
comment on column orchestrator.activity_heartbeats.run_id is 'The execution.';
comment on column orchestrator.activity_heartbeats.sequence is 'The activity''s sequence number in its run.';
comment on column orchestrator.activity_heartbeats.at is 'When they were stored.';
comment on column orchestrator.activity_heartbeats.details is 'UTF-8 JSON, handed to the next attempt.';

create table orchestrator.parked_activities (
  run_id uuid not null,
  sequence integer not null,
  slot smallint not null,
  activity_type text not null,
  parked_at timestamptz not null,
  attempts integer not null,
  retry_state text not null,
  failure bytea not null,
  primary key (run_id, sequence)
);
comment on table orchestrator.parked_activities is
  'Activities that ran out of attempts and wait for an operator: retry, complete or fail them by hand. Their workflows stand still there.';
comment on column orchestrator.parked_activities.run_id is 'The execution.';
comment on column orchestrator.parked_activities.sequence is 'The activity''s sequence number in its run.';
comment on column orchestrator.parked_activities.slot is 'Unit of ownership.';
comment on column orchestrator.parked_activities.activity_type is 'Name of the activity.';
comment on column orchestrator.parked_activities.parked_at is 'Since when.';
comment on column orchestrator.parked_activities.attempts is 'How many attempts failed.';
comment on column orchestrator.parked_activities.retry_state is 'Why there is no further attempt.';
comment on column orchestrator.parked_activities.failure is 'UTF-8 JSON of the last failure.';
