-- Runs that stand still until somebody lets them go on.
insert into orchestrator.event_types (type, name) values (58, 'WorkflowExecutionPaused'), (59, 'WorkflowExecutionUnpaused');

create table orchestrator.paused_runs (
  run_id uuid primary key,
  slot smallint not null,
  paused_at timestamptz not null,
  reason text not null,
  identity text not null
);
comment on table orchestrator.paused_runs is 'Open runs that are paused: their code sees nothing, what comes for them waits.';
comment on column orchestrator.paused_runs.run_id is 'The execution.';
comment on column orchestrator.paused_runs.slot is 'Unit of ownership.';
comment on column orchestrator.paused_runs.paused_at is 'Since when.';
comment on column orchestrator.paused_runs.reason is 'Why, as who paused it says.';
comment on column orchestrator.paused_runs.identity is 'Who paused it.';

comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, '
  '8 outcome of a child, 9 update, 10 from a run to a workflow id, 11 its answer, 20 reset, 21 pause or unpause.';

create or replace view orchestrator.workflows as
select r.run_id, r.namespace, r.workflow_id, r.workflow_type, r.slot, r.started_at, c.closed_at,
  case when c.status is not null then
    case c.status when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Canceled' when 5 then 'Terminated' when 6 then 'ContinuedAsNew' end
    when b.run_id is not null then 'Blocked' when u.run_id is not null then 'Paused' else 'Running' end as status,
  case when c.outcome is not null then convert_from(c.outcome, 'UTF8')::jsonb end as outcome,
  case when s.state is not null then convert_from(s.state, 'UTF8')::jsonb end as state,
  c.last_event_id as events,
  p.waits_for, p.parked_at, b.code as blocked_code, b.reason as blocked_reason, b.blocked_at, u.paused_at, u.reason as paused_reason,
  u.identity as paused_by
from orchestrator.runs r
left join orchestrator.closes c using (run_id)
left join orchestrator.run_states s using (run_id)
left join orchestrator.parked_runs p using (run_id)
left join orchestrator.blocked_runs b using (run_id)
left join orchestrator.paused_runs u using (run_id);
comment on view orchestrator.workflows is
  'Every run with its status: Running, Paused, Blocked, Completed, Failed, Canceled, Terminated, ContinuedAsNew.';

create function orchestrator.pause_workflow(
  workflow_id text, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language sql
begin atomic
  select orchestrator.send_message(workflow_id, namespace, 21::smallint, json_build_object(
    'action', 'pause', 'reason', left(reason, 4096), 'identity', identity));
end;
comment on function orchestrator.pause_workflow is
  'Lets the open run of a workflow id stand still, with the caller''s transaction; what comes for it waits. Raises OR003, OR004.';

create function orchestrator.unpause_workflow(
  workflow_id text, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language sql
begin atomic
  select orchestrator.send_message(workflow_id, namespace, 21::smallint, json_build_object(
    'action', 'unpause', 'reason', left(reason, 4096), 'identity', identity));
end;
comment on function orchestrator.unpause_workflow is 'Lets a paused run go on, with the caller''s transaction. Raises OR003, OR004.';
