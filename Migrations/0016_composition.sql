-- Runs that continue as new, and runs that start others.
insert into orchestrator.event_types (type, name) values
  (22, 'RequestCancelExternalWorkflowExecutionInitiated'), (28, 'WorkflowExecutionContinuedAsNew'),
  (29, 'StartChildWorkflowExecutionInitiated'), (32, 'ChildWorkflowExecutionCompleted'), (33, 'ChildWorkflowExecutionFailed'),
  (34, 'ChildWorkflowExecutionCanceled'), (36, 'ChildWorkflowExecutionTerminated'), (37, 'SignalExternalWorkflowExecutionInitiated');

comment on column orchestrator.closes.status is
  '2 Completed, 3 Failed, 4 Canceled, 5 Terminated, 6 ContinuedAsNew (Temporal''s WorkflowExecutionStatus).';
comment on column orchestrator.closes.outcome is
  'UTF-8 JSON: the result of a completed run, the failure of a failed one, newExecutionRunId of one that continues as new, else null.';
comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, '
  '8 outcome of a child, 9 update.';

create or replace view orchestrator.workflows as
select r.run_id, r.namespace, r.workflow_id, r.workflow_type, r.slot, r.started_at, c.closed_at,
  case when c.status is not null then
    case c.status when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Canceled' when 5 then 'Terminated' when 6 then 'ContinuedAsNew' end
    when b.run_id is not null then 'Blocked' else 'Running' end as status,
  case when c.outcome is not null then convert_from(c.outcome, 'UTF8')::jsonb end as outcome,
  case when s.state is not null then convert_from(s.state, 'UTF8')::jsonb end as state,
  c.last_event_id as events,
  p.waits_for, p.parked_at, b.code as blocked_code, b.reason as blocked_reason, b.blocked_at
from orchestrator.runs r
left join orchestrator.closes c using (run_id)
left join orchestrator.run_states s using (run_id)
left join orchestrator.parked_runs p using (run_id)
left join orchestrator.blocked_runs b using (run_id);
comment on view orchestrator.workflows is
  'Every run with its status: Running, Blocked, Completed, Failed, Canceled, Terminated, ContinuedAsNew.';

create view orchestrator.child_workflows as
select h.run_id as parent_run_id, (a.attributes ->> 'sequence')::integer as sequence, (a.attributes ->> 'runId')::uuid as run_id,
  a.attributes ->> 'workflowId' as workflow_id, a.attributes ->> 'workflowType' as workflow_type,
  coalesce(a.attributes ->> 'parentClosePolicy', 'terminate') as parent_close_policy, h.at as started_at,
  coalesce(
    (select case e.type when 32 then 'Completed' when 33 then 'Failed' when 34 then 'Canceled' when 36 then 'Terminated' end
     from orchestrator.history e
     where e.run_id = h.run_id and e.caused_by = h.event_id and e.type in (32, 33, 34, 36) limit 1),
    'Running') as status
from orchestrator.history h
cross join lateral (select convert_from(h.attributes, 'UTF8')::jsonb as attributes) a
where h.type = 29;
comment on view orchestrator.child_workflows is
  'Runs that a run started, with what it knows of their end: Running, Completed, Failed, Canceled, Terminated.';
