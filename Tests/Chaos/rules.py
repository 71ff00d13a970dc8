"""What must hold of the tables whatever happened, in SQL that shares no code with the engine. Each query returns what breaks its rule."""

# The journal as a table of this session: what was said, of which workflow, with what word.
JOURNAL_TABLES = """
create temp table said (kind text, workflow_id text, word text);
create temp table executed (run_id uuid, sequence int, attempt int);
create temp table event as
  select run_id, event_id, type, caused_by, at, convert_from(attributes, 'UTF8')::jsonb as attributes from orchestrator.history;
create index on event (run_id, event_id);
"""
INDEXES = """
create index on said (kind, workflow_id);
create index on executed (run_id, sequence);
create index on event ((attributes ->> 'requestId')) where type = 26;
analyze said, executed, event;
"""

ACKNOWLEDGED = {
    "lost-start": """
        select s.workflow_id from said s where s.kind = 'start'
          and not exists (select from orchestrator.runs r where r.workflow_id = s.workflow_id)""",
    "lost-signal": """
        select s.word from said s where s.kind = 'signal' and not exists (
          select from event e join orchestrator.runs r using (run_id)
          where e.type = 26 and e.attributes ->> 'requestId' = s.word and r.workflow_id = s.workflow_id)""",
    "lost-cancel": """
        select s.workflow_id from said s where s.kind = 'cancel' and not exists (
          select from event e join orchestrator.runs r using (run_id) where e.type = 20 and r.workflow_id = s.workflow_id)""",
    "lost-completion": """
        select s.workflow_id || ': told ' || s.word from said s where s.kind = 'completion' and not exists (
          select from orchestrator.runs r join orchestrator.closes c using (run_id)
          where r.workflow_id = s.workflow_id and c.status = 2 and convert_from(c.outcome, 'UTF8') = s.word)""",
    "result-without-execution": """
        select e.run_id::text || ' ' || (e.attributes ->> 'sequence') from event e
        where e.type = 12 and not exists (
          select from executed x where x.run_id = e.run_id and x.sequence = (e.attributes ->> 'sequence')::int)""",
    "order-without-start": """
        select o.workflow_id from chaos.orders o
        where not exists (select from orchestrator.runs r where r.workflow_id = o.workflow_id)""",
    "start-without-order": """
        select r.workflow_id from orchestrator.runs r
        where r.workflow_id like 'sql-%' and not exists (select from chaos.orders o where o.workflow_id = r.workflow_id)""",
    "rolled-back-start": "select workflow_id from orchestrator.runs where workflow_id like '%-dropped'",
}

HISTORIES = {
    "gap": """
        select run_id::text from event group by run_id having min(event_id) <> 1 or max(event_id) <> count(distinct event_id)""",
    "event-twice": "select run_id::text || ' ' || event_id from event group by run_id, event_id having count(*) > 1",
    "not-started-first-and-once": """
        select run_id::text from event group by run_id
        having count(*) filter (where type = 1) <> 1 or min(event_id) filter (where type = 1) <> 1""",
    "not-closed-once-and-last": """
        select coalesce(h.run_id, c.run_id)::text from (
          select run_id, count(*) filter (where type in (2, 3, 21, 27)) as endings, max(event_id) as last,
            max(event_id) filter (where type in (2, 3, 21, 27)) as closing
          from event group by run_id) h
        full join orchestrator.closes c using (run_id)
        where h.endings is distinct from 1 or c.run_id is null or h.closing <> h.last or c.last_event_id <> h.last""",
    "run-without-history": """
        select coalesce(r.run_id, h.run_id)::text from orchestrator.runs r
        full join (select run_id from event group by run_id) h using (run_id) where r.run_id is null or h.run_id is null""",
    "run-twice": "select workflow_id from orchestrator.runs group by workflow_id having count(*) > 1",
    "result-twice": """
        select run_id::text || ' ' || (attributes ->> 'sequence') from event where type in (12, 13, 14, 18, 25)
        group by run_id, attributes ->> 'sequence', case when type in (12, 13, 14) then 0 else type end having count(*) > 1""",
    "answer-without-question": """
        select a.run_id::text || ' ' || a.event_id from event a where a.type in (12, 13, 14, 18) and not exists (
          select from event q where q.run_id = a.run_id and q.event_id = a.caused_by and q.event_id < a.event_id
            and q.attributes ->> 'sequence' = a.attributes ->> 'sequence' and q.type = case a.type when 18 then 17 else 10 end)""",
    "request-twice": """
        select run_id::text || ' ' || (attributes ->> 'requestId') from event where type = 26
        group by run_id, attributes ->> 'requestId' having count(*) > 1""",
    "late-result": """
        select r.run_id::text || ' ' || r.sequence || ' attempt ' || r.attempt || ' was given up before' from chaos.reports r
        join orchestrator.activity_attempts a on a.run_id = r.run_id and a.sequence = r.sequence and a.attempt = r.attempt
        where r.is_result and r.at > a.ended_at""",
    "time-goes-back": """
        select run_id::text || ' ' || event_id from (
          select run_id, event_id, at < lag(at) over (partition by run_id order by event_id) as is_earlier from event) h
        where is_earlier""",
    "timer-fired-early": """
        select f.run_id::text || ' ' || f.event_id from event f join event s on s.run_id = f.run_id and s.event_id = f.caused_by
        where f.type = 18 and f.at < s.at + (s.attributes ->> 'startToFireMilliseconds')::bigint * interval '1 millisecond'""",
    "wrong-end": """
        select workflow_id || ' is ' || c.status || ' with ' || coalesce(convert_from(c.outcome, 'UTF8'), 'nothing')
        from orchestrator.runs r join orchestrator.closes c using (run_id) join event e on e.run_id = r.run_id and e.event_id = 1
        where case workflow_type
          when 'Journey' then c.status <> 2 or convert_from(c.outcome, 'UTF8')::int <> 69 + (e.attributes ->> 'input')::int
          when 'Remote' then c.status <> 2 or convert_from(c.outcome, 'UTF8')::int <> (e.attributes ->> 'input')::int
          when 'Waiting' then c.status <> 4
          when 'Steps' then c.status <> 2 or convert_from(c.outcome, 'UTF8')::int <> (e.attributes ->> 'input')::int end""",
    "zombie-write": """
        select w.writer || ' wrote ' || w.place || ' of ' || w.run_id || ' ' || coalesce(w.event_id::text, '') || ' at moment ' || w.moment
          || ', fenced at ' || f.moment
        from chaos.fences f join chaos.writes w on w.writer = 'orchestrator-owner-' || f.process_id and w.moment > f.moment""",
}

# Rules that hold once the last owners had a moment of peace.
LEFT_BEHIND = {
    "open-run": """
        select r.workflow_id from orchestrator.runs r where not exists (select from orchestrator.closes c where c.run_id = r.run_id)""",
    "orphan": """
        select place || ' ' || run_id from (
          select 'inbox' as place, run_id from orchestrator.inbox
          union all select 'timers', run_id from orchestrator.timers
          union all select 'parked_runs', run_id from orchestrator.parked_runs
          union all select 'blocked_runs', run_id from orchestrator.blocked_runs
          union all select 'activity_tasks', run_id from orchestrator.activity_tasks
          union all select 'activity_heartbeats', run_id from orchestrator.activity_heartbeats
          union all select 'parked_activities', run_id from orchestrator.parked_activities) l""",
    "slot-of-the-dead": """
        select s.slot::text from orchestrator.slots s left join orchestrator.processes p using (process_id)
        where s.process_id is not null and p.fenced""",
}
