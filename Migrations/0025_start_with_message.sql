-- Starts that carry a signal or an update: one durable message, so that nobody can have the one without the other. An open run gets what the start
-- carries; else the run begins with it.
create function orchestrator.start_with_message(
  a_workflow_type text, a_workflow_id text, a_input jsonb, a_run_id uuid, a_namespace text, a_identity text, a_search_attributes jsonb,
  a_memo jsonb, a_options jsonb, a_is_update boolean, a_name text, a_message_input jsonb, a_request_id text
) returns uuid
language plpgsql as $$
declare
  v_policy text := coalesce(a_options ->> 'conflictPolicy', 'useExisting');
  v_slot smallint := orchestrator.slot_of(a_namespace, a_workflow_id);
  v_wanted uuid := coalesce(a_run_id, orchestrator.new_run_id());
  v_run_id uuid;
  v_own boolean;
begin
  perform orchestrator.check_name(case when a_is_update then 'update name' else 'signal name' end, a_name);
  perform orchestrator.check_name(case when a_is_update then 'update id' else 'request id' end, a_request_id);
  if octet_length(a_message_input::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the input has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  if v_policy = 'fail' then
    raise exception using errcode = 'OR005', message = 'a start with a signal or an update has the conflict policy useExisting or terminateExisting';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'OR005', message = 'messages can be sent in transactions of isolation level read committed only';
  end if;
  for attempt in 1..500 loop
    if exists (select from orchestrator.runs r where r.run_id = v_wanted) then
      return v_wanted;
    end if;
    v_run_id := null;
    if v_policy = 'useExisting' then
      -- The lock meets that of a closing commit, as in `send_message`.
      select r.run_id into v_run_id from orchestrator.runs r
      where r.workflow_id = a_workflow_id and r.namespace = a_namespace
        and not exists (select from orchestrator.closes c where c.run_id = r.run_id)
      for key share of r;
      if exists (select from orchestrator.closes c where c.run_id = v_run_id) then
        continue;
      end if;
    end if;
    if v_run_id is null then
      select i.run_id, i.xmin::text = pg_current_xact_id()::xid::text into v_run_id, v_own from orchestrator.inbox i
      where i.kind = 1 and i.workflow_id = a_workflow_id and i.namespace = a_namespace limit 1;
      -- The same start again.
      if v_run_id = v_wanted then
        return v_wanted;
      end if;
      -- Another one that is not taken yet: only a run's row can be locked against a close.
      if v_run_id is not null and not v_own then
        perform pg_sleep(0.01);
        continue;
      end if;
    end if;
    if v_run_id is null or v_policy = 'terminateExisting' then
      v_run_id := orchestrator.start_workflow(
        a_workflow_type, a_workflow_id, a_input, v_wanted, a_namespace, a_identity, a_search_attributes, a_memo,
        coalesce(a_options, '{}') || jsonb_build_object('conflictPolicy', v_policy));
      continue when v_run_id <> v_wanted;
      update orchestrator.inbox set attributes = convert_to(jsonb_set(
        convert_from(attributes, 'UTF8')::jsonb, '{options,startMessage}', jsonb_build_object(
          'isUpdate', a_is_update, 'name', a_name, 'input', coalesce(a_message_input, 'null'), 'requestID', a_request_id))
        #- '{options,startDelayMilliseconds}' #>> '{}', 'UTF8')
      where run_id = v_run_id and kind = 1;
      return v_run_id;
    end if;
    insert into orchestrator.inbox (slot, run_id, kind, attributes)
    values (v_slot, v_run_id, case when a_is_update then 9 else 2 end, convert_to((case when a_is_update
      then json_build_object('updateId', a_request_id, 'updateName', a_name, 'input', a_message_input, 'identity', a_identity, 'withStart', 1)
      else json_build_object('signalName', a_name, 'input', a_message_input, 'identity', a_identity, 'requestId', a_request_id, 'withStart', 1)
      end)::text, 'UTF8'));
    return v_run_id;
  end loop;
  raise exception using errcode = 'OR018', message = format('the start of workflow id %L is not taken by an owner yet: try again', a_workflow_id);
end
$$;
comment on function orchestrator.start_with_message is
  'Starts a workflow with a signal or an update, or sends that to its open run; signal_with_start_workflow and update_with_start_workflow call it.';

create function orchestrator.signal_with_start_workflow(
  workflow_type text, workflow_id text, signal_name text, signal_input jsonb default 'null', input jsonb default 'null',
  request_id text default gen_random_uuid()::text, run_id uuid default null, namespace text default 'default',
  identity text default current_user, search_attributes jsonb default null, memo jsonb default null, options jsonb default null
) returns uuid
language sql
begin atomic
  select orchestrator.start_with_message(
    workflow_type, workflow_id, input, run_id, namespace, identity, search_attributes, memo, options, false, signal_name, signal_input,
    request_id);
end;
comment on function orchestrator.signal_with_start_workflow is
  'Signals the open run of a workflow id, or starts it with that signal, with the caller''s transaction; returns the run that gets it. The same '
  'request id is applied once. Raises OR002, OR005.';

create function orchestrator.update_with_start_workflow(
  workflow_type text, workflow_id text, update_name text, update_input jsonb default 'null', input jsonb default 'null',
  update_id text default gen_random_uuid()::text, run_id uuid default null, namespace text default 'default',
  identity text default current_user, search_attributes jsonb default null, memo jsonb default null, options jsonb default null
) returns uuid
language sql
begin atomic
  select orchestrator.start_with_message(
    workflow_type, workflow_id, input, run_id, namespace, identity, search_attributes, memo, options, true, update_name, update_input,
    update_id);
end;
comment on function orchestrator.update_with_start_workflow is
  'Sends an update to the open run of a workflow id, or starts it with that update, with the caller''s transaction; returns the run that gets '
  'it; orchestrator.workflow_updates has the answer. The same update id is applied once. Raises OR002, OR005.';
