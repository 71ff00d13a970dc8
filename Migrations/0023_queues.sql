-- Queues with limits or an order. What waits in such a queue is leased through one function, one caller at a time, so that what it counts stays true;
-- all other queues are leased as before and pay for none of this.
create table orchestrator.queue_settings (
  task_queue text not null,
  namespace text not null,
  concurrency integer check (concurrency between 0 and 1000000),
  rate double precision check (rate between 0.001 and 1000000),
  burst integer not null default 1 check (burst between 1 and 1000000),
  tokens double precision not null default 1,
  refilled_at timestamptz not null default clock_timestamp(),
  passes double precision[] not null default '{0,0,0,0,0}',
  changed_at timestamptz not null default clock_timestamp(),
  primary key (task_queue, namespace)
) with (fillfactor = 50);
comment on table orchestrator.queue_settings is 'Task queues with limits or an order: their activities are rows of activity_tasks wherever they run.';
comment on column orchestrator.queue_settings.task_queue is 'Name of the queue.';
comment on column orchestrator.queue_settings.namespace is 'Whose activities the limits are for.';
comment on column orchestrator.queue_settings.concurrency is 'Attempts at once over all processes; 0 stops the queue, null is no limit.';
comment on column orchestrator.queue_settings.rate is 'Attempts that begin in a second, over all processes; null is no limit.';
comment on column orchestrator.queue_settings.burst is 'Attempts that may begin at once after a quiet time.';
comment on column orchestrator.queue_settings.tokens is 'Attempts that could begin at once at refilled_at.';
comment on column orchestrator.queue_settings.refilled_at is 'When tokens was right.';
comment on column orchestrator.queue_settings.passes is 'How far each priority, 1 to 5, has come in the order of fairness.';
comment on column orchestrator.queue_settings.changed_at is 'When a person changed it last.';

-- Null until a queue with an order takes the task in: other queues write and index nothing more than before.
alter table orchestrator.activity_tasks
  add column priority smallint, add column fairness_key text, add column pass double precision;
create index activity_tasks_ordered on orchestrator.activity_tasks (task_queue, namespace, priority, pass) where state = 2;
create index activity_tasks_fairness on orchestrator.activity_tasks (task_queue, namespace, priority, fairness_key, pass) where state = 2;
create index activity_tasks_counted on orchestrator.activity_tasks (task_queue, namespace) where state = 1 and pass is not null;
comment on column orchestrator.activity_tasks.state is '0 ready or waiting for visible_at, 1 leased, 2 waiting in the order of its queue.';
comment on column orchestrator.activity_tasks.priority is '1 to 5, the lower first; null outside of queues with an order.';
comment on column orchestrator.activity_tasks.fairness_key is 'Who shares the queue with others; null outside of queues with an order.';
comment on column orchestrator.activity_tasks.pass is
  'Its place among those of its priority: a key''s tasks stand 1/weight apart, so that keys take turns. Null outside of queues with an order.';

