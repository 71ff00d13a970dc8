-- Schedules: one row each, no workflow. The engine computes times and starts runs; what people do with a schedule is a function here, durable
-- with the caller's transaction.
create table orchestrator.schedules (
  namespace text not null,
  schedule_id text not null,
  version bigint not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  specification jsonb not null,
  workflow_type text not null,
  workflow_id text not null,
  input jsonb not null,
  overlap_policy text not null
    check (overlap_policy in ('Skip', 'BufferOne', 'BufferAll', 'CancelOther', 'TerminateOther', 'AllowAll')),
  catchup_window interval not null,
  pause_on_failure boolean not null,
  paused boolean not null,
  note text not null,
  remaining_actions bigint check (remaining_actions >= 0),
  cursor_at timestamptz not null,
  next_fire_at timestamptz,
  look_at timestamptz,
  watched uuid[],
  running jsonb not null default '[]',
  buffered jsonb not null default '[]',
  backfills jsonb not null default '[]',
  recent jsonb not null default '[]',
  actions bigint not null default 0,
  missed bigint not null default 0,
  skipped bigint not null default 0,
  dropped bigint not null default 0,
  problem text,
  primary key (namespace, schedule_id)
);
create index schedules_due on orchestrator.schedules (look_at) where look_at is not null;
create index schedules_watching on orchestrator.schedules (namespace, schedule_id) where watched is not null;
comment on table orchestrator.schedules is 'One row per schedule; read it through orchestrator.schedule_list and schedule_actions.';
comment on column orchestrator.schedules.namespace is 'Of the schedule and of the runs that it starts.';
comment on column orchestrator.schedules.schedule_id is 'The caller''s name for it.';
comment on column orchestrator.schedules.version is 'Grows with every change by a person and when a failure pauses it; updates may name the one that they saw.';
comment on column orchestrator.schedules.created_at is 'When it was created.';
comment on column orchestrator.schedules.updated_at is 'When a person changed it last.';
comment on column orchestrator.schedules.specification is 'When it acts: calendars, intervals, cron expressions, exclusions, zone, jitter, start, end.';
comment on column orchestrator.schedules.workflow_type is 'What it starts.';
comment on column orchestrator.schedules.workflow_id is 'Beginning of the workflow ids; a hyphen and the nominal time follow.';
comment on column orchestrator.schedules.input is 'Input of every run.';
comment on column orchestrator.schedules.overlap_policy is 'What happens when a time comes while a run is open.';
comment on column orchestrator.schedules.catchup_window is 'Times that passed unseen are made up for when they are younger.';
comment on column orchestrator.schedules.pause_on_failure is 'A run that fails or times out pauses it.';
comment on column orchestrator.schedules.paused is 'Times pass without a start.';
comment on column orchestrator.schedules.note is 'Why it is paused or not, by who did it.';
comment on column orchestrator.schedules.remaining_actions is 'Starts by time that are left; null for no limit.';
comment on column orchestrator.schedules.cursor_at is 'Nominal times up to here were dealt with.';
comment on column orchestrator.schedules.next_fire_at is 'The next time with its jitter; null while paused, and when there is none.';
comment on column orchestrator.schedules.look_at is 'When the engine looks at it next; null when only a person can make something happen.';
comment on column orchestrator.schedules.watched is 'Runs whose close the engine must act on: starts wait for it, or a failure pauses.';
comment on column orchestrator.schedules.running is 'Runs that were open at the last look.';
comment on column orchestrator.schedules.buffered is 'Starts that wait for their turn; nominal times in microseconds since the Unix epoch.';
comment on column orchestrator.schedules.backfills is 'Spans of the past that are still to be started; seconds since the Unix epoch.';
comment on column orchestrator.schedules.recent is 'The newest ten starts.';
comment on column orchestrator.schedules.actions is 'Runs that it started.';
comment on column orchestrator.schedules.missed is 'Times that were older than the catch-up window when they were seen.';
comment on column orchestrator.schedules.skipped is 'Times without a start because of an open run, a pause or no actions left.';
comment on column orchestrator.schedules.dropped is 'Times without a start because the buffer was full.';
comment on column orchestrator.schedules.problem is 'Why the engine cannot act on it now, and tries again; null when it can.';

create function orchestrator.check_schedule_found(was_found boolean, schedule_id text) returns void
language plpgsql as $$
begin
  if not was_found then
    raise exception using errcode = 'OR030', message = format('no schedule has the id %L', schedule_id);
  end if;
