-- Ended runs are removed by hand as retention removes them: whole.
create function orchestrator.delete_runs(a_runs uuid[]) returns integer
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
comment on function orchestrator.delete_runs is 'Engine only: removes these runs with all their rows, those that have ended; returns how many.';

create function orchestrator.delete_workflow(
  workflow_id text, run_id uuid default null, namespace text default 'default'
) returns uuid
language plpgsql as $$
declare
  v_run_id uuid;
begin
  select r.run_id into v_run_id from orchestrator.runs r
  where r.workflow_id = delete_workflow.workflow_id and r.namespace = delete_workflow.namespace
    and r.run_id = coalesce(delete_workflow.run_id, r.run_id)
  order by r.started_at desc, r.run_id desc limit 1;
  if not found then
    raise exception using errcode = 'OR003', message = format('no workflow has the id %L', workflow_id);
  end if;
  if orchestrator.delete_runs(array[v_run_id]) = 0 then
    raise exception using errcode = 'OR005',
      message = format('run %s of workflow id %L is open: terminate it first, or wait until it has ended', v_run_id, workflow_id);
  end if;
  return v_run_id;
end
$$;
comment on function orchestrator.delete_workflow is
  'Removes an ended run with all that is stored of it, with the caller''s transaction, and returns its id: the newest of the workflow id, unless one is '
  'named. Raises OR003, and OR005 for an open one.';

-- As before; kind 0 removes the runs instead of sending them something.
create or replace function orchestrator.advance_batch(
  a_run_id uuid, a_own_run_id uuid, a_after uuid, a_through uuid, a_targets uuid[], a_kind smallint, a_attributes bytea[],
  a_done integer, a_skipped integer, a_failed uuid[], a_codes text[], a_reasons text[]
) returns boolean
language plpgsql as $$
declare
  v_place uuid;
  v_kept integer;
  v_sent integer;
begin
  perform from orchestrator.runs r where r.run_id = a_own_run_id for key share;
  if not found or exists (select from orchestrator.closes c where c.run_id = a_own_run_id) then
    return false;
  end if;
  select b.last_target_run_id, b.failed into v_place, v_kept from orchestrator.batches b where b.run_id = a_run_id for update;
  if v_place is distinct from a_after then
    return false;
  end if;
  if a_kind = 0 then
    v_sent := orchestrator.delete_runs(a_targets);
  else
    perform from orchestrator.runs r where r.run_id = any(a_targets) order by r.run_id for key share;
    insert into orchestrator.inbox (slot, run_id, kind, attributes)
    select r.slot, i.target, a_kind, i.attributes
    from unnest(a_targets, a_attributes) with ordinality i(target, attributes, position)
    cross join lateral (select k.slot from orchestrator.runs k where k.run_id = i.target limit 1) r
    where (select true from orchestrator.closes c where c.run_id = i.target) is null
    order by i.position;
    get diagnostics v_sent = row_count;
  end if;
  insert into orchestrator.batch_failures (run_id, target_run_id, code, reason)
  select a_run_id, i.target, i.code, left(i.reason, 4096) from unnest(a_failed, a_codes, a_reasons) i(target, code, reason)
  limit greatest(0, 1000 - v_kept);
  update orchestrator.batches set
    last_target_run_id = a_through, done = done + a_done + v_sent, skipped = skipped + a_skipped + cardinality(a_targets) - v_sent,
    failed = failed + cardinality(a_failed),
    next_at = greatest(next_at, now() - interval '1 second') + (v_sent + a_done + cardinality(a_failed)) * interval '1 second' / rate
  where run_id = a_run_id;
  delete from orchestrator.batch_runs where run_id = a_run_id and target_run_id > a_after and target_run_id <= a_through;
  return true;
end
$$;
