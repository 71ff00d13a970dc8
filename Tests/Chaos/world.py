"""Everything under attack, and its beginning and end: cluster, proxy, processes, clients, journal."""

import os
import random
import shutil
import subprocess
import tempfile
import time

import psycopg2

from cluster import Cluster, wait_for
from journal import Journal
from load import SQLClients
from processes import Fleet
from proxy import FaultProxy

HERE = os.path.dirname(os.path.abspath(__file__))

# Ends the servers and removes the folder when the pipe that only this program writes to closes, however it ends.
JANITOR = """
cat; cd /
for file in "$1"/*/data/postmaster.pid; do kill -CONT $(head -n 1 "$file"); kill -QUIT $(head -n 1 "$file"); done 2>/dev/null
tries=0
while ls "$1"/*/data/postmaster.pid >/dev/null 2>&1 && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
for folder in "$1"/cluster-*/; do umount -l "$folder"; done 2>/dev/null
if [ -z "$2" ]; then rm -rf -- "$1"; fi
"""

# Runs that are open, or whose start is not taken yet.
OPEN = """
select r.workflow_type, r.workflow_id from orchestrator.runs r
where not exists (select from orchestrator.closes c where c.run_id = r.run_id)
union all
select convert_from(attributes, 'UTF8')::jsonb ->> 'workflowType', workflow_id from orchestrator.inbox where kind = 1
"""


class World:
    """The systems of one storm, in a folder of their own."""

    def __init__(self, executable, seed, lease, is_kept=False):
        self.folder = tempfile.mkdtemp(prefix="orchestrator-chaos-", dir="/tmp")
        os.chmod(self.folder, 0o711)
        self.executable = executable
        self.generator = random.Random(seed ^ 0x5EED)
        self.clusters = 0
        self.janitor = subprocess.Popen(
            ["/bin/sh", "-c", JANITOR, "janitor", self.folder, "keep" if is_kept else ""], stdin=subprocess.PIPE, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.journal_path = f"{self.folder}/journal"
        self.journal = Journal(self.journal_path)
        self.cluster = Cluster(self.new_cluster_folder())
        self.cluster.create()
        self.proxy = FaultProxy(self.cluster.socket)
        self.connection_string = (
            f"host=127.0.0.1 port={self.proxy.port} user=orchestrator dbname=chaos sslmode=disable gssencmode=disable connect_timeout=5")
        migration = subprocess.Popen([executable, "--role", "migrate", "--database", self.connection_string], stdin=subprocess.PIPE)
        if migration.wait(60):
            raise RuntimeError(f"{executable} --role migrate ended with {migration.returncode}")
        with open(f"{HERE}/witnesses.sql") as file:
            self.execute(file.read())
        self.load = SQLClients(self, self.generator)
        self.fleet = Fleet(self, executable, self.folder, lease)

    def new_cluster_folder(self):
        self.clusters += 1
        return f"{self.folder}/cluster-{self.clusters}"

    def execute(self, text):
        """Runs statements past the proxy."""
        connection = self.cluster.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(text)
        connection.close()

    def ask(self, query, *parameters):
        """All rows, past the proxy; nothing while the server is away."""
        try:
            connection = self.cluster.connect()
            with connection, connection.cursor() as cursor:
                cursor.execute(query, parameters)
                rows = cursor.fetchall()
            connection.close()
            return rows
        except psycopg2.Error:
            return None

    def connect_through_proxy(self, name):
        return psycopg2.connect(self.connection_string, application_name=name)

    def spawn(self, owners, workers, clients, journeys):
        processes = [self.fleet.spawn("owner", journeys) for _ in range(owners)]
        processes += [self.fleet.spawn("worker", 0) for _ in range(workers)]
        processes += [self.fleet.spawn("client", journeys) for _ in range(clients)]
        wait_for("all processes are ready", lambda: all(process.ready.is_set() for process in processes), 60)

    def come_to_rest(self, seconds=120):
        """Ends the load, lets new owners finish what is open, and ends them too. Returns what stood still, a line each."""
        self.cluster.ensure_running()
        self.load.is_starting = False
        self.fleet.end_all()
        self.spawn(owners=2, workers=1, clients=0, journeys=0)
        deadline = time.monotonic() + seconds
        while (rest := self.finish_open()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.load.end()
        while (left := self.left_behind()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.fleet.end_all()
        self.journal.close()
        return rest[:5] + left[:5]

    def finish_open(self):
        """Sends every open run what it waits for; returns the open ones."""
        rows = self.ask(OPEN)
        if rows is None:
            return ["no answer from PostgreSQL"]
        for kind, workflow in rows:
            if kind == "Journey":
                for tick in (1, 2):
                    self.ask("select orchestrator.signal_workflow(%s, 'tick', %s::text::jsonb, %s)", workflow, tick, f"{workflow}/{tick}")
            elif kind == "Waiting":
                self.ask("select orchestrator.cancel_workflow(%s)", workflow)
        return [f"{kind} {workflow}" for kind, workflow in rows]

    def left_behind(self):
        rows = self.ask("""
            select 'inbox' from orchestrator.inbox union all select 'timers' from orchestrator.timers
            union all select 'parked' from orchestrator.parked_runs union all select 'blocked' from orchestrator.blocked_runs
            union all select 'tasks' from orchestrator.activity_tasks union all select 'heartbeats' from orchestrator.activity_heartbeats""")
        return ["no answer from PostgreSQL"] if rows is None else [row[0] for row in rows]

    def check(self):
        """What the independent checker says, in a process of its own."""
        done = subprocess.run(
            ["/usr/bin/python3", f"{HERE}/checker.py", "--host", self.cluster.folder, "--journal", self.journal_path], capture_output=True, text=True)
        return done.stdout, done.stderr

    def dump(self):
        """Keeps the database for whoever looks for the cause."""
        path = f"{self.folder}/database.sql"
        with open(path, "w") as file:
            subprocess.run([f"{self.cluster.binaries}/pg_dump", "-h", self.cluster.folder, "-U", "orchestrator", "chaos"], stdout=file, check=True)

    def remove(self):
        self.fleet.end_all()
        self.cluster.remove()
        self.janitor.stdin.close()
        self.janitor.wait(30)
        if os.path.isdir(self.folder) and not os.listdir(self.folder):
            shutil.rmtree(self.folder, ignore_errors=True)