-- Gives due tasks of a queue their places: start from where the queue has come, or behind the last of the same key. At most 1000; the caller
-- holds the queue's settings.
create function orchestrator.order_tasks(a_task_queue text) returns integer
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_count integer;
begin
  insert into orchestrator.queue_settings (task_queue, namespace)
  select distinct a_task_queue, t.namespace from (
    select a.namespace from orchestrator.activity_tasks a
    where a.task_queue = a_task_queue and a.state = 0 and a.visible_at <= v_now order by a.visible_at limit 1000) t
  where not exists (select from orchestrator.queue_settings s where s.task_queue = a_task_queue and s.namespace = t.namespace)
  on conflict do nothing;
  with due as materialized (
    select t.ctid as row, t.namespace, t.cancel_requested, t.visible_at, t.run_id, t.sequence,
      case when t.options is not null then convert_from(t.options, 'UTF8')::json -> 'priority' end as wanted
    from orchestrator.activity_tasks t
    where t.task_queue = a_task_queue and t.state = 0 and t.visible_at <= v_now
    order by t.visible_at limit 1000 for update skip locked),
  arrived as materialized (
    select d.row, d.namespace, d.visible_at, d.run_id, d.sequence,
      greatest(1, least(5, coalesce((d.wanted ->> 'priorityKey')::integer, 3)))::smallint as priority,
      coalesce(d.wanted ->> 'fairnessKey', '') as fairness_key,
      1 / greatest(0.001, least(1000, coalesce((d.wanted ->> 'fairnessWeight')::float8, 1))) as distance
    from due d where not d.cancel_requested),
  base as materialized (
    select k.namespace, k.priority, k.fairness_key, greatest(
      (select s.passes[k.priority] from orchestrator.queue_settings s where s.task_queue = a_task_queue and s.namespace = k.namespace),
      (select t.pass from orchestrator.activity_tasks t
       where t.task_queue = a_task_queue and t.namespace = k.namespace and t.priority = k.priority and t.fairness_key = k.fairness_key
         and t.state = 2
       order by t.pass desc limit 1)) as pass
    from (select distinct a.namespace, a.priority, a.fairness_key from arrived a) k),
  placed as (
    select a.row, a.priority, a.fairness_key, b.pass + sum(a.distance) over (
      partition by a.namespace, a.priority, a.fairness_key order by a.visible_at, a.run_id, a.sequence) as pass
    from arrived a join base b using (namespace, priority, fairness_key)),
  unwanted as (delete from orchestrator.activity_tasks t using due d where t.ctid = d.row and d.cancel_requested)
  update orchestrator.activity_tasks t set state = 2, priority = p.priority, fairness_key = p.fairness_key, pass = p.pass
  from placed p where t.ctid = p.row;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function orchestrator.order_tasks is 'Gives up to 1000 due tasks of a queue their places in its order and returns how many.';

-- Queues whose tasks come faster than workers ask are put in order all the same: who comes last need not wait for all before him.
create function orchestrator.order_queues() returns integer
language plpgsql as $$
declare
  v_queue text;
  v_count integer := 0;
begin
  for v_queue in select distinct s.task_queue from orchestrator.queue_settings s order by s.task_queue loop
    perform from orchestrator.queue_settings s where s.task_queue = v_queue order by s.namespace for update skip locked;
    if found then
      v_count := v_count + orchestrator.order_tasks(v_queue);
    end if;
  end loop;
  return v_count;
end
$$;
comment on function orchestrator.order_queues is 'Gives due tasks of all queues with an order their places and returns how many.';

-- Leases within the limits of each namespace: the lowest priority first, and within it who had least.
create function orchestrator.lease_ordered_tasks(
  a_task_queue text, a_maximum integer, a_worker text, a_lease interval, a_token bigint, a_activity_types text[]
) returns setof orchestrator.activity_tasks
language plpgsql as $$
declare
  v_settings orchestrator.queue_settings;
  v_task orchestrator.activity_tasks;
  v_left integer := a_maximum;
  v_room integer;
  v_leased integer;
