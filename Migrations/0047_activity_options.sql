-- Options of pending activities that somebody changed.
create table orchestrator.activity_options (
  run_id uuid not null,
  sequence integer not null,
  slot smallint not null,
  changed_at timestamptz not null default now(),
  options bytea not null,
  primary key (run_id, sequence)
);
comment on table orchestrator.activity_options is 'Options of pending activities where they are not those that the code asked for.';
comment on column orchestrator.activity_options.run_id is 'The execution.';
comment on column orchestrator.activity_options.sequence is 'The activity''s sequence number in its run.';
comment on column orchestrator.activity_options.slot is 'Unit of ownership.';
comment on column orchestrator.activity_options.changed_at is 'When they were changed last.';
comment on column orchestrator.activity_options.options is 'UTF-8 JSON of all options.';

-- As before, with two more words: 'update-options' with the options that change as result, null for those that the code asked for; 'reset' with
-- keepHeartbeat and restoreOptions.
create or replace function orchestrator.command_activity(
  workflow_id text, sequence integer, action text, result jsonb default 'null', reason text default '',
  namespace text default 'default', identity text default current_user
) returns void
language plpgsql as $$
begin
  if action not in ('retry', 'complete', 'fail', 'reset', 'update-options') then
    raise exception using errcode = 'OR005',
      message = format('action must be retry, complete, fail, reset or update-options, not %L', action);
  end if;
  if octet_length(command_activity.result::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the result has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  perform orchestrator.send_message(workflow_id, namespace, 6::smallint, json_build_object(
    'sequence', sequence, 'action', action, 'result', command_activity.result, 'reason', left(reason, 4096), 'identity', identity));
end
$$;
comment on function orchestrator.command_activity is
  'Retries, resets, completes or fails a pending activity by hand, or changes its options. Raises OR003, OR004, OR005.';

create or replace function orchestrator.delete_runs(a_runs uuid[]) returns integer
language plpgsql as $$
declare
  v_closed uuid[] := array(
    select c.run_id from unnest(a_runs) i(run_id)
    cross join lateral (select k.run_id from orchestrator.closes k where k.run_id = i.run_id limit 1) c order by c.run_id);
  v_count integer;
begin
  with gone as (delete from orchestrator.large_value_references f where f.run_id = any(v_closed) returning f.hash)
  update orchestrator.large_values set dropped_at = now() where hash = any(array(select hash from gone));
  delete from orchestrator.history h where h.run_id = any(v_closed);
  delete from orchestrator.run_states s where s.run_id = any(v_closed);
  delete from orchestrator.search_attributes a where a.run_id = any(v_closed);
  delete from orchestrator.run_versions v where v.run_id = any(v_closed);
  delete from orchestrator.activity_attempts a where a.run_id = any(v_closed);
  delete from orchestrator.activity_heartbeats h where h.run_id = any(v_closed);
  delete from orchestrator.activity_pauses p where p.run_id = any(v_closed);
  delete from orchestrator.activity_options o where o.run_id = any(v_closed);
  delete from orchestrator.updates u where u.run_id = any(v_closed);
  delete from orchestrator.resets x where x.run_id = any(v_closed);
  delete from orchestrator.batch_runs b where b.run_id = any(v_closed);
  delete from orchestrator.batch_failures b where b.run_id = any(v_closed);
  delete from orchestrator.batches b where b.run_id = any(v_closed);
  delete from orchestrator.runs r where r.run_id = any(v_closed);
  get diagnostics v_count = row_count;
  delete from orchestrator.closes c where c.run_id = any(v_closed);
  return v_count;
end
$$;

-- The word of an activity that was asked to stop and whose workflow waited for that.
insert into orchestrator.event_types (type, name) values (16, 'ActivityTaskCanceled');
