"""Procrastinate: a plain queue, a statement for each job taken and each job ended. https://procrastinate.readthedocs.io

Settings: asynchronous tasks on uvloop, concurrent jobs in each worker process (howto/production/concurrency), jobs put in batches
(howto/basics/batch_defer), LISTEN/NOTIFY on, logging off.
"""

import asyncio
import logging
import time

import procrastinate

from . import runner
from .gate import Gate, passed
from .measurement import PAYLOAD, Stopwatch, wait_for
from .worker_process import WorkerProcess, run_on_loop

JOBS_PER_DEFER = 1000
CONCURRENCY = 30
POOL_SIZE = 30
WARM_UP = 20
# A notification that comes while a worker looks for jobs is lost to it, and the default poll comes 5 s later.
POLL_SECONDS = 0.1
# The defaults are 10 and 30 s; the shortest that leave a live worker some room favour it in the takeover.
HEARTBEAT_SECONDS = 0.25
STALLED_SECONDS = 1.0


def application(url, channel=None, gate=None):
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=2, max_size=POOL_SIZE))

    @app.task(name="step")
    async def step(payload):
        pass

    @app.task(name="timed")
    async def timed(payload):
        channel.send(time.monotonic())

    @app.task(name="held")
    async def held(payload):
        await passed(gate)

    return app


async def work(channel, url, concurrency, gate=None):
    """A worker process: runs jobs until it is killed."""
    logging.disable(logging.CRITICAL)
    app = application(url, channel, gate)
    async with app.open_async():
        channel.send("ready")
        await app.run_worker_async(
            concurrency=concurrency, fetch_job_polling_interval=POLL_SECONDS, install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS, stalled_worker_timeout=STALLED_SECONDS)


async def retry_stalled(channel, url):
    """What its guide has a periodic task do (howto/production/retry_stalled_jobs), more often than cron could."""
    logging.disable(logging.CRITICAL)
    app = application(url)
    async with app.open_async():
        channel.send("ready")
        while True:
            stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS)
            await asyncio.gather(*[app.job_manager.retry_job(job) for job in stalled])
            await asyncio.sleep(POLL_SECONDS)


def start_workers(run, count, concurrency, gate=None):
    workers = [run.enter(WorkerProcess(work, run.url, concurrency, gate)) for _ in range(count)]
    for worker in workers:
        worker.receive()
    return workers


def with_application(run, body):

    async def opened():
        app = application(run.url)
        async with app.open_async():
            return await body(app)

    return run_on_loop(opened())


async def install(app):
    await app.schema_manager.apply_schema_async()


def defer(run, task, count):

    async def in_batches(app):
        for first in range(0, count, JOBS_PER_DEFER):
            some = min(JOBS_PER_DEFER, count - first)
            await app.tasks[task].batch_defer_async(*[{"payload": PAYLOAD}] * some)

    with_application(run, in_batches)


def jobs(connection, *states):
    query = "select count(*) from procrastinate_jobs where status::text = any(%s)"
    return connection.execute(query, [list(states)]).fetchone()[0]


def wait_until_empty(connection):

    def no_job_is_left():
        return jobs(connection, "todo", "doing") == 0

    wait_for(no_job_is_left)


def throughput(run):
    """From the first job put to the last one done, workers running from the beginning."""
    with_application(run, install)
    connection = run.connect()
    start_workers(run, run.processes, CONCURRENCY)
    defer(run, "step", WARM_UP * run.processes)
    wait_until_empty(connection)
    with Stopwatch(run.url) as stopwatch:
        defer(run, "step", run.count)
        wait_until_empty(connection)
    result = run.measurement(
        "job", processes=run.processes, concurrency=CONCURRENCY, pool_size=POOL_SIZE, jobs_per_defer=JOBS_PER_DEFER)
    return stopwatch.fill(result, run.count)


def latency(run):
    """From the call that puts a job to the end of its function: a queue has no result to wait for."""
    with_application(run, install)
    (worker,) = start_workers(run, 1, CONCURRENCY)

    async def one_at_a_time(app):
        times = []
        for _ in range(WARM_UP + run.count):
            begun = time.monotonic()
            await app.tasks["timed"].defer_async(payload=PAYLOAD)
            times.append((await asyncio.to_thread(worker.receive) - begun) * 1000)
        return times[WARM_UP:]

    return run.measurement("job", processes=1).with_latency(with_application(run, one_at_a_time))


def takeover(run):
    """Jobs of a worker without a recent heartbeat are put back by a loop, and done by another worker."""
    with_application(run, install)
    gate = run.enter(Gate())
    connection = run.connect()
    (victim,) = start_workers(run, 1, run.count, gate.path)
    defer(run, "held", run.count)

    def all_are_running():
        return jobs(connection, "doing") == run.count

    def one_is_done():
        return jobs(connection, "succeeded") > 0

    wait_for(all_are_running)
    start_workers(run, 1, CONCURRENCY, gate.path)
    run.enter(WorkerProcess(retry_stalled, run.url)).receive()
    result = run.measurement("job", stalled_seconds=STALLED_SECONDS)
    with Stopwatch(run.url) as stopwatch:
        victim.kill()
        gate.open()
        wait_for(one_is_done)
        result.details["first_seconds"] = round(stopwatch.elapsed(), 3)
        wait_until_empty(connection)
    return stopwatch.fill(result, run.count)


if __name__ == "__main__":
    runner.main("procrastinate", {"one-step": throughput, "latency": latency, "takeover": takeover})