begin
  -- One at a time, so that what is counted below stays true until the commit.
  perform from orchestrator.queue_settings s where s.task_queue = a_task_queue order by s.namespace for update;
  if not found then
    return;
  end if;
  perform orchestrator.order_tasks(a_task_queue);
  for v_settings in select s.* from orchestrator.queue_settings s where s.task_queue = a_task_queue order by random() loop
    exit when v_left <= 0;
    v_room := v_left;
    v_leased := 0;
    if v_settings.concurrency is not null then
      v_room := least(v_room, v_settings.concurrency - (
        select count(*) from (
          select from orchestrator.activity_tasks t
          where t.task_queue = a_task_queue and t.namespace = v_settings.namespace and t.state = 1 and t.pass is not null
          limit v_settings.concurrency) running));
    end if;
    v_settings.tokens := least(v_settings.burst, v_settings.tokens
      + coalesce(v_settings.rate, 0) * greatest(0, extract(epoch from clock_timestamp() - v_settings.refilled_at)));
    v_settings.refilled_at := clock_timestamp();
    if v_settings.rate is not null then
      v_room := least(v_room, floor(v_settings.tokens)::integer);
    end if;
    continue when v_room <= 0;
    for v_task in
      with next as materialized (
        select t.ctid as row from orchestrator.activity_tasks t
        where t.task_queue = a_task_queue and t.namespace = v_settings.namespace and t.state = 2
          and (a_activity_types is null or t.activity_type = any(a_activity_types))
        order by t.priority, t.pass limit v_room for update skip locked)
      update orchestrator.activity_tasks t
      set state = 1, lease_token = a_token, worker = a_worker, started_at = clock_timestamp(), heartbeat_at = clock_timestamp(),
        lease_expires_at = clock_timestamp() + a_lease, due_at = t.close_by
      from next where t.ctid = next.row
      returning t.*
    loop
      v_leased := v_leased + 1;
      v_settings.passes[v_task.priority] := greatest(v_settings.passes[v_task.priority], v_task.pass);
      return next v_task;
    end loop;
    continue when v_leased = 0;
    v_left := v_left - v_leased;
    update orchestrator.queue_settings s
    set tokens = case when s.rate is null then s.tokens else v_settings.tokens - v_leased end, refilled_at = v_settings.refilled_at,
      passes = v_settings.passes
    where s.task_queue = a_task_queue and s.namespace = v_settings.namespace;
  end loop;
end
$$;
comment on function orchestrator.lease_ordered_tasks is 'Leases tasks of a queue with limits or an order, for the engine''s workers.';

create function orchestrator.set_queue(
  task_queue text, concurrency integer default null, rate double precision default null, burst integer default null,
  namespace text default 'default'
) returns void
language plpgsql as $$
declare
  v_burst integer := coalesce(burst, greatest(1, least(1000000, ceil(rate)))::integer, 1);
begin
  perform orchestrator.check_name('task queue', task_queue);
  perform orchestrator.check_name('namespace', namespace);
  if concurrency not between 0 and 1000000 then
    raise exception using errcode = 'OR005', message = 'the concurrency of a queue is 0 to 1000000; null for no limit';
  end if;
  if not rate between 0.001 and 1000000 then
    raise exception using errcode = 'OR005', message = 'the rate of a queue is 0.001 to 1000000 attempts a second; null for no limit';
  end if;
  if v_burst not between 1 and 1000000 then
    raise exception using errcode = 'OR005', message = 'the burst of a queue is 1 to 1000000 attempts';
  end if;
  insert into orchestrator.queue_settings as s (task_queue, namespace, concurrency, rate, burst, tokens)
  values (set_queue.task_queue, set_queue.namespace, set_queue.concurrency, set_queue.rate, v_burst, v_burst)
  on conflict on constraint queue_settings_pkey do update
  set concurrency = excluded.concurrency, rate = excluded.rate, burst = excluded.burst,
    tokens = case when s.rate is null then excluded.burst else least(s.tokens, excluded.burst) end,
    refilled_at = case when s.rate is null then clock_timestamp() else s.refilled_at end, changed_at = clock_timestamp();
  -- Attempts that workers have already are counted from now on.
  update orchestrator.activity_tasks t set pass = 0
  where t.task_queue = set_queue.task_queue and t.namespace = set_queue.namespace and t.state = 1 and t.pass is null;
  perform pg_notify('orchestrator_tasks', '');
end
$$;
comment on function orchestrator.set_queue is
  'Sets all limits of a task queue with the caller''s transaction; null for none. Raises OR005 for values that cannot be.';