end
$$;

create function orchestrator.check_overlap_policy(overlap_policy text) returns void
language plpgsql immutable as $$
begin
  if overlap_policy is null
    or overlap_policy not in ('Skip', 'BufferOne', 'BufferAll', 'CancelOther', 'TerminateOther', 'AllowAll') then
    raise exception using errcode = 'OR005',
      message = 'the overlap policy must be Skip, BufferOne, BufferAll, CancelOther, TerminateOther or AllowAll';
  end if;
end
$$;

create function orchestrator.pause_schedule(schedule_id text, note text default '', namespace text default 'default') returns void
language plpgsql as $$
begin
  update orchestrator.schedules s
  set paused = true, note = left(pause_schedule.note, 4096), version = s.version + 1, updated_at = clock_timestamp(),
    next_fire_at = null, look_at = clock_timestamp()
  where s.namespace = pause_schedule.namespace and s.schedule_id = pause_schedule.schedule_id;
  perform orchestrator.check_schedule_found(found, schedule_id);
end
$$;
comment on function orchestrator.pause_schedule is 'Times pass without a start until the schedule is unpaused. Raises OR030.';

create function orchestrator.unpause_schedule(schedule_id text, note text default '', namespace text default 'default') returns void
language plpgsql as $$
begin
  update orchestrator.schedules s
  set paused = false, note = left(unpause_schedule.note, 4096), version = s.version + 1, updated_at = clock_timestamp(),
    cursor_at = case when s.paused then clock_timestamp() else s.cursor_at end, look_at = clock_timestamp()
  where s.namespace = unpause_schedule.namespace and s.schedule_id = unpause_schedule.schedule_id;
  perform orchestrator.check_schedule_found(found, schedule_id);
end
$$;
comment on function orchestrator.unpause_schedule is 'The schedule acts at its times again, from now on. Raises OR030.';

-- Every trigger is a start of its own, however many come in one microsecond: its time is part of the workflow id.
create function orchestrator.trigger_schedule(
  schedule_id text, overlap_policy text default 'AllowAll', namespace text default 'default'
) returns void
language plpgsql as $$
declare
  v_waiting integer;
begin
  perform orchestrator.check_overlap_policy(overlap_policy);
  update orchestrator.schedules s
  set look_at = clock_timestamp(), buffered = s.buffered || jsonb_build_array(jsonb_build_object(
    'nominal', greatest(
      floor(extract(epoch from clock_timestamp()) * 1000000)::bigint,
      (select max((b ->> 'nominal')::bigint) + 1 from jsonb_array_elements(s.buffered) b)),
    'overlap', trigger_schedule.overlap_policy, 'manual', true))
  where s.namespace = trigger_schedule.namespace and s.schedule_id = trigger_schedule.schedule_id
  returning jsonb_array_length(s.buffered) into v_waiting;
  perform orchestrator.check_schedule_found(found, schedule_id);
  if v_waiting > 2000 then
    raise exception using errcode = 'OR005', message = format('schedule %L has 2000 starts waiting already', schedule_id);
  end if;
end
$$;
comment on function orchestrator.trigger_schedule is
  'Starts a run of the schedule now, also while it is paused; by default whatever else runs. Raises OR005, OR030.';

create function orchestrator.backfill_schedule(
  schedule_id text, start_time timestamptz, end_time timestamptz, overlap_policy text default 'BufferAll', namespace text default 'default'
) returns void
language plpgsql as $$
declare
  v_waiting integer;
begin
  perform orchestrator.check_overlap_policy(overlap_policy);
  if start_time is null or end_time is null or start_time > end_time or end_time > clock_timestamp() then
    raise exception using errcode = 'OR005', message = 'a backfill goes from a start to an end behind it, both in the past';
  end if;
  update orchestrator.schedules s
  set look_at = clock_timestamp(), backfills = s.backfills || jsonb_build_array(jsonb_build_object(
    'after', ceil(extract(epoch from backfill_schedule.start_time))::bigint - 1,
    'through', floor(extract(epoch from backfill_schedule.end_time))::bigint, 'overlap', backfill_schedule.overlap_policy))
  where s.namespace = backfill_schedule.namespace and s.schedule_id = backfill_schedule.schedule_id
  returning jsonb_array_length(s.backfills) into v_waiting;
  perform orchestrator.check_schedule_found(found, schedule_id);
  if v_waiting > 100 then
    raise exception using errcode = 'OR005', message = format('schedule %L has 100 backfills waiting already', schedule_id);
  end if;
