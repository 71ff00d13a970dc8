-- Versions of a workflow type's code: which one new runs begin with, which one each run has, and which of them are still needed.
insert into orchestrator.event_types (type, name) values (55, 'WorkflowExecutionOptionsUpdated');

create table orchestrator.version_settings (
  workflow_type text not null,
  namespace text not null,
  current_version text,
  ramping_version text,
  ramping_percent double precision not null default 0 check (ramping_percent between 0 and 100),
  changed_at timestamptz not null default clock_timestamp(),
  changed_by text not null,
  primary key (workflow_type, namespace)
);
comment on table orchestrator.version_settings is 'Workflow types of which somebody said with which version new runs begin.';
comment on column orchestrator.version_settings.workflow_type is 'Name of the type.';
comment on column orchestrator.version_settings.namespace is 'Whose runs it is for.';
comment on column orchestrator.version_settings.current_version is 'With which version runs begin; null for the one that the code says.';
comment on column orchestrator.version_settings.ramping_version is 'With which version a share of them begins; null for none.';
comment on column orchestrator.version_settings.ramping_percent is 'That share, in percent of all workflow ids.';
comment on column orchestrator.version_settings.changed_at is 'When a person changed it last.';
comment on column orchestrator.version_settings.changed_by is 'Who that was.';

create table orchestrator.run_versions (
  run_id uuid primary key,
  slot smallint not null,
  version text not null,
  is_pinned boolean not null
);
comment on table orchestrator.run_versions is 'Runs whose code has a version.';
comment on column orchestrator.run_versions.run_id is 'The execution.';
comment on column orchestrator.run_versions.slot is 'Unit of ownership.';
comment on column orchestrator.run_versions.version is 'With which it began, or to which it was moved.';
comment on column orchestrator.run_versions.is_pinned is 'Only that version continues it; otherwise it goes on with the current one.';

create table orchestrator.known_versions (
  process_id bigint not null references orchestrator.process_heartbeats on delete cascade,
  workflow_type text not null,
  version text not null,
  is_pinned boolean not null,
  primary key (process_id, workflow_type, version)
);
comment on table orchestrator.known_versions is 'Which versions of workflow types the build of a living process has.';
comment on column orchestrator.known_versions.process_id is 'The process.';
comment on column orchestrator.known_versions.workflow_type is 'Name of the type.';
comment on column orchestrator.known_versions.version is 'Name of the version.';
comment on column orchestrator.known_versions.is_pinned is 'Runs that begin with it stay with it.';

comment on column orchestrator.inbox.kind is
  '1 start, 2 signal, 3 cancel, 4 terminate, 5 outcome of an activity, 6 operator''s word on an activity, 7 try a blocked run again, '
  '8 outcome of a child, 9 update, 10 from a run to a workflow id, 11 its answer, 20 reset, 21 pause or unpause, 22 move to a version.';

-- Open runs are parked, or at or above the lowest of the low-water marks: all that ended is left alone.
create view orchestrator.workflow_versions as
with open_runs as (
  select p.run_id from orchestrator.parked_runs p
  union all
  select r.run_id from orchestrator.runs r
  where r.run_id >= (
      select least(s.low_water, h.low_water) from orchestrator.slots s left join orchestrator.process_heartbeats h using (process_id)
      order by 1 limit 1)
    and not exists (select from orchestrator.closes c where c.run_id = r.run_id)
    and not exists (select from orchestrator.parked_runs p where p.run_id = r.run_id)),
open_versions as (
  select r.namespace, r.workflow_type, v.version, count(*) filter (where v.is_pinned) as pinned_runs,
    count(*) filter (where not v.is_pinned) as upgrading_runs, min(r.started_at) as oldest_run_at
  from open_runs o
  cross join lateral (
    select k.version, k.is_pinned from orchestrator.run_versions k where k.run_id = o.run_id limit 1) v
  join orchestrator.runs r on r.run_id = o.run_id
  group by r.namespace, r.workflow_type, v.version),
named as (
  select s.namespace, s.workflow_type, s.current_version as version from orchestrator.version_settings s where s.current_version is not null
  union select s.namespace, s.workflow_type, s.ramping_version from orchestrator.version_settings s where s.ramping_version is not null
  union select o.namespace, o.workflow_type, o.version from open_versions o
  union
  select coalesce(n.namespace, 'default'), k.workflow_type, k.version from orchestrator.known_versions k
  left join (
    select namespace, workflow_type from orchestrator.version_settings union select namespace, workflow_type from open_versions) n
    on n.workflow_type = k.workflow_type)
