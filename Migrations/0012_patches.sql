-- Numbers from 1000 on are ours: Temporal keeps its patches in markers, which are answers here.
insert into orchestrator.event_types (type, name) values (1000, 'PatchRecorded');
comment on column orchestrator.event_types.name is 'Temporal''s name; from 1000 on ours.';
