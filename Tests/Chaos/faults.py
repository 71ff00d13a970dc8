"""The faults themselves. Each runs in a thread of its own, so that they overlap; those of the server take turns."""

import os
import random
import signal
import threading
import time

import psycopg2

from cluster import Cluster, wait_for

NAMES = ("orchestrator-owner", "orchestrator-ownership", "orchestrator-client", "orchestrator-worker", "sql-client")


class Faults:
    """Attacks a world: `inject` one fault after the other, then `wait`."""

    def __init__(self, world):
        self.world = world
        self.server = threading.Lock()
        self.counts = {}
        self.skipped = {}
        self.failures = []
        self.threads = []

    def inject(self, fault):
        thread = threading.Thread(target=self.run, args=(fault,), name=fault.kind, daemon=True)
        self.threads = [other for other in self.threads if other.is_alive()] + [thread]
        thread.start()

    def wait(self):
        for thread in self.threads:
            thread.join()

    def run(self, fault):
        generator = random.Random(fault.seed)
        act = getattr(self, fault.kind.replace("-", "_"))
        try:
            reason = act(fault.seconds, generator)
        except Exception as error:  # noqa: BLE001 - a fault that cannot be made is a flaw of the harness, and told as one
            self.failures.append(f"{fault.kind}: {type(error).__name__} {error}")
            return
        if reason:
            self.skipped[fault.kind] = reason
        else:
            self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1

    # Processes

    def kill_owner(self, _, generator, role="owner"):
        if process := self.world.fleet.take(generator, role):
            self.world.fleet.replace(process)
            process.kill()

    def kill_worker(self, _, generator):
        self.kill_owner(0, generator, "worker")

    def kill_client(self, _, generator):
        self.kill_owner(0, generator, "client")

    def freeze_owner(self, seconds, generator, role="owner"):
        if process := self.world.fleet.take(generator, role):
            process.signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.signal(signal.SIGCONT)
            self.world.fleet.put_back(process)

    def freeze_worker(self, seconds, generator):
        self.freeze_owner(seconds, generator, "worker")

    def rolling_restart(self, _, generator):
        """One after the other ends in good order and comes back as another build."""
        fleet = self.world.fleet
        fleet.build += 1
        for role in ("owner", "worker", "client"):
            for _ in fleet.of_role(role):
                if process := fleet.take(generator, role):
                    fleet.replace(process).ready.wait(10)
                    process.end()

    # Connections

    def cut(self, _, generator):
        self.world.proxy.cut(generator.choice(NAMES), generator.choice((0.3, 1)), generator)

    def delay(self, seconds, generator):
        sessions = self.world.proxy.set_delay(generator.choice(NAMES), 1, generator, generator.uniform(0.005, 0.1))
        time.sleep(seconds)
        for session in sessions:
            session.delay = 0

    def freeze_connections(self, seconds, generator):
        """Half-open connections: nothing comes through, then everything does, or a reset ends it."""
        sessions = self.world.proxy.set_frozen(generator.choice(NAMES), generator.choice((0.5, 1)), generator)
        time.sleep(seconds)
        if generator.random() < 0.5:
            self.world.proxy.end(sessions)
        self.world.proxy.thaw(sessions)

    def lose_commit(self, _, generator):
        self.world.proxy.lose_commit(generator.choice(NAMES), 0.5, generator)

    def refuse_connections(self, seconds, generator):
        proxy = self.world.proxy
        proxy.is_refusing = True
        proxy.cut("", generator.choice((0.3, 1)), generator)
        time.sleep(seconds)
        proxy.is_refusing = False

    # The server

    def kill_server(self, seconds, _):
        with self.server:
            self.world.cluster.kill()
            time.sleep(seconds)
            self.world.cluster.ensure_running()

    def kill_backend(self, _, generator):
        """One server process is killed: the postmaster ends all sessions and recovers by itself."""
        with self.server:
            if victims := self.world.cluster.backends("orchestrator"):
                self.world.cluster.signal(signal.SIGKILL, [generator.choice(victims)])
                self.world.cluster.ensure_running()

    def freeze_server(self, seconds, _):
        with self.server:
            processes = self.world.cluster.processes()
            self.world.cluster.signal(signal.SIGSTOP, processes)
            time.sleep(seconds)
            self.world.cluster.signal(signal.SIGCONT, processes)

    def freeze_backend(self, seconds, generator):
        with self.server:
            if victims := self.world.cluster.backends("orchestrator-owner-"):
                victim = [generator.choice(victims)]
                self.world.cluster.signal(signal.SIGSTOP, victim)
                time.sleep(seconds)
                self.world.cluster.signal(signal.SIGCONT, victim)

    def restart_server(self, _, __):
        with self.server:
            self.world.cluster.signal(signal.SIGINT, [self.world.cluster.server.pid])
            self.world.cluster.server.wait()
            self.world.cluster.start()

    def exhaust_connections(self, seconds, generator):
        with self.server:
            held = []
            try:
                while len(held) < 200:
                    held.append(self.world.cluster.connect("postgres", "hog"))
            except psycopg2.OperationalError:
                pass
            self.world.proxy.cut("orchestrator", 0.3, generator)
            time.sleep(seconds)
            for connection in held:
                connection.close()

    def fill_disk(self, seconds, _):
        with self.server:
            cluster = self.world.cluster
            if not cluster.disk.is_mounted:
                return f"no file system of its own for the cluster: {cluster.disk.reason}"
            cluster.disk.fill()
            time.sleep(seconds)
            cluster.disk.free()
            cluster.ensure_running()

    def failover(self, seconds, _):
        """A standby is made and kept in step, the primary dies, the standby takes its place; the old primary stays dead."""
        with self.server:
            primary = self.world.cluster
            # It may still recover from what was done to it before.
            wait_for("the primary answers", primary.answers, seconds=120, pause=0.1)
            standby = Cluster(self.world.new_cluster_folder())
            try:
                standby.copy_from(primary)
                keep_in_step(primary)
            except (RuntimeError, TimeoutError, psycopg2.Error):
                standby.remove()
                raise
            time.sleep(seconds)
            primary.kill()
            with standby.connect("postgres") as connection, connection.cursor() as cursor:
                cursor.execute("select pg_promote(true, 60)")
            connection.close()
            self.world.cluster = standby
            self.world.proxy.switch(standby.socket)
            primary.remove()

    # Strangers

    def hold_snapshot(self, seconds, _):
        self.hold(seconds, "select count(*) from orchestrator.inbox", isolation="repeatable read")

    def hold_locks(self, seconds, generator):
        self.hold(seconds, generator.choice((
            "select from orchestrator.runs r where not exists (select from orchestrator.closes c where c.run_id = r.run_id) limit 20 for update",
            "select from orchestrator.activity_tasks limit 20 for update",
            "select from orchestrator.inbox limit 20 for update",
            "select from orchestrator.processes where not fenced for update",
        )))

    def hold(self, seconds, statement, isolation="read committed"):
        """Someone's transaction that does one thing and then idles; the server may die under it."""
        try:
            connection = self.world.cluster.connect(name="stranger")
            connection.set_session(isolation_level=isolation)
            connection.cursor().execute(statement)
            time.sleep(seconds)
            connection.close()
        except psycopg2.Error:
            time.sleep(0)


def keep_in_step(primary):
    """From now on a commit is acknowledged when the standby has it too; returns when that holds of everything before as well."""
    connection = primary.connect("postgres")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("alter system set synchronous_standby_names = '*'")
    cursor.execute("select pg_reload_conf(), pg_current_wal_lsn()")
    position = cursor.fetchone()[1]

    def is_in_step():
        cursor.execute(
            "select count(*) from pg_stat_replication where sync_state = 'sync' and flush_lsn >= %s and state = 'streaming'", (position,))
        return cursor.fetchone()[0] == 1

    wait_for("the standby is in step", is_in_step)
    connection.close()
