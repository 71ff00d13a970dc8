-- What the storm adds to the database beside the engine's schema; nothing of it takes part in what the engine decides.
create schema chaos;
-- A client's own row, written in the transaction that starts a workflow.
create table chaos.orders (workflow_id text primary key);
-- Every row of the hot tables with the session that wrote it, in one order with the fencing of processes: the fence waits for commits on
-- their way, so a row of a fenced process that was written after its fence shows as one with a higher number.
create sequence chaos.moments;
create table chaos.writes (
  moment bigint default nextval('chaos.moments'), place text, run_id uuid, event_id int,
  writer text default current_setting('application_name'));
create table chaos.fences (moment bigint default nextval('chaos.moments'), process_id bigint);
-- Outcomes that workers of other processes handed in, with their attempt.
create table chaos.reports (run_id uuid, sequence int, attempt int, is_result boolean, at timestamptz default clock_timestamp());
create table chaos.takeovers (moment bigint default nextval('chaos.moments'), slot smallint, process_id bigint);

create function chaos.note_history() returns trigger language plpgsql as $$
begin
  insert into chaos.writes (place, run_id, event_id) values ('history', new.run_id, new.event_id);
  return null;
end
$$;
create function chaos.note_run() returns trigger language plpgsql as $$
begin
  insert into chaos.writes (place, run_id) values (tg_table_name, new.run_id);
  return null;
end
$$;
create function chaos.note_message() returns trigger language plpgsql as $$
begin
  insert into chaos.writes (place, run_id) values ('inbox', old.run_id);
  return null;
end
$$;
create function chaos.note_report() returns trigger language plpgsql as $$
declare
  report jsonb := convert_from(new.attributes, 'UTF8')::jsonb;
begin
  insert into chaos.reports values (new.run_id, (report ->> 'sequence')::int, (report ->> 'attempt')::int, report ? 'result');
  return null;
end
$$;
create function chaos.note_fence() returns trigger language plpgsql as $$
begin
  insert into chaos.fences (process_id) values (new.process_id);
  return null;
end
$$;
create function chaos.note_takeover() returns trigger language plpgsql as $$
begin
  insert into chaos.takeovers (slot, process_id) values (new.slot, new.process_id);
  return null;
end
$$;
create trigger note after insert on orchestrator.history for each row execute function chaos.note_history();
create trigger note after insert on orchestrator.runs for each row execute function chaos.note_run();
create trigger note after insert on orchestrator.closes for each row execute function chaos.note_run();
create trigger note after delete on orchestrator.inbox for each row execute function chaos.note_message();
create trigger note_report after insert on orchestrator.inbox for each row when (new.kind = 5) execute function chaos.note_report();
create trigger note after update on orchestrator.processes for each row when (new.fenced and not old.fenced)
  execute function chaos.note_fence();
create trigger note after update on orchestrator.slots for each row
  when (new.process_id is not null and new.process_id is distinct from old.process_id) execute function chaos.note_takeover();
