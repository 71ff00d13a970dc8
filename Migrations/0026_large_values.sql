-- Values that are too large for a history lie beside it, each once however many events refer to it.
create table orchestrator.large_values (
  hash bytea primary key,
  bytes bytea not null,
  stored_at timestamptz not null default now(),
  dropped_at timestamptz
);
create index large_values_dropped on orchestrator.large_values (dropped_at) where dropped_at is not null;
comment on table orchestrator.large_values is 'Values that histories refer to instead of holding them, by their content.';
comment on column orchestrator.large_values.hash is 'SHA-256 of the bytes.';
comment on column orchestrator.large_values.bytes is 'UTF-8 JSON, as a history would hold it.';
comment on column orchestrator.large_values.stored_at is 'When it was first stored.';
comment on column orchestrator.large_values.dropped_at is
  'Since when a run that referred to it is gone: retention looks whether any other does. Null for those it need not look at.';

-- The foreign key is what makes the removal of a value safe beside a new reference to it: one of the two waits for the other, or is refused.
create table orchestrator.large_value_references (
  run_id uuid not null,
  hash bytea not null references orchestrator.large_values,
  primary key (run_id, hash)
);
create index large_value_references_by_hash on orchestrator.large_value_references (hash);
comment on table orchestrator.large_value_references is 'Which runs refer to which values.';
comment on column orchestrator.large_value_references.run_id is 'The execution.';
comment on column orchestrator.large_value_references.hash is 'The value.';

-- The values of large references are joined in the view itself: a function would ask with its reader's rights, who may see views only.
create or replace view orchestrator.events as
select h.run_id, h.event_id, t.name as type, h.at, h.caused_by,
  case when position('orchestrator/reference' in a.text) = 0 then a.text::jsonb else (
    select jsonb_object_agg(f.key, coalesce((
      select convert_from(v.bytes, 'UTF8')::jsonb from orchestrator.large_value_references r
      join orchestrator.large_values v using (hash)
      where r.run_id = h.run_id and f.value #>> '{metadata,encoding}' = 'orchestrator/reference'
        and encode(r.hash, 'hex') = f.value #>> '{metadata,sha256}'), f.value))
    from jsonb_each(a.text::jsonb) f) end as attributes
from orchestrator.history h
join orchestrator.event_types t using (type)
cross join lateral (select convert_from(h.attributes, 'UTF8') as text) a;
