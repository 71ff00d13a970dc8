-- What anyone may call inside a transaction of their own: the message is durable exactly when that transaction commits.

-- The open run of a workflow id, or null.
create function orchestrator.open_run(a_workflow_id text, a_namespace text default 'default') returns uuid
language sql stable
return (
  select r.run_id from orchestrator.runs r
  where r.workflow_id = a_workflow_id and r.namespace = a_namespace
    and not exists (select from orchestrator.closes c where c.run_id = r.run_id)
  limit 1);

create function orchestrator.check_name(what text, name text) returns void
language plpgsql immutable as $$
begin
  if name is null or name = '' or octet_length(name) > 255 then
    raise exception using errcode = 'OR005', message = format('%s must have 1 to 255 bytes', what);
  end if;
end
$$;

create function orchestrator.start_workflow(
  workflow_type text, workflow_id text, input jsonb default 'null', run_id uuid default null,
  namespace text default 'default', identity text default current_user
) returns uuid
language plpgsql as $$
declare
  v_run_id uuid := coalesce(start_workflow.run_id, orchestrator.new_run_id());
  v_open uuid;
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
  v_open := coalesce(
    orchestrator.open_run(start_workflow.workflow_id, start_workflow.namespace),
    (select i.run_id from orchestrator.inbox i
     where i.kind = 1 and i.workflow_id = start_workflow.workflow_id and i.namespace = start_workflow.namespace limit 1));
  if v_open = v_run_id then
    return v_run_id;
  end if;
  if v_open is not null then
    raise exception using errcode = 'OR002',
      message = format('workflow id %L has an open run already', start_workflow.workflow_id), detail = v_open::text;
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, workflow_id, namespace, attributes)
  values (
    orchestrator.slot_of(start_workflow.namespace, start_workflow.workflow_id), v_run_id, 1,
    start_workflow.workflow_id, start_workflow.namespace,
    convert_to(json_build_object(
      'workflowType', workflow_type, 'namespace', start_workflow.namespace, 'workflowId', start_workflow.workflow_id,
      'input', start_workflow.input, 'identity', identity)::text, 'UTF8'));
  return v_run_id;
end
$$;
comment on function orchestrator.start_workflow is
  'Starts a workflow with the caller''s transaction and returns its run id. Raises OR002 when the workflow id has an open run.';

-- Puts a message for an open run into the inbox. The key-share lock meets the lock of the closing commit: a message is seen before the run
-- closes, or refused here; never accepted and dropped.
create function orchestrator.send_message(a_workflow_id text, a_namespace text, a_kind smallint, a_attributes json) returns void
language plpgsql as $$
declare
  v_run_id uuid;
  v_slot smallint := orchestrator.slot_of(a_namespace, a_workflow_id);
  v_own boolean;
begin
  -- A snapshot from before the close would not see it: the message would be accepted and dropped.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'OR005', message = 'messages can be sent in transactions of isolation level read committed only';
  end if;
  for attempt in 1..500 loop
    select r.run_id into v_run_id from orchestrator.runs r
    where r.workflow_id = a_workflow_id and r.namespace = a_namespace
      and not exists (select from orchestrator.closes c where c.run_id = r.run_id)
    for key share of r;
    if found and not exists (select from orchestrator.closes c where c.run_id = v_run_id) then
      exit;
    end if;
    -- A start that is not taken yet: in this transaction both messages become visible together; one of another transaction is
    -- waited for, because only its run's row can be locked against a close.
    select i.run_id, i.xmin::text = pg_current_xact_id()::xid::text into v_run_id, v_own from orchestrator.inbox i
    where i.kind = 1 and i.workflow_id = a_workflow_id and i.namespace = a_namespace limit 1;
    if not found then
      if exists (select from orchestrator.runs r where r.workflow_id = a_workflow_id and r.namespace = a_namespace) then
        if orchestrator.open_run(a_workflow_id, a_namespace) is not null then
          continue;
        end if;
        raise exception using errcode = 'OR004', message = format('workflow id %L has no open run: its last one is closed', a_workflow_id);
      end if;
      raise exception using errcode = 'OR003', message = format('no workflow has the id %L', a_workflow_id);
    end if;
    exit when v_own;
    v_run_id := null;
    perform pg_sleep(0.01);
  end loop;
  if v_run_id is null then
    raise exception using errcode = 'OR018', message = format('the start of workflow id %L is not taken by an owner yet: try again', a_workflow_id);
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, attributes)
  values (v_slot, v_run_id, a_kind, convert_to(a_attributes::text, 'UTF8'));
end
$$;

create function orchestrator.signal_workflow(
  workflow_id text, signal_name text, input jsonb default 'null', request_id text default gen_random_uuid()::text,
  namespace text default 'default', identity text default current_user
) returns void
language plpgsql as $$
begin
  perform orchestrator.check_name('signal name', signal_name);
  perform orchestrator.check_name('request id', request_id);
  if octet_length(signal_workflow.input::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the input has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  perform orchestrator.send_message(workflow_id, namespace, 2::smallint, json_build_object(
    'signalName', signal_name, 'input', signal_workflow.input, 'identity', identity, 'requestId', request_id));
end
$$;
comment on function orchestrator.signal_workflow is
  'Signals the open run of a workflow id with the caller''s transaction. The same request id is applied once. Raises OR003, OR004.';

create function orchestrator.cancel_workflow(
  workflow_id text, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language sql
begin atomic
  select orchestrator.send_message(
    workflow_id, namespace, 3::smallint, json_build_object('reason', left(reason, 4096), 'identity', identity));
end;
comment on function orchestrator.cancel_workflow is 'Asks the open run of a workflow id to cancel. Raises OR003, OR004.';

create function orchestrator.terminate_workflow(
  workflow_id text, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language sql
begin atomic
  select orchestrator.send_message(
    workflow_id, namespace, 4::smallint, json_build_object('reason', left(reason, 4096), 'identity', identity));
end;
comment on function orchestrator.terminate_workflow is 'Ends the open run of a workflow id without running its code. Raises OR003, OR004.';

create function orchestrator.retry_workflow(
  workflow_id text, namespace text default 'default', identity text default current_user
) returns void
language sql
begin atomic
  select orchestrator.send_message(workflow_id, namespace, 7::smallint, json_build_object('identity', identity));
end;
comment on function orchestrator.retry_workflow is 'Tries a blocked run again at once. Raises OR003, OR004.';

-- An operator's word on a pending activity: 'retry', 'complete' with a result, 'fail' with a reason.
create function orchestrator.command_activity(
  workflow_id text, sequence integer, action text, result jsonb default 'null', reason text default '',
  namespace text default 'default', identity text default current_user
) returns void
language plpgsql as $$
begin
  if action not in ('retry', 'complete', 'fail') then
    raise exception using errcode = 'OR005', message = format('action must be retry, complete or fail, not %L', action);
  end if;
  if octet_length(command_activity.result::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the result has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  perform orchestrator.send_message(workflow_id, namespace, 6::smallint, json_build_object(
    'sequence', sequence, 'action', action, 'result', command_activity.result, 'reason', left(reason, 4096), 'identity', identity));
end
$$;
comment on function orchestrator.command_activity is 'Retries, completes or fails a pending activity by hand. Raises OR003, OR004, OR005.';