select n.namespace, n.workflow_type, n.version,
  case when s.current_version = n.version then 'Current' when s.ramping_version = n.version and s.ramping_percent > 0 then 'Ramping'
    when s.current_version is null then null when coalesce(o.pinned_runs, 0) > 0 then 'Draining' else 'Drained' end as status,
  case when s.ramping_version = n.version then s.ramping_percent end as ramping_percent,
  coalesce(o.pinned_runs, 0) as pinned_runs, coalesce(o.upgrading_runs, 0) as upgrading_runs, o.oldest_run_at,
  (select count(*) from orchestrator.known_versions k where k.workflow_type = n.workflow_type and k.version = n.version) as processes,
  s.changed_at, s.changed_by
from named n
left join orchestrator.version_settings s on s.workflow_type = n.workflow_type and s.namespace = n.namespace
left join open_versions o on o.namespace = n.namespace and o.workflow_type = n.workflow_type and o.version = n.version;
comment on view orchestrator.workflow_versions is
  'Versions of workflow types: Current, Ramping, Draining while open runs are pinned to it, Drained when its code can go; null while none is current.';

-- Code that some process does not have would block the runs of its slots.
create function orchestrator.check_version(a_workflow_type text, a_version text, a_force boolean) returns void
language plpgsql as $$
declare
  v_without integer;
begin
  perform orchestrator.check_name('workflow type', a_workflow_type);
  perform orchestrator.check_name('version', a_version);
  if a_force then
    return;
  end if;
  select count(*) into v_without from orchestrator.process_heartbeats h join orchestrator.processes p using (process_id)
  where not p.fenced and h.at + h.lease > clock_timestamp() and not exists (
    select from orchestrator.known_versions k
    where k.process_id = h.process_id and k.workflow_type = a_workflow_type and k.version = a_version);
  if v_without > 0 then
    raise exception using errcode = 'OR005', message = format(
      '%s of the living processes do not have version %L of workflow type %L: deploy it first', v_without, a_version, a_workflow_type);
  end if;
end
$$;
comment on function orchestrator.check_version is 'Raises OR005 unless every living process has a version of a workflow type.';

create function orchestrator.set_current_version(
  workflow_type text, version text, namespace text default 'default', force boolean default false, identity text default current_user
) returns void
language plpgsql as $$
begin
  perform orchestrator.check_name('namespace', namespace);
  if version is null then
    update orchestrator.version_settings s set current_version = null, changed_at = clock_timestamp(), changed_by = identity
    where s.workflow_type = set_current_version.workflow_type and s.namespace = set_current_version.namespace;
    delete from orchestrator.version_settings s
    where s.workflow_type = set_current_version.workflow_type and s.namespace = set_current_version.namespace and s.ramping_version is null;
    return;
  end if;
  perform orchestrator.check_version(workflow_type, version, force);
  insert into orchestrator.version_settings as s (workflow_type, namespace, current_version, changed_by)
  values (set_current_version.workflow_type, set_current_version.namespace, version, identity)
  on conflict on constraint version_settings_pkey do update
  set current_version = excluded.current_version, changed_at = excluded.changed_at, changed_by = excluded.changed_by,
    ramping_version = nullif(s.ramping_version, excluded.current_version),
    ramping_percent = case when s.ramping_version is distinct from excluded.current_version then s.ramping_percent else 0 end;
end
$$;
comment on function orchestrator.set_current_version is
  'From the commit on, new runs of a workflow type begin with this version, and runs that are not pinned go on with it; null for the one that the '
  'code says. Raises OR005 when a living process does not have it, unless forced.';

create function orchestrator.set_ramping_version(
  workflow_type text, version text, percent double precision default 0, namespace text default 'default', force boolean default false,
  identity text default current_user
) returns void
language plpgsql as $$
begin
  perform orchestrator.check_name('namespace', namespace);
  if percent is null or not percent between 0 and 100 then
    raise exception using errcode = 'OR005', message = 'the share of a ramping version is 0 to 100 percent';
  end if;
  if version is null then
    update orchestrator.version_settings s
    set ramping_version = null, ramping_percent = 0, changed_at = clock_timestamp(), changed_by = identity
    where s.workflow_type = set_ramping_version.workflow_type and s.namespace = set_ramping_version.namespace;
    delete from orchestrator.version_settings s
    where s.workflow_type = set_ramping_version.workflow_type and s.namespace = set_ramping_version.namespace and s.current_version is null;
    return;
  end if;
  perform orchestrator.check_version(workflow_type, version, force);
  if exists (
    select from orchestrator.version_settings s
    where s.workflow_type = set_ramping_version.workflow_type and s.namespace = set_ramping_version.namespace and s.current_version = version)
  then
    raise exception using errcode = 'OR005', message = format('version %L is the current one', version);
  end if;
  insert into orchestrator.version_settings as s (workflow_type, namespace, ramping_version, ramping_percent, changed_by)
  values (set_ramping_version.workflow_type, set_ramping_version.namespace, version, percent, identity)
  on conflict on constraint version_settings_pkey do update
  set ramping_version = excluded.ramping_version, ramping_percent = excluded.ramping_percent, changed_at = excluded.changed_at,
    changed_by = excluded.changed_by;
