-- Runs that go on from a part of another run's history.
create table orchestrator.resets (
  run_id uuid primary key,
  base_run_id uuid not null,
  slot smallint not null,
  event_id integer not null,
  is_fork boolean not null,
  at timestamptz not null,
  reason text not null,
  identity text not null,
  refused_code text,
  refused_reason text
);
create index resets_by_base on orchestrator.resets (base_run_id, run_id);
comment on table orchestrator.resets is 'What became of requests to go on from a part of a run''s history, one row each, never changed.';
comment on column orchestrator.resets.run_id is 'The new run, as the request names it: the same again is the same request.';
comment on column orchestrator.resets.base_run_id is 'The run whose history was copied.';
comment on column orchestrator.resets.slot is 'Unit of ownership of the new run.';
comment on column orchestrator.resets.event_id is 'The last event that was copied; 0 when the request was refused.';
comment on column orchestrator.resets.is_fork is 'The new run has a workflow id of its own, and the base run went on as it was.';
comment on column orchestrator.resets.at is 'When it was decided.';
comment on column orchestrator.resets.reason is 'Why, as the request says.';
comment on column orchestrator.resets.identity is 'Who asked for it.';
comment on column orchestrator.resets.refused_code is 'Name of the error; null when the new run stands.';
comment on column orchestrator.resets.refused_reason is 'Why it was refused, and what to do.';

comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, '
  '8 outcome of a child, 9 update, 10 from a run to a workflow id, 11 its answer, 20 reset.';

create view orchestrator.workflow_resets as
select x.run_id, x.base_run_id, b.namespace as base_namespace, b.workflow_id as base_workflow_id, x.event_id, x.is_fork, x.at, x.reason,
  x.identity, x.refused_code, x.refused_reason
from orchestrator.resets x left join orchestrator.runs b on b.run_id = x.base_run_id;
comment on view orchestrator.workflow_resets is 'Runs that go on from a part of another''s history, and requests for such that were refused.';

create function orchestrator.check_reset(point text, exclude text) returns void
language plpgsql immutable as $$
begin
  if point is null or point !~ '^([1-9][0-9]{0,8}|first|last-activity|before-failure)$' then
    raise exception using errcode = 'OR005',
      message = format('the point must be the number of an event, first, last-activity or before-failure, not %L', point);
  end if;
  if coalesce(exclude, '') !~ '^((signals|updates)(,(signals|updates))*)?$' then
    raise exception using errcode = 'OR005', message = format('what can be excluded are signals and updates, not %L', exclude);
  end if;
end
$$;

-- No lock of the run's row: a closed run is reset like an open one, so the message may overtake or follow its close.
create function orchestrator.reset_workflow(
  workflow_id text, point text, base_run_id uuid default null, new_run_id uuid default null, exclude text default '',
  reason text default '', namespace text default 'default', identity text default current_user
) returns uuid
language plpgsql as $$
declare
  v_base uuid;
  v_new uuid := coalesce(reset_workflow.new_run_id, orchestrator.new_run_id());
begin
  perform orchestrator.check_reset(point, exclude);
  select r.run_id into v_base from orchestrator.runs r
  where r.workflow_id = reset_workflow.workflow_id and r.namespace = reset_workflow.namespace
    and r.run_id = coalesce(reset_workflow.base_run_id, r.run_id)
  order by r.run_id desc limit 1;
  if not found then
    raise exception using errcode = 'OR003', message = format('no workflow has the id %L', workflow_id);
  end if;
  if exists (select from orchestrator.resets x where x.run_id = v_new) then
    return v_new;
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, attributes)
  values (orchestrator.slot_of(reset_workflow.namespace, reset_workflow.workflow_id), v_base, 20::smallint, convert_to(json_build_object(
    'baseRunId', v_base, 'newRunId', v_new, 'namespace', reset_workflow.namespace, 'workflowId', reset_workflow.workflow_id,
    'mode', 'reset', 'point', point, 'exclude', coalesce(exclude, ''), 'reason', left(reason, 4096), 'identity', identity)::text, 'UTF8'));
  return v_new;
end
$$;
comment on function orchestrator.reset_workflow is
  'Lets a workflow id go on from a part of a run''s history, with the caller''s transaction: a new run begins with a copy of it, an open one ends. '
  'Returns the new run''s id; the same new_run_id again is the same request. orchestrator.workflow_resets tells what became of it. Raises OR003, OR005.';

create function orchestrator.fork_workflow(
  workflow_id text, new_workflow_id text, point text, base_run_id uuid default null, new_run_id uuid default null,
  exclude text default 'signals,updates', reason text default '', namespace text default 'default', identity text default current_user
) returns uuid
language plpgsql as $$
declare
  v_base uuid;
  v_new uuid := coalesce(fork_workflow.new_run_id, orchestrator.new_run_id());
begin
  perform orchestrator.check_name('workflow id', new_workflow_id);
  perform orchestrator.check_reset(point, exclude);
  select r.run_id into v_base from orchestrator.runs r
  where r.workflow_id = fork_workflow.workflow_id and r.namespace = fork_workflow.namespace
    and r.run_id = coalesce(fork_workflow.base_run_id, r.run_id)
  order by r.run_id desc limit 1;
  if not found then
    raise exception using errcode = 'OR003', message = format('no workflow has the id %L', workflow_id);
  end if;
  if exists (select from orchestrator.resets x where x.run_id = v_new) then
    return v_new;
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, attributes)
  values (orchestrator.slot_of(fork_workflow.namespace, new_workflow_id), v_new, 20::smallint, convert_to(json_build_object(
    'baseRunId', v_base, 'newRunId', v_new, 'namespace', fork_workflow.namespace, 'workflowId', new_workflow_id,
    'mode', 'fork', 'point', point, 'exclude', coalesce(exclude, ''), 'reason', left(reason, 4096), 'identity', identity)::text, 'UTF8'));
  return v_new;
end
$$;
comment on function orchestrator.fork_workflow is
  'Begins a run of another workflow id with a copy of a part of a run''s history, with the caller''s transaction; that run goes on as it is. '
  'Returns the new run''s id; the same new_run_id again is the same request. Raises OR003, OR005.';
