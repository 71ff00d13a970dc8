-- Who may write. One row per process is the fence: every commit of an owner locks it FOR SHARE and checks `fenced`; who takes over a dead
-- process's slots sets it first, so that not one row of its late batches lands. No clock takes part.
create table orchestrator.processes (
  process_id bigint generated always as identity primary key,
  name text not null,
  build text not null,
  started_at timestamptz not null default now(),
  fenced boolean not null default false
);
comment on table orchestrator.processes is 'Every process that ever owned slots; changed once, when it ends or is fenced off.';
comment on column orchestrator.processes.process_id is 'Its number; also the key of the advisory lock that its session holds.';
comment on column orchestrator.processes.name is 'Host name and process id, for people.';
comment on column orchestrator.processes.build is 'The program it runs.';
comment on column orchestrator.processes.started_at is 'When it registered.';
comment on column orchestrator.processes.fenced is 'True: nothing that it sends is committed any more.';

create table orchestrator.process_heartbeats (
  process_id bigint primary key references orchestrator.processes,
  at timestamptz not null,
  lease interval not null,
  low_water uuid not null
) with (fillfactor = 50);
comment on table orchestrator.process_heartbeats is 'One row per living process; apart from `processes`, so that heartbeats never wait for commits.';
comment on column orchestrator.process_heartbeats.process_id is 'The process.';
comment on column orchestrator.process_heartbeats.at is 'Its last sign of life.';
comment on column orchestrator.process_heartbeats.lease is 'Silence after which others take over even where advisory locks say nothing.';
comment on column orchestrator.process_heartbeats.low_water is
  'Every open run of its slots with a smaller identifier is parked: a new owner reads from here on.';

create table orchestrator.slots (
  slot smallint primary key,
  process_id bigint references orchestrator.processes,
  low_water uuid not null default '00000000-0000-0000-0000-000000000000'
);
insert into orchestrator.slots (slot) select generate_series(0, 255);
comment on table orchestrator.slots is 'The 256 units of ownership and who owns them.';
comment on column orchestrator.slots.slot is 'Number of the slot.';
comment on column orchestrator.slots.process_id is 'Its owner; null while free.';
comment on column orchestrator.slots.low_water is 'As in process_heartbeats, when the last owner gave it up.';
