-- What happened, in one order for everybody who follows it: a stream of events goes on exactly where it ended. Whoever changes something adds a
-- row in the same transaction, without a lock; its number comes later, from whichever process looks next, so that numbers become visible
-- in their order and nobody passes over one that commits late.
create schema events;
comment on schema events is 'What happened, for those who follow it.';

create table events.log (
  id bigint generated always as identity primary key,
  number bigint unique,
  user_id text check (octet_length(user_id) between 1 and 255),
  type text not null check (octet_length(type) between 3 and 100),
  document text not null check (octet_length(document) <= 20000),
  at timestamptz not null default now()
) with (fillfactor = 70);
create index log_unnumbered on events.log (id) where number is null;
create index log_of_user on events.log (user_id, number);
comment on table events.log is 'One row for each event, kept for a week.';
comment on column events.log.id is 'Order in which they were made, which is not that in which they were committed.';
comment on column events.log.number is 'Order in which they are told, without gaps; null until a process has seen it.';
comment on column events.log.user_id is 'Whom it concerns; null for what concerns operators only.';
comment on column events.log.type is 'What happened, for example track.published.';
comment on column events.log.document is 'What is told: JSON with type, timestamp and data.';
comment on column events.log.at is 'When it happened.';

create table events.state (
  id smallint primary key default 1 check (id = 1),
  head bigint not null default 0,
  pruned bigint not null default 0
) with (fillfactor = 50);
insert into events.state default values;
comment on table events.state is 'How far the numbers are: one row.';
comment on column events.state.id is 'One.';
comment on column events.state.head is 'The number given last.';
comment on column events.state.pruned is 'The highest number that was removed because of its age.';

create function events.emit(p_user_id text, p_type text, p_data jsonb) returns void language sql as $$
  insert into events.log (user_id, type, document)
  values (
    p_user_id, p_type,
    json_build_object(
      'type', p_type, 'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', jsonb_strip_nulls(p_data)
    )::text)
$$;
comment on function events.emit(text, text, jsonb) is
  'Adds an event in the transaction of what it tells of; without a user it concerns operators only.';

create function events.take(p_after bigint, p_limit integer)
returns table (number bigint, user_id text, document text) language plpgsql as $$
declare
  v_head bigint;
  v_count bigint;
begin
  if exists (select from events.log l where l.number is null) then
    -- Who holds the row gives the numbers, until its commit: others see them then.
    select s.head into v_head from events.state s for update skip locked;
    if found then
      with waiting as (select l.id from events.log l where l.number is null order by l.id limit p_limit),
        placed as (select w.id, v_head + row_number() over (order by w.id) as place from waiting w)
      update events.log l set number = p.place from placed p where l.id = p.id;
      get diagnostics v_count = row_count;
      update events.state s set head = s.head + v_count;
    end if;
  end if;
  return query
    select l.number, l.user_id, l.document from events.log l where l.number > p_after order by l.number limit p_limit;
end
$$;
comment on function events.take(bigint, integer) is
  'Gives numbers to what has none, unless another process is at it, and returns what follows a number.';

create function events.prune(p_age interval, p_limit integer) returns integer language plpgsql as $$
declare
  v_last bigint;
  v_count integer;
begin
  select max(o.number) into v_last
    from (select l.number, l.at from events.log l where l.number is not null order by l.number limit p_limit) o where o.at < now() - p_age;
  if v_last is null then
    return 0;
  end if;
  delete from events.log l where l.number <= v_last;
  get diagnostics v_count = row_count;
  update events.state s set pruned = greatest(s.pruned, v_last);
  return v_count;
end
$$;
comment on function events.prune(interval, integer) is 'Removes the oldest events that are older than so long; how many.';

create function events.tell_notification() returns trigger language plpgsql as $$
begin
  perform events.emit(
    new.artist_id, case new.kind when 'status' then 'track' else new.kind end || '.' || lower(new.status),
    jsonb_build_object(
      'notificationId', new.id, 'userId', new.artist_id, 'trackId', new.track_id, 'status', new.status,
      'title', (select t.title from music.tracks t where t.id = new.track_id), 'message', left(new.message, 2400)));
  return null;
end
$$;
comment on function events.tell_notification() is 'What a user is told is an event too.';
create trigger notifications_are_events after insert on music.notifications
  for each row execute function events.tell_notification();

create function events.tell_job() returns trigger language plpgsql as $$
begin
  perform events.emit(
    (select a.artist_id from music.assets a where a.id = new.asset_id), 'job.' || new.status,
    jsonb_build_object(
      'jobId', new.id, 'assetId', new.asset_id, 'jobType', new.type, 'status', new.status, 'createdVersion', new.created_version,
      'errorCode', left(new.error_code, 100)));
  return null;
end
$$;
comment on function events.tell_job() is 'Each status of a job is an event for the owner of its asset.';
create trigger jobs_begin_as_events after insert on music.jobs for each row execute function events.tell_job();
create trigger jobs_are_events after update of status on music.jobs
  for each row when (old.status is distinct from new.status) execute function events.tell_job();

create function events.tell_failure() returns trigger language plpgsql as $$
declare
  v_new jsonb := to_jsonb(new);
  v_run record;
begin
  select r.workflow_id, r.workflow_type, r.namespace into v_run from orchestrator.runs r where r.run_id = new.run_id;
  perform events.emit(
    null, tg_argv[0],
    jsonb_build_object(
      'runId', new.run_id, 'workflowId', v_run.workflow_id, 'workflowType', v_run.workflow_type, 'namespace', v_run.namespace,
      'activityType', v_new -> 'activity_type', 'sequence', v_new -> 'sequence', 'attempts', v_new -> 'attempts', 'code', v_new -> 'code'));
  return null;
end
$$;
comment on function events.tell_failure() is 'What waits for an operator is an event of the type that the trigger names; its texts and values stay where they are.';
create trigger parked_activities_are_events after insert on orchestrator.parked_activities
  for each row execute function events.tell_failure('activity.parked');
create trigger blocked_runs_are_events after insert on orchestrator.blocked_runs
  for each row execute function events.tell_failure('workflow.blocked');

alter table events.log enable row level security;
grant usage on schema events to orchestrator_api;
grant select on events.log to orchestrator_api;
create policy log_of_viewer on events.log for select to orchestrator_api using (
  user_id = (select access.viewer()) or (select access.viewer_sees_all()));
