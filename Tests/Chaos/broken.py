"""Proof that the checker sees what it is there for: engines broken on purpose, each by a change of the database or by the proxy, never by a
switch in the engine.

  broken.py --executable .build/debug/EngineProcess --fault fence|inbox|lease|twice

Prints what the checker found, and exits with 1 when it found the violation that this fault must cause; with 0 when it went unseen.
"""

import argparse
import json
import signal
import sys
import threading
import time

from cluster import wait_for
from world import World

LEASE_MILLISECONDS = 1000

# No fence is ever seen as set: who was fenced off may go on writing. The moment of each fence is noted all the same.
UNSEEN_FENCE = """
drop trigger note on orchestrator.processes;
create function chaos.hide_fence() returns trigger language plpgsql as $$
begin
  insert into chaos.fences (process_id) values (new.process_id);
  new.fenced := false;
  return new;
end
$$;
create trigger hide before update on orchestrator.processes for each row when (new.fenced and not old.fenced)
  execute function chaos.hide_fence();
"""

# A close is never refused, whatever waits in the inbox.
UNSEEN_INBOX = """
create or replace function orchestrator.refuse(code text, reason text, subject text default null) returns void
language plpgsql as $$
begin
  if code <> 'OR006' then
    raise exception using errcode = code, message = reason, detail = coalesce(subject, '');
  end if;
end
$$;
"""

# Every lease has the same token: an outcome is taken from whoever comes.
SAME_TOKEN = """
create function chaos.same_token() returns trigger language plpgsql as $$
begin
  new.lease_token := 1;
  return new;
end
$$;
create trigger same_token before update on orchestrator.activity_tasks for each row when (new.state = 1)
  execute function chaos.same_token();
"""

# Nothing but the proxy's second sending stands between a batch and its double.
NO_KEYS = "alter table orchestrator.history drop constraint history_pkey"

WRITES_OF_PROCESS = """
select from chaos.writes w join orchestrator.processes p on w.writer = 'orchestrator-owner-' || p.process_id where p.name = %s limit 1
"""


def start(world, kind, workflow, number):
    world.ask("select orchestrator.start_workflow(%s, %s, %s::text::jsonb)", kind, workflow, number)
    world.journal.note("start", workflow=workflow, number=number)


def fence(world):
    """An owner is frozen until its slots are another's, and wakes."""
    world.execute(UNSEEN_FENCE)
    world.load.begin()
    world.spawn(owners=2, workers=0, clients=0, journeys=6)
    for _ in range(4):
        frozen = world.fleet.living[0]
        wait_for("it owns slots and works", lambda: world.ask(WRITES_OF_PROCESS, frozen.name))
        frozen.signal(signal.SIGSTOP)
        fences = len(world.ask("select from chaos.fences"))
        wait_for("it is fenced off", lambda: len(world.ask("select from chaos.fences")) > fences)
        frozen.signal(signal.SIGCONT)
        if writes_nevertheless(world):
            return
        # What it had in flight had ended before it froze: another one takes its place.
        world.fleet.living.remove(frozen)
        frozen.kill()
        world.fleet.replace(frozen).ready.wait(10)


def writes_nevertheless(world):
    try:
        wait_for("it writes nevertheless", lambda: world.ask(
            "select from chaos.fences f join chaos.writes w on w.writer = 'orchestrator-owner-' || f.process_id and w.moment > f.moment limit 1"), 3)
        return True
    except TimeoutError:
        return False


def inbox(world):
    """Runs end while they are signaled."""
    world.execute(UNSEEN_INBOX)
    world.spawn(owners=1, workers=0, clients=0, journeys=0)

    def signals(number):
        connection = world.connect_through_proxy("sql-client")
        connection.autocommit = True
        with connection.cursor() as cursor:
            for count in range(12):
                workflow = f"signaled-{number}-{count}"
                start(world, "Steps", workflow, 3)
                world.load.send_until_closed(cursor, workflow)

    threads = [threading.Thread(target=signals, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def lease(world):
    """A worker is frozen near the end of its attempt until another one has the task."""
    world.execute(SAME_TOKEN)
    world.spawn(owners=1, workers=2, clients=0, journeys=0)
    for number in range(8):
        start(world, "Remote", f"errand-{number}", 2000)
    (name,), *_ = wait_for("a worker nears the end of an attempt", lambda: world.ask(
        "select worker from orchestrator.activity_tasks where state = 1 and started_at < now() - interval '1700 milliseconds'"))
    frozen = next(process for process in world.fleet.living if process.name == name)
    frozen.signal(signal.SIGSTOP)
    wait_for("another worker has its task", lambda: world.ask(
        "select from orchestrator.activity_tasks where attempt > 1 and state = 1 and worker <> %s", name))
    frozen.signal(signal.SIGCONT)
    wait_for("it reports late", lambda: world.ask("select from chaos.reports where attempt = 1 and (run_id, sequence, attempt) in "
                                                   "(select run_id, sequence, attempt from orchestrator.activity_attempts)"))


def twice(world):
    """The proxy sends what an owner sends once more, by another connection."""
    world.execute(NO_KEYS)
    world.proxy.doubles_batches = True
    world.spawn(owners=1, workers=0, clients=0, journeys=4)
    wait_for("a batch is applied twice", lambda: world.proxy.doubled_batches > 0)


SCENES = {"fence": (fence, "zombie-write"), "inbox": (inbox, "lost-signal"), "lease": (lease, "late-result"), "twice": (twice, "event-twice")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--fault", choices=SCENES, required=True)
    arguments = parser.parse_args()
    act, expected = SCENES[arguments.fault]
    began = time.monotonic()
    world = World(arguments.executable, 1, LEASE_MILLISECONDS)
    try:
        act(world)
        # What is broken need not come to rest.
        world.load.end()
        world.fleet.end_all()
        world.journal.close()
        output, problem = world.check()
    finally:
        world.remove()
    violations = json.loads(output)["violations"] if output else {}
    for name, found in violations.items():
        print(f"{name}: {found['count']}, for example {found['evidence'][0]}")
    print(f"{arguments.fault}: {expected} {'found' if expected in violations else 'NOT found'} in {time.monotonic() - began:.1f} s {problem}")
    return 1 if expected in violations else 0


if __name__ == "__main__":
    sys.exit(main())
