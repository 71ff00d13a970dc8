-- Who may read the views need not be allowed to read the tables: a function would ask with the reader's own rights.
create or replace view orchestrator.schedule_list as
select s.namespace, s.schedule_id, s.workflow_type, s.workflow_id, s.specification, s.overlap_policy, s.catchup_window, s.pause_on_failure,
  s.paused, s.note, s.remaining_actions, s.next_fire_at, (s.recent -> 0 ->> 'startedAt')::timestamptz as last_started_at,
  (select count(*) from jsonb_array_elements(s.running) a
    where exists (
      select from orchestrator.runs r
      where r.workflow_id = a ->> 'workflowId' and r.namespace = s.namespace
        and not exists (select from orchestrator.closes c where c.run_id = r.run_id))) as open_runs,
  jsonb_array_length(s.buffered) as buffered, jsonb_array_length(s.backfills) as backfills,
  s.actions, s.missed, s.skipped, s.dropped, s.problem, s.version, s.created_at, s.updated_at
from orchestrator.schedules s;
