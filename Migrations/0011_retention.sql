-- Where retention removes as many rows as are written, vacuum must be faster than both: at PostgreSQL's default pace (some 5,000 dirty pages a
-- second) it needs nearly as long as the rows took to come, and dead rows pile up meanwhile. Where nothing is removed it has little to do.
alter table orchestrator.history set (autovacuum_vacuum_cost_limit = 2000);
alter table orchestrator.runs set (autovacuum_vacuum_cost_limit = 2000);
alter table orchestrator.closes set (autovacuum_vacuum_cost_limit = 2000);
