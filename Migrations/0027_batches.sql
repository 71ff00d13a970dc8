-- One operation on every run that a query finds. The runs are written down when the batch begins; the place that it has reached moves on in the
-- transaction that holds the messages to the runs, so that a process that is killed in between leaves no run out and takes none twice.
create table orchestrator.batches (
  run_id uuid primary key,
  namespace text not null,
  workflow_id text not null,
  action text not null,
  query text not null,
  reason text not null,
  identity text not null,
  rate double precision not null,
  began_at timestamptz not null default now(),
  ended_at timestamptz,
  total integer not null default 0,
  done integer not null default 0,
  skipped integer not null default 0,
  failed integer not null default 0,
  last_target_run_id uuid not null default '00000000-0000-0000-0000-000000000000',
  next_at timestamptz not null default now()
) with (fillfactor = 70);
create index batches_by_workflow_id on orchestrator.batches (workflow_id, namespace);
comment on table orchestrator.batches is 'Batches: one operation on every run that a query found.';
comment on column orchestrator.batches.run_id is 'The batch''s own run; its first one, where it was reset.';
comment on column orchestrator.batches.namespace is 'Namespace of the batch and of the runs.';
comment on column orchestrator.batches.workflow_id is 'The batch''s own workflow id.';
comment on column orchestrator.batches.action is 'What is done to each run, in words.';
comment on column orchestrator.batches.query is 'Which runs, as somebody asked.';
comment on column orchestrator.batches.reason is 'Why, as somebody says.';
comment on column orchestrator.batches.identity is 'Who began it; histories of the runs name them too.';
comment on column orchestrator.batches.rate is 'Operations a second at most.';
comment on column orchestrator.batches.began_at is 'When the runs were written down.';
comment on column orchestrator.batches.ended_at is 'When the last run was dealt with; null until then.';
comment on column orchestrator.batches.total is 'Runs that matched when it began.';
comment on column orchestrator.batches.done is 'Runs whose operation was accepted.';
comment on column orchestrator.batches.skipped is 'Runs that did not match any more when their turn came, closed ones among them.';
comment on column orchestrator.batches.failed is 'Runs whose operation was refused.';
comment on column orchestrator.batches.last_target_run_id is 'Runs up to here were dealt with.';
comment on column orchestrator.batches.next_at is 'The rate allows the next operation then.';

create table orchestrator.batch_runs (
  run_id uuid not null,
  target_run_id uuid not null,
  primary key (run_id, target_run_id)
);
comment on table orchestrator.batch_runs is 'Runs that a batch has not dealt with yet.';
comment on column orchestrator.batch_runs.run_id is 'The batch.';
comment on column orchestrator.batch_runs.target_run_id is 'The run that is to be dealt with.';

create table orchestrator.batch_failures (
  run_id uuid not null,
  target_run_id uuid not null,
  at timestamptz not null default now(),
  code text not null,
  reason text not null,
  primary key (run_id, target_run_id)
);
comment on table orchestrator.batch_failures is 'Runs whose operation was refused, the first 1000 of a batch.';
comment on column orchestrator.batch_failures.run_id is 'The batch.';
comment on column orchestrator.batch_failures.target_run_id is 'The run.';
comment on column orchestrator.batch_failures.at is 'When it was refused.';
comment on column orchestrator.batch_failures.code is 'Name of the error.';
comment on column orchestrator.batch_failures.reason is 'What the error says.';

create view orchestrator.batch_operations as
select b.run_id, b.namespace, b.workflow_id, b.action, b.query, b.reason, b.identity, b.rate, b.began_at, b.ended_at, b.total, b.done,
  b.skipped, b.failed
from orchestrator.batches b;
comment on view orchestrator.batch_operations is 'Batches with their progress: total, done, skipped, failed.';

-- The messages to a page of a batch's runs and the batch's step behind them, in one transaction. The locks of the runs' rows meet those of
-- closing commits, as those of any sender do; the lock of the batch's own run keeps a batch that was cancelled from sending.
-- False when the batch is closed or another attempt was faster: nothing was done.
create function orchestrator.advance_batch(
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
  perform from orchestrator.runs r where r.run_id = any(a_targets) order by r.run_id for key share;
  insert into orchestrator.inbox (slot, run_id, kind, attributes)
  select r.slot, i.target, a_kind, i.attributes
  from unnest(a_targets, a_attributes) with ordinality i(target, attributes, position)
  cross join lateral (select k.slot from orchestrator.runs k where k.run_id = i.target limit 1) r
  where (select true from orchestrator.closes c where c.run_id = i.target) is null
  order by i.position;
  get diagnostics v_sent = row_count;
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
comment on function orchestrator.advance_batch is
  'Engine only: the messages to a page of a batch''s runs, and the batch''s step behind them.';
