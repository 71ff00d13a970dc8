"""The PostgreSQL that all are measured on: a private one, unless DATABASE_URL names another."""

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

# What the engine's own benchmark uses. Nothing is taken from durability: fsync and synchronous_commit stand as PostgreSQL ships them.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
}
START_SECONDS = 60


@contextlib.contextmanager
def server(folder):
    """Yields the URL of a server: DATABASE_URL's, or one in `folder` that is stopped afterwards."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    programs = _programs()
    sockets = tempfile.mkdtemp(prefix="bench-peers-")
    data = os.path.join(folder, "data")
    shutil.rmtree(data, ignore_errors=True)
    os.makedirs(data, mode=0o700)
    _hand_over(data)
    _hand_over(sockets)
    process = None
    try:
        with open(os.path.join(folder, "postgresql.log"), "w") as log:
            arguments = ["-D", data, "-U", "orchestrator", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
            subprocess.run(_unprivileged([f"{programs}/initdb", *arguments]), check=True, stdout=log, stderr=log, cwd="/")
            settings = SETTINGS | {"unix_socket_directories": sockets}
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            process = subprocess.Popen(_unprivileged([f"{programs}/postgres", "-D", data, *options]), stdout=log, stderr=log, cwd="/")
        url = f"postgresql://orchestrator@/postgres?host={quote(sockets, safe='')}"
        _wait_until_ready(url, process, log.name)
        yield url
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(url, name):
    """Yields the URL of an empty database on the server; it is dropped afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')
        connection.execute(f'create database "{name}"')
        connection.execute("checkpoint")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'drop database if exists "{name}" with (force)')


def describe(url):
    """What the figures were measured on, in the server's own words."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = ["server_version", "fsync", "synchronous_commit", "shared_buffers"]
        return {name: connection.execute(f"show {name}").fetchone()[0] for name in names}


def _programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    if found:
        return found[-1]
    beside = shutil.which("postgres")
    if beside is None:
        raise SystemExit("bench-peers: no PostgreSQL server is installed; call 'make dependencies' or set DATABASE_URL")
    return os.path.dirname(beside)


def _unprivileged(command):
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def _hand_over(path):
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _wait_until_ready(url, process, log):
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench-peers: PostgreSQL did not start, see {log}: {error}") from error
        time.sleep(0.02)
