-- Activities that nobody begins until somebody lets them go on: all of a type, or one of a run. An attempt of such an activity is a row of
-- activity_tasks in state 3, which no lease takes; attempts under way go on to their end.
create table orchestrator.activity_pauses (
  pause_id bigint generated always as identity primary key,
  namespace text not null,
  activity_type text,
  task_queue text,
  run_id uuid,
  sequence integer,
  paused_at timestamptz not null default now(),
  reason text not null,
  identity text not null,
  check (case when run_id is null then activity_type is not null and sequence is null
    else activity_type is null and task_queue is null and sequence is not null end)
);
create unique index activity_pauses_by_type on orchestrator.activity_pauses (namespace, activity_type, coalesce(task_queue, ''))
  where run_id is null;
create unique index activity_pauses_by_run on orchestrator.activity_pauses (run_id, sequence) where run_id is not null;
comment on table orchestrator.activity_pauses is 'Types of activities, and single ones, of which no attempt begins.';
comment on column orchestrator.activity_pauses.pause_id is 'In the order in which they were asked for.';
comment on column orchestrator.activity_pauses.namespace is 'Whose activities.';
comment on column orchestrator.activity_pauses.activity_type is 'Name of the activity; null for a single one.';
comment on column orchestrator.activity_pauses.task_queue is 'Only in this queue; null for all.';
comment on column orchestrator.activity_pauses.run_id is 'The execution of a single one; null for a type.';
comment on column orchestrator.activity_pauses.sequence is 'Of a single one: its sequence number in its run.';
comment on column orchestrator.activity_pauses.paused_at is 'Since when.';
comment on column orchestrator.activity_pauses.reason is 'Why, as who paused it says.';
comment on column orchestrator.activity_pauses.identity is 'Who paused it.';

create index activity_tasks_paused on orchestrator.activity_tasks (task_queue) where state = 3;
comment on column orchestrator.activity_tasks.state is '0 ready or waiting for visible_at, 1 leased, 2 waiting in the order of its queue, 3 paused.';

create function orchestrator.is_activity_paused(
  a_namespace text, a_activity_type text, a_task_queue text, a_run_id uuid, a_sequence integer
) returns boolean
language sql stable
return exists (select from orchestrator.activity_pauses p where p.run_id = a_run_id and p.sequence = a_sequence)
  or exists (
    select from orchestrator.activity_pauses p
    where p.namespace = a_namespace and p.activity_type = a_activity_type and p.run_id is null
      and (p.task_queue is null or p.task_queue = a_task_queue));
comment on function orchestrator.is_activity_paused is 'Whether an attempt of this activity may not begin.';

-- What somebody let go on begins where it stood, its backoff included; its time to wait for a worker begins anew.
create function orchestrator.release_paused_tasks() returns integer
language plpgsql as $$
declare
  v_count integer;
begin
  update orchestrator.activity_tasks t set state = 0, due_at = least(now() + t.start_within, t.close_by)
  where t.state = 3 and not orchestrator.is_activity_paused(t.namespace, t.activity_type, t.task_queue, t.run_id, t.sequence);
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform pg_notify('orchestrator_tasks', '');
  end if;
  return v_count;
end
$$;
comment on function orchestrator.release_paused_tasks is 'Lets tasks begin that nothing pauses any more, and returns how many.';

create function orchestrator.pause_activity_type(
  activity_type text, task_queue text default null, reason text default '', namespace text default 'default',
  identity text default current_user
) returns void
language plpgsql as $$
begin
  perform orchestrator.check_name('activity type', activity_type);
  perform orchestrator.check_name('namespace', namespace);
  if task_queue is not null then
    perform orchestrator.check_name('task queue', task_queue);
  end if;
  insert into orchestrator.activity_pauses (namespace, activity_type, task_queue, reason, identity)
  values (
    pause_activity_type.namespace, pause_activity_type.activity_type, pause_activity_type.task_queue, left(reason, 4096), identity)
  on conflict do nothing;
  update orchestrator.activity_tasks t set state = 3
  where t.state in (0, 2) and not t.cancel_requested and t.namespace = pause_activity_type.namespace
    and t.activity_type = pause_activity_type.activity_type
    and (pause_activity_type.task_queue is null or t.task_queue = pause_activity_type.task_queue);
end
$$;
comment on function orchestrator.pause_activity_type is
  'No attempt of activities of this type begins any more, in one task queue or in all; those under way go on. The same again changes nothing.';

create function orchestrator.resume_activity_type(
  activity_type text, task_queue text default null, namespace text default 'default'
) returns boolean
language plpgsql as $$
begin
  delete from orchestrator.activity_pauses p
  where p.run_id is null and p.namespace = resume_activity_type.namespace and p.activity_type = resume_activity_type.activity_type
    and p.task_queue is not distinct from resume_activity_type.task_queue;
  if not found then
    return false;
  end if;
  perform orchestrator.release_paused_tasks();
  return true;
end
$$;
comment on function orchestrator.resume_activity_type is 'Lets activities of a type begin again; false when it was not paused in this way.';

create function orchestrator.pause_activity(
  workflow_id text, sequence integer, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language plpgsql as $$
declare
  v_run_id uuid := orchestrator.open_run(workflow_id, namespace);
begin
  if v_run_id is null then
    raise exception using errcode = 'OR003', message = format('no open workflow has the id %L', workflow_id);
  end if;
  insert into orchestrator.activity_pauses (namespace, run_id, sequence, reason, identity)
  values (pause_activity.namespace, v_run_id, pause_activity.sequence, left(reason, 4096), identity)
  on conflict do nothing;
  update orchestrator.activity_tasks t set state = 3
  where t.run_id = v_run_id and t.sequence = pause_activity.sequence and t.state in (0, 2) and not t.cancel_requested;
end
$$;
comment on function orchestrator.pause_activity is
  'No attempt of this activity of the open run begins any more; one under way goes on. The same again changes nothing. Raises OR003.';

create function orchestrator.resume_activity(workflow_id text, sequence integer, namespace text default 'default') returns boolean
language plpgsql as $$
begin
  delete from orchestrator.activity_pauses p
  where p.run_id = orchestrator.open_run(resume_activity.workflow_id, resume_activity.namespace)
    and p.sequence = resume_activity.sequence;
  if not found then
    return false;
  end if;
  perform orchestrator.release_paused_tasks();
  return true;
end
$$;
comment on function orchestrator.resume_activity is 'Lets a single activity begin again; false when it was not paused by itself.';

create view orchestrator.paused_activities as
select p.namespace, p.activity_type, p.task_queue, p.run_id, r.workflow_id, p.sequence, p.paused_at, p.reason, p.identity
from orchestrator.activity_pauses p left join orchestrator.runs r on r.run_id = p.run_id;
comment on view orchestrator.paused_activities is 'Types of activities, and single ones, of which no attempt begins: since when, why, by whom.';

create or replace view orchestrator.pending_activities as
select h.run_id, (a.attributes ->> 'sequence')::integer as sequence, a.attributes ->> 'activityType' as activity_type,
  a.attributes ->> 'taskQueue' as task_queue, h.at as scheduled_at,
  case when p.run_id is not null then 'Parked' when t.state = 1 then 'Started' when t.state = 3 then 'Paused'
    when t.run_id is not null then 'Scheduled' else 'Owner' end as state,
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
  'Activities without an outcome: in their owner''s process (Owner), queued (Scheduled), leased (Started), paused (Paused) or waiting for an '
  'operator (Parked).';
