-- When runs begin, how long they may take, whether they are tried again, and what other runs of their workflow id mean for them.
insert into orchestrator.event_types (type, name) values
  (4, 'WorkflowExecutionTimedOut'), (35, 'ChildWorkflowExecutionTimedOut'), (1010, 'StartDelayEnded');

comment on column orchestrator.closes.status is
  '2 Completed, 3 Failed, 4 Canceled, 5 Terminated, 6 ContinuedAsNew, 7 TimedOut (Temporal''s WorkflowExecutionStatus).';
comment on column orchestrator.closes.outcome is
  'UTF-8 JSON: the result of a completed run, the failure of one that failed or timed out, else null; with newExecutionRunId where another '
  'run goes on for it.';
comment on table orchestrator.timers is
  'What must happen at a time: timers of workflow code, delayed attempts of activities, delayed starts, the end of the time a run may take.';
comment on column orchestrator.timers.sequence is 'The timer''s or activity''s sequence number in its run; 0 for its start delay, -1 for its timeout.';
comment on column orchestrator.timers.kind is
  '1 timer of workflow code, 2 next attempt of an activity, 3 end of a start delay, 4 end of the time that a run may take.';

create or replace view orchestrator.workflows as
select r.run_id, r.namespace, r.workflow_id, r.workflow_type, r.slot, r.started_at, c.closed_at,
  case when c.status is not null then
    case c.status when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Canceled' when 5 then 'Terminated' when 6 then 'ContinuedAsNew'
      when 7 then 'TimedOut' end
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
  'Every run with its status: Running, Paused, Blocked, Completed, Failed, Canceled, Terminated, ContinuedAsNew, TimedOut.';

create or replace view orchestrator.child_workflows as
select h.run_id as parent_run_id, (a.attributes ->> 'sequence')::integer as sequence, (a.attributes ->> 'runId')::uuid as run_id,
  a.attributes ->> 'workflowId' as workflow_id, a.attributes ->> 'workflowType' as workflow_type,
  coalesce(a.attributes ->> 'parentClosePolicy', 'terminate') as parent_close_policy, h.at as started_at,
  coalesce(
    (select case e.type when 32 then 'Completed' when 33 then 'Failed' when 34 then 'Canceled' when 35 then 'TimedOut' when 36 then 'Terminated' end
     from orchestrator.history e
     where e.run_id = h.run_id and e.caused_by = h.event_id and e.type in (32, 33, 34, 35, 36) limit 1),
    'Running') as status
from orchestrator.history h
cross join lateral (select convert_from(h.attributes, 'UTF8')::jsonb as attributes) a
where h.type = 29;
comment on view orchestrator.child_workflows is
  'Runs that a run started, with what it knows of their end: Running, Completed, Failed, Canceled, TimedOut, Terminated.';

-- How the last run of a workflow id ended; null when there was none. One that was recorded only to be refused, because the id had an open run,
-- does not count.
create function orchestrator.last_close_status(a_workflow_id text, a_namespace text) returns smallint
language plpgsql stable as $$
declare
  v_run record;
begin
  for v_run in
    select r.run_id, c.status, c.last_event_id from orchestrator.runs r join orchestrator.closes c using (run_id)
    where r.workflow_id = a_workflow_id and r.namespace = a_namespace
    order by r.run_id desc
  loop
    if v_run.status not in (3, 6) or exists (
      select from orchestrator.history h
      where h.run_id = v_run.run_id and h.event_id = v_run.last_event_id and h.caused_by <> 0) then
      return v_run.status;
    end if;
    -- The engine ended it: for its length, when it was more than a start and what came with it.
    if exists (select from orchestrator.history h where h.run_id = v_run.run_id and h.event_id between 2 and v_run.last_event_id - 1
      and h.type <> 26) then
      return v_run.status;
    end if;
  end loop;
  return null;
end
$$;
comment on function orchestrator.last_close_status is 'How the last run of a workflow id ended that was not refused, or null.';

