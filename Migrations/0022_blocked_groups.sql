-- Blocked runs by what blocks them: numbers and identifiers in the reason tell runs apart, not reasons.
create view orchestrator.blocked_groups as
select left(md5(concat_ws('/', r.workflow_type, b.code, k.kind)), 12) as fingerprint, r.namespace, r.workflow_type, b.code,
  count(*) as runs, min(b.blocked_at) as blocked_since, max(b.blocked_at) as blocked_last,
  (array_agg(r.workflow_id order by b.blocked_at, b.run_id))[1] as example_workflow_id,
  (array_agg(b.reason order by b.blocked_at, b.run_id))[1] as example_reason, max(b.build) as build
from orchestrator.blocked_runs b
join orchestrator.runs r on r.run_id = b.run_id
cross join lateral (select regexp_replace(b.reason, '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9]+', '#', 'g') as kind) k
group by r.namespace, r.workflow_type, b.code, k.kind;
comment on view orchestrator.blocked_groups is 'Blocked runs, counted by what blocks them, with an example of each.';