end
$$;
comment on function orchestrator.set_ramping_version is
  'From the commit on, a share of the workflow ids begins new runs with this version; null ends that. Raises OR005 when a living process does not '
  'have it, unless forced.';

create function orchestrator.move_workflow(
  workflow_id text, version text default null, reason text default '', namespace text default 'default', identity text default current_user
) returns void
language plpgsql as $$
begin
  if version is not null then
    perform orchestrator.check_name('version', version);
  end if;
  perform orchestrator.send_message(workflow_id, namespace, 22::smallint, json_build_object(
    'versioning', case when version is null then json_build_object('behavior', 'autoUpgrade')
      else json_build_object('behavior', 'pinned', 'version', version) end,
    'reason', left(reason, 4096), 'identity', identity));
end
$$;
comment on function orchestrator.move_workflow is
  'Pins the open run of a workflow id to a version of its code, with the caller''s transaction; null lets it go on with the current one. '
  'Raises OR003, OR004.';

-- A function with more parameters is another function: who may call the one that goes may call the one that comes.
select set_config('orchestrator.rights', coalesce((
  select p.proacl::text from pg_proc p
  where p.oid = 'orchestrator.reset_workflow(text, text, uuid, uuid, text, text, text, text)'::regprocedure), ''), true);
drop function orchestrator.reset_workflow(text, text, uuid, uuid, text, text, text, text);

-- No lock of the run's row: a closed run is reset like an open one, so the message may overtake or follow its close.
create function orchestrator.reset_workflow(
  workflow_id text, point text, base_run_id uuid default null, new_run_id uuid default null, exclude text default '',
  reason text default '', namespace text default 'default', identity text default current_user, version text default null
) returns uuid
language plpgsql as $$
declare
  v_base uuid;
  v_new uuid := coalesce(reset_workflow.new_run_id, orchestrator.new_run_id());
begin
  perform orchestrator.check_reset(point, exclude);
  if version is not null then
    perform orchestrator.check_name('version', version);
  end if;
  select r.run_id into v_base from orchestrator.runs r
  where r.workflow_id = reset_workflow.workflow_id and r.namespace = reset_workflow.namespace
    and r.run_id = coalesce(reset_workflow.base_run_id, r.run_id)
  order by r.run_id desc limit 1;
  if not found then
    raise exception using errcode = 'OR003', message = format('no workflow has the id %L', workflow_id);
  end if;
  if exists (select from orchestrator.resets x where x.run_id = v_new) then
    return v_new;
  end if;
  insert into orchestrator.inbox (slot, run_id, kind, attributes)
  values (orchestrator.slot_of(reset_workflow.namespace, reset_workflow.workflow_id), v_base, 20::smallint, convert_to(json_build_object(
    'baseRunId', v_base, 'newRunId', v_new, 'namespace', reset_workflow.namespace, 'workflowId', reset_workflow.workflow_id,
    'mode', 'reset', 'point', point, 'exclude', coalesce(exclude, ''), 'reason', left(reason, 4096), 'identity', identity, 'version', version)::text, 'UTF8'));
  return v_new;
end
$$;
comment on function orchestrator.reset_workflow is
  'Lets a workflow id go on from a part of a run''s history, with the caller''s transaction: a new run begins with a copy of it, an open one ends. '
  'Returns the new run''s id, of the base run''s version or of the given one; the same new_run_id again is the same request. '
  'orchestrator.workflow_resets tells what became of it. Raises OR003, OR005.';

do $$
declare
  v_rights text := current_setting('orchestrator.rights');
  v_signature text := 'orchestrator.reset_workflow(text, text, uuid, uuid, text, text, text, text, text)';
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

-- Options of a start as they are recorded. Raises OR005 for what is none.
create or replace function orchestrator.checked_start_options(options jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_key text;
  v_value jsonb;
  v_policy constant jsonb := '{"initialIntervalMilliseconds": 1000, "backoffCoefficient": 2, "maximumIntervalMilliseconds": 100000,
    "maximumAttempts": 3, "nonRetryableErrorTypes": [], "hasFullJitter": false}';