-- Options of a start as they are recorded. Raises OR005 for what is none.
create function orchestrator.checked_start_options(options jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_key text;
  v_value jsonb;
  v_policy constant jsonb := '{"initialIntervalMilliseconds": 1000, "backoffCoefficient": 2, "maximumIntervalMilliseconds": 100000,
    "maximumAttempts": 3, "nonRetryableErrorTypes": [], "hasFullJitter": false}';
begin
  if jsonb_typeof(options) <> 'object' then
    raise exception using errcode = 'OR005', message = 'the options of a start are a JSON object';
  end if;
  for v_key, v_value in select e.key, e.value from jsonb_each(options) e loop
    if v_key in ('startDelayMilliseconds', 'executionTimeoutMilliseconds', 'runTimeoutMilliseconds') then
      if jsonb_typeof(v_value) <> 'number' or v_value::numeric % 1 <> 0 or v_value::numeric not between 0 and 31536000000000 then
        raise exception using errcode = 'OR005', message = format('%s is a whole number of milliseconds', v_key);
      end if;
    elsif v_key = 'reusePolicy' then
      if v_value #>> '{}' not in ('allowDuplicate', 'allowDuplicateFailedOnly', 'rejectDuplicate') then
        raise exception using errcode = 'OR005', message = 'reusePolicy is allowDuplicate, allowDuplicateFailedOnly or rejectDuplicate';
      end if;
    elsif v_key = 'conflictPolicy' then
      if v_value #>> '{}' not in ('fail', 'useExisting', 'terminateExisting') then
        raise exception using errcode = 'OR005', message = 'conflictPolicy is fail, useExisting or terminateExisting';
      end if;
    elsif v_key = 'retryPolicy' then
      if jsonb_typeof(v_value) <> 'object' or exists (
        select from jsonb_each(v_value) p
        where jsonb_typeof(p.value) is distinct from jsonb_typeof(v_policy -> p.key)
          or jsonb_typeof(p.value) = 'number' and (p.value::numeric < 0 or p.value::numeric > 31536000000000
            or p.key <> 'backoffCoefficient' and p.value::numeric % 1 <> 0 or p.key = 'maximumAttempts' and p.value::numeric > 2147483647)
          or p.key = 'nonRetryableErrorTypes' and jsonb_path_exists(p.value, 'strict $[*] ? (@.type() <> "string")')) then
        raise exception using errcode = 'OR005',
          message = 'retryPolicy is an object of initialIntervalMilliseconds, backoffCoefficient, maximumIntervalMilliseconds, maximumAttempts, '
            'nonRetryableErrorTypes and hasFullJitter';
      end if;
      options := jsonb_set(options, '{retryPolicy}', v_policy || v_value);
    else
      raise exception using errcode = 'OR005', message = format('a start has no option %L', v_key);
    end if;
  end loop;
  return options;
end
$$;
comment on function orchestrator.checked_start_options is 'The options of a start as they are recorded. Raises OR005 for what is none.';

-- A function with more parameters is another function: who may call the one that goes may call the one that comes.
select set_config('orchestrator.rights', coalesce((
  select p.proacl::text from pg_proc p
  where p.oid = 'orchestrator.start_workflow(text, text, jsonb, uuid, text, text, jsonb, jsonb)'::regprocedure), ''), true);
drop function orchestrator.start_workflow(text, text, jsonb, uuid, text, text, jsonb, jsonb);

create function orchestrator.start_workflow(
  workflow_type text, workflow_id text, input jsonb default 'null', run_id uuid default null,
  namespace text default 'default', identity text default current_user, search_attributes jsonb default null, memo jsonb default null,
  options jsonb default null
) returns uuid
language plpgsql as $$
declare
  v_run_id uuid := coalesce(start_workflow.run_id, orchestrator.new_run_id());
  v_open uuid;
  v_attributes text;
  v_options jsonb;
  v_last smallint;
