"""PostgreSQL clusters of the storm's own: started, killed, frozen, filled up, copied and promoted."""

import os
import pwd
import shutil
import signal
import subprocess
import time

import psycopg2

BINARIES = "/usr/lib/postgresql"
USER = "orchestrator"
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "wal_keep_size": "64MB",
    "log_min_messages": "warning",
    "restart_after_crash": "on",
}


def newest_binaries():
    versions = sorted((int(name) for name in os.listdir(BINARIES) if name.isdigit()), reverse=True)
    return f"{BINARIES}/{versions[0]}/bin"


def wait_for(what, condition, seconds=30, pause=0.02):
    """Looks again and again until the condition holds."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)
    return answer


class SmallDisk:
    """A file system in memory whose size can be taken away: a full disk that costs nothing. Needs root."""

    def __init__(self, folder):
        self.folder = folder
        self.is_mounted = False
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50%", "tmpfs", folder], check=True, capture_output=True)
            self.is_mounted = True
            self.reason = ""
        except (OSError, subprocess.CalledProcessError) as error:
            self.reason = getattr(error, "stderr", b"").decode().strip() or str(error)

    def fill(self):
        """Leaves next to nothing free; more is refused until `free`."""
        for _ in range(20):
            state = os.statvfs(self.folder)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            if self.resize(f"{used + 128 * 1024}"):
                return True
        return False

    def free(self):
        self.resize("50%")

    def resize(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], capture_output=True).returncode == 0

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.folder], capture_output=True)


class Cluster:
    """One PostgreSQL server in a folder, reachable through a Unix socket there."""

    def __init__(self, folder):
        self.folder = folder
        self.data = f"{folder}/data"
        self.socket = f"{folder}/.s.PGSQL.5432"
        self.binaries = newest_binaries()
        self.owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        os.makedirs(folder, mode=0o700)
        self.disk = SmallDisk(folder)
        self.hand_over(folder)
        os.chmod(folder, 0o700)
        self.server = None

    def hand_over(self, path):
        if self.owner:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def command(self, program, *arguments):
        own = [f"{self.binaries}/{program}", *arguments]
        if not self.owner:
            return own
        return ["setpriv", f"--reuid={self.owner.pw_uid}", f"--regid={self.owner.pw_gid}", "--init-groups", "--", *own]

    def run(self, program, *arguments):
        done = subprocess.run(self.command(program, *arguments), capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")

    def create(self):
        self.run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with open(f"{self.data}/postgresql.conf", "a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            file.write(f"unix_socket_directories = '{self.folder}'\nunix_socket_permissions = 0700\n")
        self.start()
        connection = self.connect("postgres")
        connection.autocommit = True
        connection.cursor().execute("create database chaos")
        connection.close()

    def copy_from(self, primary):
        """Becomes a streaming standby of a running server."""
        self.run("pg_basebackup", "-h", primary.folder, "-U", USER, "-D", self.data, "-c", "fast", "-X", "stream", "-R", "--no-sync")
        with open(f"{self.data}/postgresql.auto.conf", "a") as file:
            file.write(f"unix_socket_directories = '{self.folder}'\nsynchronous_standby_names = ''\n")
        self.start()

    def connect(self, database="chaos", name="checker"):
        return psycopg2.connect(
            host=self.folder, user=USER, dbname=database, application_name=name, connect_timeout=10, options="-c client_min_messages=error")

    def answers(self):
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.Error:
            return False

    def start(self):
        """Starts the server, again and again while processes of the last one hold its shared memory, and waits until it answers."""
        log = open(f"{os.path.dirname(self.folder)}/{os.path.basename(self.folder)}.log", "a")

        def is_up():
            if self.server is None or self.server.poll() is not None:
                self.server = subprocess.Popen(
                    self.command("postgres", "-D", self.data), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)
            return self.answers()

        with log:
            wait_for(f"PostgreSQL starts in {self.folder}", is_up, seconds=120, pause=0.05)

    def ensure_running(self):
        """After a fault: a server that gave up is started again; one that recovers by itself is waited for."""
        if not self.answers():
            self.start()

    def processes(self):
        """The postmaster and everything that it started, also what has outlived it: all of them work in the data folder."""
        found = {int(name) for name in os.listdir("/proc") if name.isdigit() and folder_of(name) == self.data}
        if self.server and self.server.poll() is None:
            found.add(self.server.pid)
        return sorted(found)

    def signal(self, number, processes=None):
        for process in processes or self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """SIGKILL for the postmaster and all of its processes, as when the machine loses power (but for what the kernel still writes)."""

        def are_gone():
            # A process that was being started may not have been seen; one that waits for another's lock never notices that it is alone.
            processes = self.processes()
            self.signal(signal.SIGKILL, processes)
            if self.server:
                self.server.poll()
            return not processes

        wait_for(f"the processes of {self.folder} end", are_gone)

    def backends(self, pattern):
        """Server processes of sessions whose name starts with the pattern."""
        try:
            with self.connect("postgres") as connection, connection.cursor() as cursor:
                cursor.execute(
                    "select pid from pg_stat_activity where application_name like %s order by application_name, pid", (pattern + "%",))
                return [row[0] for row in cursor.fetchall()]
        except psycopg2.Error:
            return []

    def remove(self):
        self.signal(signal.SIGCONT)
        self.kill()
        self.disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(process):
    """The folder that a process works in; None when it is gone or somebody else's."""
    try:
        return os.readlink(f"/proc/{process}/cwd")
    except OSError:
        return None
