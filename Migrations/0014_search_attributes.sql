-- Typed values by which runs are found. Each is a name that was added with a type once; a run has one row with all of its values, written in the
-- transaction that starts it, or none.
create table orchestrator.search_attribute_types (
  name text primary key,
  type text not null check (type in ('Keyword', 'Text', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList')),
  added_at timestamptz not null default now()
);
comment on table orchestrator.search_attribute_types is 'The search attributes that runs may have; rows are never changed.';
comment on column orchestrator.search_attribute_types.name is 'As queries name it: letters, digits and _.';
comment on column orchestrator.search_attribute_types.type is 'Keyword, Text, Int, Double, Bool, Datetime or KeywordList.';
comment on column orchestrator.search_attribute_types.added_at is 'When it was added.';

insert into orchestrator.event_types (type, name) values (40, 'UpsertWorkflowSearchAttributes');

create table orchestrator.search_attributes (
  run_id uuid primary key,
  slot smallint not null,
  attributes jsonb not null
);
create index search_attributes_by_value on orchestrator.search_attributes using gin (attributes jsonb_path_ops);
comment on table orchestrator.search_attributes is 'The search attributes of a run; a run without any has no row.';
comment on column orchestrator.search_attributes.run_id is 'The execution.';
comment on column orchestrator.search_attributes.slot is 'Unit of ownership.';
comment on column orchestrator.search_attributes.attributes is
  'Name to value: texts, numbers, true and false, arrays of texts; times as text in UTC with six digits of fraction, so that they sort.';

create function orchestrator.add_search_attribute(name text, type text) returns void
language plpgsql as $$
declare
  v_type text;
begin
  if name is null or name !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
    raise exception using errcode = 'OR005', message = 'a search attribute is named by 1 to 63 letters, digits and _, and begins with no digit';
  end if;
  if name in ('WorkflowId', 'RunId', 'WorkflowType', 'ExecutionStatus', 'StartTime', 'CloseTime', 'ExecutionDuration', 'HistoryLength',
    'WaitsFor', 'BlockedCode') then
    raise exception using errcode = 'OR005', message = format('%L is a field of every run: choose another name', name);
  end if;
  if type is null or type not in ('Keyword', 'Text', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList') then
    raise exception using errcode = 'OR005',
      message = format('the type of a search attribute is Keyword, Text, Int, Double, Bool, Datetime or KeywordList, not %L', type);
  end if;
  insert into orchestrator.search_attribute_types (name, type) values (add_search_attribute.name, add_search_attribute.type)
  on conflict do nothing;
  select t.type into v_type from orchestrator.search_attribute_types t where t.name = add_search_attribute.name;
  if v_type <> type then
    raise exception using errcode = 'OR005', message = format(
      'search attribute %L is of type %s already: runs have such values, so choose another name', name, v_type);
  end if;
end
$$;
comment on function orchestrator.add_search_attribute is
  'Adds a search attribute; the same again changes nothing. Raises OR005 when it has another type.';

-- One value as it is stored, or null when it is not of the type.
create function orchestrator.search_attribute_value(type text, value jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_text text := value #>> '{}';
begin
  if type in ('Keyword', 'Text') and jsonb_typeof(value) = 'string' or type = 'Bool' and jsonb_typeof(value) = 'boolean' then
    return value;
  elsif type = 'Int' and jsonb_typeof(value) = 'number' and value::numeric % 1 = 0 then
    return to_jsonb(value::int8);
  elsif type = 'Double' and jsonb_typeof(value) = 'number' then
    return to_jsonb(value::float8);
  elsif type = 'Datetime' and jsonb_typeof(value) = 'string'
    and upper(v_text) ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$' then
    return to_jsonb(to_char(v_text::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
  elsif type = 'KeywordList' and jsonb_typeof(value) = 'array'
    and not jsonb_path_exists(value, 'strict $[*] ? (@.type() <> "string")') then
    return value;
  end if;
  return null;
exception when numeric_value_out_of_range or datetime_field_overflow or invalid_datetime_format then
  return null;
end
$$;

-- Search attributes as they are stored. Raises OR005 for a name that was not added and for a value of another type.
create function orchestrator.checked_search_attributes(attributes jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_checked jsonb := '{}';
  v_name text;
  v_given jsonb;
  v_type text;
  v_value jsonb;
begin
  if jsonb_typeof(attributes) <> 'object' then
    raise exception using errcode = 'OR005', message = 'search attributes are a JSON object: a value for each name';
  end if;
  for v_name, v_given in select e.key, e.value from jsonb_each(attributes) e loop
    select t.type into v_type from orchestrator.search_attribute_types t where t.name = v_name;
    if not found then
      raise exception using errcode = 'OR005', message = format(
        'there is no search attribute %L: add it with its type first, by orchestrator.add_search_attribute', v_name);
    end if;
    v_value := orchestrator.search_attribute_value(v_type, v_given);
    if v_value is null then
      raise exception using errcode = 'OR005', message = format('search attribute %L takes a value of type %s', v_name, v_type);
    end if;
    if octet_length(v_value::text) > 2048 then
      raise exception using errcode = 'OR005', message = format('the value of search attribute %L has more than 2048 bytes', v_name);
    end if;
    v_checked := v_checked || jsonb_build_object(v_name, v_value);
  end loop;
  if octet_length(v_checked::text) > 40960 then
    raise exception using errcode = 'OR005', message = 'the search attributes have more than 40960 bytes together';
  end if;
  return v_checked;
end
$$;

-- A function with more parameters is another function: who may call the one that goes may call the one that comes.
select set_config('orchestrator.rights', coalesce((
  select p.proacl::text from pg_proc p
  where p.oid = 'orchestrator.start_workflow(text, text, jsonb, uuid, text, text)'::regprocedure), ''), true);
drop function orchestrator.start_workflow(text, text, jsonb, uuid, text, text);

create function orchestrator.start_workflow(
  workflow_type text, workflow_id text, input jsonb default 'null', run_id uuid default null,
  namespace text default 'default', identity text default current_user, search_attributes jsonb default null, memo jsonb default null
) returns uuid
language plpgsql as $$
declare
  v_run_id uuid := coalesce(start_workflow.run_id, orchestrator.new_run_id());
  v_open uuid;
  v_attributes text;
begin
  perform orchestrator.check_name('workflow type', workflow_type);
  perform orchestrator.check_name('workflow id', workflow_id);
  perform orchestrator.check_name('namespace', namespace);
  if octet_length(start_workflow.input::text) > 2097152 then
    raise exception using errcode = 'OR005', message = 'the input has more than 2 MiB: keep large values in the object store and pass their key';
  end if;
  if exists (select from orchestrator.runs r where r.run_id = v_run_id) then
    return v_run_id;
  end if;
  v_open := coalesce(
    orchestrator.open_run(start_workflow.workflow_id, start_workflow.namespace),
    (select i.run_id from orchestrator.inbox i
     where i.kind = 1 and i.workflow_id = start_workflow.workflow_id and i.namespace = start_workflow.namespace limit 1));
  if v_open = v_run_id then
    return v_run_id;
  end if;
  if v_open is not null then
    raise exception using errcode = 'OR002',
      message = format('workflow id %L has an open run already', start_workflow.workflow_id), detail = v_open::text;
  end if;
  v_attributes := json_build_object(
    'workflowType', workflow_type, 'namespace', start_workflow.namespace, 'workflowId', start_workflow.workflow_id,
    'input', start_workflow.input, 'identity', identity)::text;
  if jsonb_typeof(search_attributes) <> 'null' then
    v_attributes := v_attributes::jsonb
      || jsonb_build_object('searchAttributes', orchestrator.checked_search_attributes(start_workflow.search_attributes));
  end if;
  if jsonb_typeof(memo) <> 'null' then
    if jsonb_typeof(memo) <> 'object' or octet_length(start_workflow.memo::text) > 65536 then
      raise exception using errcode = 'OR005', message = 'a memo is a JSON object of at most 64 KiB';
    end if;
    v_attributes := v_attributes::jsonb || jsonb_build_object('memo', start_workflow.memo);
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, workflow_id, namespace, attributes)
  values (
    orchestrator.slot_of(start_workflow.namespace, start_workflow.workflow_id), v_run_id, 1,
    start_workflow.workflow_id, start_workflow.namespace, convert_to(v_attributes, 'UTF8'));
  return v_run_id;
end
$$;
comment on function orchestrator.start_workflow is
  'Starts a workflow with the caller''s transaction and returns its run id. Raises OR002 when the workflow id has an open run.';

do $$
declare
  v_rights text := current_setting('orchestrator.rights');
  v_signature text := 'orchestrator.start_workflow(text, text, jsonb, uuid, text, text, jsonb, jsonb)';
  v_right record;
begin
  if v_rights = '' then
    return;
  end if;
  execute format('revoke all on function %s from public', v_signature);
  for v_right in select grantee, is_grantable from aclexplode(v_rights::aclitem[]) where privilege_type = 'EXECUTE' loop
    execute format('grant execute on function %s to %s %s', v_signature,
      case v_right.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(v_right.grantee)) end,
      case when v_right.is_grantable then 'with grant option' else '' end);
  end loop;
end
$$;