begin
  perform orchestrator.check_name('workflow type', workflow_type);
  perform orchestrator.check_name('workflow id', workflow_id);
  perform orchestrator.check_name('namespace', namespace);
  if octet_length(start_workflow.input::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the input has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  if exists (select from orchestrator.runs r where r.run_id = v_run_id) then
    return v_run_id;
  end if;
  if jsonb_typeof(options) <> 'null' then
    v_options := orchestrator.checked_start_options(start_workflow.options);
  end if;
  v_open := coalesce(
    orchestrator.open_run(start_workflow.workflow_id, start_workflow.namespace),
    (select i.run_id from orchestrator.inbox i
     where i.kind = 1 and i.workflow_id = start_workflow.workflow_id and i.namespace = start_workflow.namespace limit 1));
  if v_open = v_run_id then
    return v_run_id;
  end if;
  if v_open is not null and v_options ->> 'conflictPolicy' = 'useExisting' then
    return v_open;
  end if;
  if v_open is not null and v_options ->> 'conflictPolicy' is distinct from 'terminateExisting' then
    raise exception using errcode = 'OR002',
      message = format('workflow id %L has an open run already', start_workflow.workflow_id), detail = v_open::text;
  end if;
  if v_open is null and v_options ->> 'reusePolicy' in ('rejectDuplicate', 'allowDuplicateFailedOnly') then
    v_last := orchestrator.last_close_status(start_workflow.workflow_id, start_workflow.namespace);
    if v_last = 2 or v_last is not null and v_options ->> 'reusePolicy' = 'rejectDuplicate' then
      raise exception using errcode = 'OR002',
        message = format('workflow id %L was used before, and its reuse policy does not allow it again', start_workflow.workflow_id);
    end if;
  end if;
  v_attributes := json_build_object(
    'workflowType', workflow_type, 'namespace', start_workflow.namespace, 'workflowId', start_workflow.workflow_id,
    'input', start_workflow.input, 'identity', identity)::text;
  if jsonb_typeof(search_attributes) <> 'null' then
    v_attributes := v_attributes::jsonb
      || jsonb_build_object('searchAttributes', orchestrator.checked_search_attributes(start_workflow.search_attributes));
  end if;
  if jsonb_typeof(memo) <> 'null' then
    if jsonb_typeof(memo) <> 'object' or octet_length(start_workflow.memo::text) > 65536 then
      raise exception using errcode = 'OR005', message = 'a memo is a JSON object of at most 64 KiB';
    end if;
    v_attributes := v_attributes::jsonb || jsonb_build_object('memo', start_workflow.memo);
  end if;
  if v_options <> '{}' then
    v_attributes := v_attributes::jsonb || jsonb_build_object('options', v_options);
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, workflow_id, namespace, attributes)
  values (
    orchestrator.slot_of(start_workflow.namespace, start_workflow.workflow_id), v_run_id, 1,
    start_workflow.workflow_id, start_workflow.namespace, convert_to(v_attributes, 'UTF8'));
  return v_run_id;
end
$$;
comment on function orchestrator.start_workflow is
  'Starts a workflow with the caller''s transaction and returns its run id. Raises OR002 when the workflow id has an open run, '
  'or as its options say: reusePolicy, conflictPolicy, startDelayMilliseconds, executionTimeoutMilliseconds, runTimeoutMilliseconds, '
  'retryPolicy.';

do $$
declare
  v_rights text := current_setting('orchestrator.rights');
  v_signature text := 'orchestrator.start_workflow(text, text, jsonb, uuid, text, text, jsonb, jsonb, jsonb)';
  v_right record;
begin
  if v_rights = '' then
    return;
  end if;
  execute format('revoke all on function %s from public', v_signature);
  for v_right in select grantee, is_grantable from aclexplode(v_rights::aclitem[]) where privilege_type = 'EXECUTE' loop
    execute format('grant execute on function %s to %s %s', v_signature,
      case v_right.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(v_right.grantee)) end,
      case when v_right.is_grantable then 'with grant option' else '' end);
  end loop;
end
$$;
