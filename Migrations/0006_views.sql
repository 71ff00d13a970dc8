-- What operators ask, as SQL. These views are documented in docs/sql-views.md and stay compatible.
create table orchestrator.event_types (type smallint primary key, name text not null);
insert into orchestrator.event_types (type, name) values
  (1, 'WorkflowExecutionStarted'), (2, 'WorkflowExecutionCompleted'), (3, 'WorkflowExecutionFailed'),
  (10, 'ActivityTaskScheduled'), (12, 'ActivityTaskCompleted'), (13, 'ActivityTaskFailed'), (14, 'ActivityTaskTimedOut'),
  (15, 'ActivityTaskCancelRequested'), (17, 'TimerStarted'), (18, 'TimerFired'), (19, 'TimerCanceled'),
  (20, 'WorkflowExecutionCancelRequested'), (21, 'WorkflowExecutionCanceled'), (25, 'MarkerRecorded'),
  (26, 'WorkflowExecutionSignaled'), (27, 'WorkflowExecutionTerminated');
comment on table orchestrator.event_types is 'Names of the event types.';
comment on column orchestrator.event_types.type is 'Number in orchestrator.history.type.';
comment on column orchestrator.event_types.name is 'Temporal''s name.';

create view orchestrator.workflows as
select r.run_id, r.namespace, r.workflow_id, r.workflow_type, r.slot, r.started_at, c.closed_at,
  case when c.status is not null then
    case c.status when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Canceled' when 5 then 'Terminated' end
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
comment on view orchestrator.workflows is 'Every run with its status: Running, Blocked, Completed, Failed, Canceled, Terminated.';

create view orchestrator.events as
select h.run_id, h.event_id, t.name as type, h.at, h.caused_by, convert_from(h.attributes, 'UTF8')::jsonb as attributes
from orchestrator.history h join orchestrator.event_types t using (type);
comment on view orchestrator.events is 'Histories, decoded: one row per event.';

create view orchestrator.pending_activities as
select h.run_id, (a.attributes ->> 'sequence')::integer as sequence, a.attributes ->> 'activityType' as activity_type,
  a.attributes ->> 'taskQueue' as task_queue, h.at as scheduled_at,
  case when p.run_id is not null then 'Parked' when t.state = 1 then 'Started' when t.run_id is not null then 'Scheduled'
    else 'Owner' end as state,
  coalesce(t.attempt, (select count(*) + 1 from orchestrator.activity_attempts x
    where x.run_id = h.run_id and x.sequence = (a.attributes ->> 'sequence')::integer)) as attempt,
  t.worker, convert_from(coalesce(t.heartbeat_details, b.details), 'UTF8')::jsonb as heartbeat_details,
  coalesce(t.heartbeat_at, b.at) as heartbeat_at, t.lease_expires_at, t.visible_at, p.parked_at, p.retry_state,
  convert_from(p.failure, 'UTF8')::jsonb as failure
from orchestrator.history h
cross join lateral (select convert_from(h.attributes, 'UTF8')::jsonb as attributes) a
left join orchestrator.activity_tasks t on t.run_id = h.run_id and t.sequence = (a.attributes ->> 'sequence')::integer
left join orchestrator.activity_heartbeats b on b.run_id = h.run_id and b.sequence = (a.attributes ->> 'sequence')::integer
left join orchestrator.parked_activities p on p.run_id = h.run_id and p.sequence = (a.attributes ->> 'sequence')::integer
where h.type = 10
  and not exists (select from orchestrator.closes c where c.run_id = h.run_id)
  and not exists (
    select from orchestrator.history e
    where e.run_id = h.run_id and e.caused_by = h.event_id and e.type in (12, 13, 14))
  and not exists (
    select from orchestrator.history e
    where e.run_id = h.run_id and e.type = 15
      and (convert_from(e.attributes, 'UTF8')::jsonb ->> 'sequence') = (a.attributes ->> 'sequence'));
comment on view orchestrator.pending_activities is
  'Activities without an outcome: in their owner''s process (Owner), queued (Scheduled), leased (Started) or waiting for an operator (Parked).';

create view orchestrator.failed_attempts as
select x.run_id, r.workflow_id, x.sequence, x.activity_type, x.attempt, x.worker, x.started_at, x.ended_at,
  convert_from(x.failure, 'UTF8')::jsonb as failure, x.next_attempt_at
from orchestrator.activity_attempts x join orchestrator.runs r using (run_id);
comment on view orchestrator.failed_attempts is 'Every attempt that failed, with its error, worker and times.';

create view orchestrator.queues as
select task_queue, count(*) filter (where state = 0 and visible_at <= now()) as ready,
  count(*) filter (where state = 0 and visible_at > now()) as delayed, count(*) filter (where state = 1) as leased,
  now() - min(visible_at) filter (where state = 0 and visible_at <= now()) as oldest_age
from orchestrator.activity_tasks group by task_queue;
comment on view orchestrator.queues is 'Depth and age of every task queue with pending tasks.';

create view orchestrator.owners as
select p.process_id, p.name, p.build, p.started_at, p.fenced, h.at as heartbeat_at, h.lease, count(s.slot) as slots
from orchestrator.processes p
left join orchestrator.process_heartbeats h using (process_id)
left join orchestrator.slots s using (process_id)
group by p.process_id, h.process_id;
comment on view orchestrator.owners is 'Processes and how many slots each owns.';
