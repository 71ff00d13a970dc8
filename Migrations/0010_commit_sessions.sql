-- One connection at a time commits for an owner. What was sent on a connection that broke may still be on its way when the owner reads what
-- is stored and goes on: landing then, it would undo what came after it. So every connection for commits begins a session, and the fence
-- refuses batches of earlier ones.
alter table orchestrator.processes add column session bigint not null default 0;
comment on column orchestrator.processes.session is 'Number of the connection whose batches may land; every new one is the next.';