end
$$;
comment on function orchestrator.backfill_schedule is
  'Starts a run for each of the schedule''s times in a span of the past, by default one after another. Raises OR005, OR030.';

create function orchestrator.delete_schedule(schedule_id text, namespace text default 'default') returns void
language plpgsql as $$
begin
  delete from orchestrator.schedules s where s.namespace = delete_schedule.namespace and s.schedule_id = delete_schedule.schedule_id;
  perform orchestrator.check_schedule_found(found, schedule_id);
end
$$;
comment on function orchestrator.delete_schedule is 'Removes a schedule; its runs go on. Raises OR030.';

-- For the engine: false when the workflow id is in use, which must not undo the starts beside it.
create function orchestrator.start_scheduled_workflow(
  workflow_type text, workflow_id text, input jsonb, run_id uuid, namespace text, schedule_id text
) returns boolean
language plpgsql as $$
begin
  if orchestrator.open_run(workflow_id, namespace) is not null or exists (
    select from orchestrator.inbox i
    where i.kind = 1 and i.workflow_id = start_scheduled_workflow.workflow_id and i.namespace = start_scheduled_workflow.namespace) then
    return false;
  end if;
  perform orchestrator.start_workflow(
    workflow_type => start_scheduled_workflow.workflow_type, workflow_id => start_scheduled_workflow.workflow_id,
    input => start_scheduled_workflow.input, run_id => start_scheduled_workflow.run_id,
    namespace => start_scheduled_workflow.namespace, identity => 'schedule/' || start_scheduled_workflow.schedule_id);
  return true;
end
$$;
comment on function orchestrator.start_scheduled_workflow is 'Starts a run for a schedule; false when its workflow id has an open run.';

-- For the engine: the run may have closed since it was looked at, which is as good.
create function orchestrator.end_scheduled_workflow(
  workflow_id text, must_terminate boolean, namespace text, schedule_id text
) returns void
language plpgsql as $$
begin
  if must_terminate then
    perform orchestrator.terminate_workflow(
      workflow_id => end_scheduled_workflow.workflow_id, reason => 'the next run of its schedule begins',
      namespace => end_scheduled_workflow.namespace, identity => 'schedule/' || end_scheduled_workflow.schedule_id);
  else
    perform orchestrator.cancel_workflow(
      workflow_id => end_scheduled_workflow.workflow_id, reason => 'the next run of its schedule waits',
      namespace => end_scheduled_workflow.namespace, identity => 'schedule/' || end_scheduled_workflow.schedule_id);
  end if;
exception
  when sqlstate 'OR003' or sqlstate 'OR004' then null;
end
$$;
comment on function orchestrator.end_scheduled_workflow is 'Ends the open run of a schedule for the next one.';

create view orchestrator.schedule_list as
select s.namespace, s.schedule_id, s.workflow_type, s.workflow_id, s.specification, s.overlap_policy, s.catchup_window, s.pause_on_failure,
  s.paused, s.note, s.remaining_actions, s.next_fire_at, (s.recent -> 0 ->> 'startedAt')::timestamptz as last_started_at,
  (select count(*) from jsonb_array_elements(s.running) r
    where orchestrator.open_run(r ->> 'workflowId', s.namespace) is not null) as open_runs,
  jsonb_array_length(s.buffered) as buffered, jsonb_array_length(s.backfills) as backfills,
  s.actions, s.missed, s.skipped, s.dropped, s.problem, s.version, s.created_at, s.updated_at
from orchestrator.schedules s;
comment on view orchestrator.schedule_list is 'Every schedule: when it acts, what it starts, how it stands.';

create view orchestrator.schedule_actions as
select s.namespace, s.schedule_id, (a ->> 'scheduledAt')::timestamptz as scheduled_at, (a ->> 'startedAt')::timestamptz as started_at,
  a ->> 'workflowId' as workflow_id, (a ->> 'runId')::uuid as run_id, w.status
from orchestrator.schedules s
cross join lateral jsonb_array_elements(s.recent) a
left join orchestrator.workflows w on w.run_id = (a ->> 'runId')::uuid;
comment on view orchestrator.schedule_actions is 'The newest ten starts of every schedule; the status is null where the run is not begun yet or removed.';