begin
  if jsonb_typeof(options) <> 'object' then
    raise exception using errcode = 'OR005', message = 'the options of a start are a JSON object';
  end if;
  for v_key, v_value in select e.key, e.value from jsonb_each(options) e loop
    if v_key in ('startDelayMilliseconds', 'executionTimeoutMilliseconds', 'runTimeoutMilliseconds') then
      if jsonb_typeof(v_value) <> 'number' or v_value::numeric % 1 <> 0 or v_value::numeric not between 0 and 31536000000000 then
        raise exception using errcode = 'OR005', message = format('%s is a whole number of milliseconds', v_key);
      end if;
    elsif v_key = 'reusePolicy' then
      if v_value #>> '{}' not in ('allowDuplicate', 'allowDuplicateFailedOnly', 'rejectDuplicate') then
        raise exception using errcode = 'OR005', message = 'reusePolicy is allowDuplicate, allowDuplicateFailedOnly or rejectDuplicate';
      end if;
    elsif v_key = 'conflictPolicy' then
      if v_value #>> '{}' not in ('fail', 'useExisting', 'terminateExisting') then
        raise exception using errcode = 'OR005', message = 'conflictPolicy is fail, useExisting or terminateExisting';
      end if;
    elsif v_key = 'retryPolicy' then
      if jsonb_typeof(v_value) <> 'object' or exists (
        select from jsonb_each(v_value) p
        where jsonb_typeof(p.value) is distinct from jsonb_typeof(v_policy -> p.key)
          or jsonb_typeof(p.value) = 'number' and (p.value::numeric < 0 or p.value::numeric > 31536000000000
            or p.key <> 'backoffCoefficient' and p.value::numeric % 1 <> 0 or p.key = 'maximumAttempts' and p.value::numeric > 2147483647)
          or p.key = 'nonRetryableErrorTypes' and jsonb_path_exists(p.value, 'strict $[*] ? (@.type() <> "string")')) then
        raise exception using errcode = 'OR005',
          message = 'retryPolicy is an object of initialIntervalMilliseconds, backoffCoefficient, maximumIntervalMilliseconds, maximumAttempts, '
            'nonRetryableErrorTypes and hasFullJitter';
      end if;
      options := jsonb_set(options, '{retryPolicy}', v_policy || v_value);
    elsif v_key = 'versioning' then
      v_value := case jsonb_typeof(v_value) when 'object' then v_value else '{}' end;
      if v_value - 'behavior' - 'version' <> '{}' or (
        v_value ->> 'behavior' = 'pinned' and octet_length(v_value ->> 'version') between 1 and 255
        or v_value ->> 'behavior' = 'autoUpgrade' and not v_value ? 'version') is not true then
        raise exception using errcode = 'OR005',
          message = 'versioning is {"behavior": "pinned", "version": "..."} or {"behavior": "autoUpgrade"}';
      end if;
    else
      raise exception using errcode = 'OR005', message = format('a start has no option %L', v_key);
    end if;
  end loop;
  return options;
end
$$;

create or replace view orchestrator.workflows as
select r.run_id, r.namespace, r.workflow_id, r.workflow_type, r.slot, r.started_at, c.closed_at,
  case when c.status is not null then
    case c.status when 2 then 'Completed' when 3 then 'Failed' when 4 then 'Canceled' when 5 then 'Terminated' when 6 then 'ContinuedAsNew'
      when 7 then 'TimedOut' end
    when b.run_id is not null then 'Blocked' when u.run_id is not null then 'Paused' else 'Running' end as status,
  case when c.outcome is not null then convert_from(c.outcome, 'UTF8')::jsonb end as outcome,
  case when s.state is not null then convert_from(s.state, 'UTF8')::jsonb end as state,
  c.last_event_id as events,
  p.waits_for, p.parked_at, b.code as blocked_code, b.reason as blocked_reason, b.blocked_at, u.paused_at, u.reason as paused_reason,
  u.identity as paused_by,
  (select v.version from orchestrator.run_versions v where v.run_id = r.run_id) as version,
  (select v.is_pinned from orchestrator.run_versions v where v.run_id = r.run_id) as is_pinned
from orchestrator.runs r
left join orchestrator.closes c using (run_id)
left join orchestrator.run_states s using (run_id)
left join orchestrator.parked_runs p using (run_id)
left join orchestrator.blocked_runs b using (run_id)
left join orchestrator.paused_runs u using (run_id);
comment on view orchestrator.workflows is
  'Every run with its status: Running, Paused, Blocked, Completed, Failed, Canceled, Terminated, ContinuedAsNew, TimedOut.';

create or replace function orchestrator.add_search_attribute(name text, type text) returns void
language plpgsql as $$
declare
  v_type text;
begin
  if name is null or name !~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' then
    raise exception using errcode = 'OR005', message = 'a search attribute is named by 1 to 63 letters, digits and _, and begins with no digit';
  end if;
  if name in ('WorkflowId', 'RunId', 'WorkflowType', 'ExecutionStatus', 'StartTime', 'CloseTime', 'ExecutionDuration', 'HistoryLength',
    'WaitsFor', 'BlockedCode', 'WorkflowVersion') then
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
