-- A run that ended without its code (terminated, or failed where even cleaning up failed) leaves its track behind: it must not look alive for ever.
create function music.settle_tracks(p_limit integer) returns integer language plpgsql as $$
declare
  v_track record;
  v_count integer := 0;
  v_reason text := 'The processing of this track was stopped. Please upload it again.';
begin
  for v_track in
    select t.id, t.status from music.tracks t
    where t.status in ('PENDING', 'PROCESSING', 'REVIEWING')
      and exists (
        select from orchestrator.runs r join orchestrator.closes c using (run_id)
        where r.workflow_id = t.workflow_id and r.namespace = 'default')
      and orchestrator.open_run(t.workflow_id) is null
      and not exists (
        select from orchestrator.inbox i where i.kind = 1 and i.workflow_id = t.workflow_id and i.namespace = 'default')
    order by t.created_at
    limit p_limit
    for update of t skip locked
  loop
    if v_track.status = 'PENDING' then
      perform music.change_status(v_track.id, 'PROCESSING', null, 'upkeep', 'upkeep/processing/' || v_track.id);
    end if;
    perform music.change_status(
      v_track.id, case v_track.status when 'REVIEWING' then 'BLOCKED' else 'FAILED' end, v_reason, 'upkeep', 'upkeep/end/' || v_track.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function music.settle_tracks(integer) is
  'Ends tracks whose run is closed although they wait for it: FAILED, or BLOCKED from REVIEWING. Returns how many.';
