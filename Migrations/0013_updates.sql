-- Updates: requests to a run with an answer. The row is the answer; what its code did stands in the history.
create table orchestrator.updates (
  run_id uuid not null,
  update_id text not null,
  slot smallint not null,
  name text not null,
  status smallint not null,
  at timestamptz not null,
  outcome bytea,
  primary key (run_id, update_id)
);
comment on table orchestrator.updates is 'How updates of runs stand: written in the batch that accepted, rejected or completed them.';
comment on column orchestrator.updates.run_id is 'The execution.';
comment on column orchestrator.updates.update_id is 'The caller''s name for the request: it is applied once.';
comment on column orchestrator.updates.slot is 'Unit of ownership.';
comment on column orchestrator.updates.name is 'Which update.';
comment on column orchestrator.updates.status is '1 accepted, 2 completed, 3 failed, 4 rejected by its validator.';
comment on column orchestrator.updates.at is 'When it came to stand so.';
comment on column orchestrator.updates.outcome is 'UTF-8 JSON: the result, or the failure.';

create view orchestrator.workflow_updates as
select u.run_id, r.namespace, r.workflow_id, u.update_id, u.name,
  case u.status when 1 then 'Accepted' when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Rejected' end as status, u.at,
  case when u.outcome is not null then convert_from(u.outcome, 'UTF8')::jsonb end as outcome
from orchestrator.updates u join orchestrator.runs r using (run_id);
comment on view orchestrator.workflow_updates is 'Updates and their answers.';

insert into orchestrator.event_types (type, name) values
  (41, 'WorkflowExecutionUpdateAccepted'), (43, 'WorkflowExecutionUpdateCompleted');

create function orchestrator.update_workflow(
  workflow_id text, update_name text, input jsonb default 'null', update_id text default gen_random_uuid()::text,
  namespace text default 'default', identity text default current_user
) returns text
language plpgsql as $$
begin
  perform orchestrator.check_name('update name', update_name);
  perform orchestrator.check_name('update id', update_id);
  if octet_length(update_workflow.input::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the input has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  perform orchestrator.send_message(workflow_id, namespace, 9::smallint, json_build_object(
    'updateId', update_id, 'updateName', update_name, 'input', update_workflow.input, 'identity', identity));
  return update_id;
end
$$;
comment on function orchestrator.update_workflow is
  'Sends an update to the open run of a workflow id with the caller''s transaction and returns its id; orchestrator.workflow_updates has the '
  'answer. The same update id is applied once. Raises OR003, OR004.';

comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, 9 update.';
