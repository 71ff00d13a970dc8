"""PgQueuer: a plain queue that works in batches. https://pgqueuer.readthedocs.io, guides/performance-tuning

Settings: asyncpg on uvloop, a connection of its own for each worker process and a pool for the producer, jobs put, taken and ended in
large batches, the recommended autovacuum settings (`pgq autovac`), durability `durable` (the default; the faster ones lose jobs when
the server crashes).
"""

import asyncio
import json
import time
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.queries import Queries

from . import runner
from .gate import Gate, passed
from .measurement import PAYLOAD, Stopwatch, wait_for
from .worker_process import WorkerProcess, run_on_loop

BATCH_SIZE = 250
JOBS_PER_ENQUEUE = 1000
WARM_UP = 20
POLL = timedelta(seconds=0.25)
# The default is 30 s; the shortest that leaves a live worker some room favours it in the takeover.
HEARTBEAT_TIMEOUT = timedelta(seconds=1)
CONTENT = json.dumps(PAYLOAD, separators=(",", ":")).encode()


async def work(channel, url, gate=None):
    """A worker process: runs jobs until it is killed."""
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(url)))

    @queue.entrypoint("step")
    async def step(job):
        json.loads(job.payload)

    @queue.entrypoint("timed")
    async def timed(job):
        json.loads(job.payload)
        channel.send(time.monotonic())

    @queue.entrypoint("held")
    async def held(job):
        await passed(gate)

    channel.send("ready")
    await queue.run(batch_size=BATCH_SIZE, dequeue_timeout=POLL, heartbeat_timeout=HEARTBEAT_TIMEOUT)


def start_workers(run, count, gate=None):
    workers = [run.enter(WorkerProcess(work, run.url, gate)) for _ in range(count)]
    for worker in workers:
        worker.receive()
    return workers


def with_queries(run, body):
    """Runs `body` with PgQueuer's own interface to its tables, over a pool as its guide says for producers."""

    async def with_pool():
        async with asyncpg.create_pool(run.url, min_size=2, max_size=5) as pool:
            return await body(Queries(AsyncpgPoolDriver(pool)))

    return run_on_loop(with_pool())


async def install(queries):
    await queries.install()
    await queries.optimize_autovacuum()


def enqueue(run, entrypoint, count):

    async def in_batches(queries):
        for first in range(0, count, JOBS_PER_ENQUEUE):
            some = min(JOBS_PER_ENQUEUE, count - first)
            await queries.enqueue([entrypoint] * some, [CONTENT] * some, [0] * some)

    with_queries(run, in_batches)


def wait_until_empty(connection):
    """Jobs that have ended leave the table: looking whether a row is left costs next to nothing."""

    def queue_is_empty():
        return not connection.execute("select exists(select from pgqueuer)").fetchone()[0]

    wait_for(queue_is_empty, pause=0.01)


def finished(connection):
    query = "select count(distinct job_id) from pgqueuer_log where status = 'successful'"
    return connection.execute(query).fetchone()[0]


def throughput(run):
    """From the first job put to the last one done, workers running from the beginning."""
    with_queries(run, install)
    connection = run.connect()
    start_workers(run, run.processes)
    enqueue(run, "step", JOBS_PER_ENQUEUE)
    wait_until_empty(connection)
    with Stopwatch(run.url) as stopwatch:
        enqueue(run, "step", run.count)
        wait_until_empty(connection)
    if finished(connection) != JOBS_PER_ENQUEUE + run.count:
        raise RuntimeError("not every job that left the queue has succeeded")
    result = run.measurement("job", processes=run.processes, batch_size=BATCH_SIZE, jobs_per_enqueue=JOBS_PER_ENQUEUE)
    return stopwatch.fill(result, run.count)


def latency(run):
    """From the call that puts a job to the end of its function: a queue has no result to wait for."""
    with_queries(run, install)
    (worker,) = start_workers(run, 1)

    async def one_at_a_time(queries):
        times = []
        for _ in range(WARM_UP + run.count):
            begun = time.monotonic()
            await queries.enqueue("timed", CONTENT)
            times.append((await asyncio.to_thread(worker.receive) - begun) * 1000)
        return times[WARM_UP:]

    return run.measurement("job", processes=1).with_latency(with_queries(run, one_at_a_time))


def takeover(run):
    """Another worker takes jobs again whose heartbeat has become older than the timeout."""
    with_queries(run, install)
    gate = run.enter(Gate())
    connection = run.connect()
    (victim,) = start_workers(run, 1, gate.path)
    enqueue(run, "held", run.count)

    def all_are_running():
        return connection.execute("select count(*) from pgqueuer where status = 'picked'").fetchone()[0] == run.count

    def one_is_done():
        return finished(connection) > 0

    wait_for(all_are_running)
    start_workers(run, 1, gate.path)
    result = run.measurement("job", heartbeat_seconds=HEARTBEAT_TIMEOUT.total_seconds())
    with Stopwatch(run.url) as stopwatch:
        victim.kill()
        gate.open()
        wait_for(one_is_done)
        result.details["first_seconds"] = round(stopwatch.elapsed(), 3)
        wait_until_empty(connection)
    return stopwatch.fill(result, run.count)


if __name__ == "__main__":
    runner.main("pgqueuer", {"one-step": throughput, "remote-activities": throughput, "latency": latency, "takeover": takeover})