create function orchestrator.unset_queue(task_queue text, namespace text default 'default') returns void
language plpgsql as $$
begin
  update orchestrator.queue_settings s set concurrency = null, rate = null, changed_at = clock_timestamp()
  where s.task_queue = unset_queue.task_queue and s.namespace = unset_queue.namespace;
  if not exists (
    select from orchestrator.queue_settings s
    where s.task_queue = unset_queue.task_queue and (s.concurrency is not null or s.rate is not null)) then
    delete from orchestrator.queue_settings s where s.task_queue = unset_queue.task_queue;
    update orchestrator.activity_tasks t set state = 0 where t.task_queue = unset_queue.task_queue and t.state = 2;
  end if;
  perform pg_notify('orchestrator_tasks', '');
end
$$;
comment on function orchestrator.unset_queue is
  'Takes the limits of a task queue away. Without limits in any namespace it is leased as if it had never had any.';

-- Who asks for tasks.
create table orchestrator.workers (
  worker text not null,
  task_queue text not null,
  concurrency integer,
  build text,
  first_seen_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  primary key (worker, task_queue)
) with (fillfactor = 50);
comment on table orchestrator.workers is 'Who asked for tasks of which queue in the last hour.';
comment on column orchestrator.workers.worker is 'Host name and process id, or what a worker in another language calls itself.';
comment on column orchestrator.workers.task_queue is 'The queue that it serves.';
comment on column orchestrator.workers.concurrency is 'Attempts that it runs at once; null when it does not say.';
comment on column orchestrator.workers.build is 'Its program; null when it does not say.';
comment on column orchestrator.workers.first_seen_at is 'When it asked first.';
comment on column orchestrator.workers.seen_at is 'When it asked last.';

create or replace view orchestrator.queues as
select n.task_queue, coalesce(t.ready, 0) as ready, coalesce(t.delayed, 0) as delayed, coalesce(t.leased, 0) as leased, t.oldest_age,
  coalesce(w.pollers, 0) as pollers, w.polled_at
from (
  select a.task_queue from orchestrator.activity_tasks a union select s.task_queue from orchestrator.queue_settings s
  union select w.task_queue from orchestrator.workers w where w.seen_at > now() - interval '30 seconds') n
left join (
  select task_queue, count(*) filter (where state = 0 and visible_at <= now() or state = 2) as ready,
    count(*) filter (where state = 0 and visible_at > now()) as delayed, count(*) filter (where state = 1) as leased,
    now() - min(visible_at) filter (where state = 0 and visible_at <= now() or state = 2) as oldest_age
  from orchestrator.activity_tasks group by task_queue) t using (task_queue)
left join (
  select task_queue, count(*) filter (where seen_at > now() - interval '30 seconds') as pollers, max(seen_at) as polled_at
  from orchestrator.workers group by task_queue) w using (task_queue);
comment on view orchestrator.queues is 'Depth and age of every task queue with pending tasks, limits or workers, and how many workers ask for its tasks.';

create view orchestrator.queue_limits as
select s.task_queue, s.namespace, s.concurrency, s.rate, case when s.rate is not null then s.burst end as burst,
  coalesce(t.running, 0) as running, coalesce(t.waiting, 0) as waiting, t.oldest_age, s.changed_at
from orchestrator.queue_settings s
left join (
  select task_queue, namespace, count(*) filter (where state = 1) as running, count(*) filter (where state in (0, 2)) as waiting,
    now() - min(visible_at) filter (where state = 0 and visible_at <= now() or state = 2) as oldest_age
  from orchestrator.activity_tasks group by task_queue, namespace) t using (task_queue, namespace);
comment on view orchestrator.queue_limits is 'Limits of task queues, with what runs and waits under them.';

create view orchestrator.active_workers as
select w.worker, w.task_queue, w.concurrency, w.build, coalesce(t.running, 0) as running, w.first_seen_at, w.seen_at
from orchestrator.workers w
left join (
  select worker, task_queue, count(*) as running from orchestrator.activity_tasks where state = 1 group by worker, task_queue) t
  using (worker, task_queue);
comment on view orchestrator.active_workers is 'Who asked for tasks of which queue in the last hour, and how many it holds.';
