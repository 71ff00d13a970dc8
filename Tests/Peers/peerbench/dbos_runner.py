"""DBOS Transact: durable workflows as a library. https://docs.dbos.dev/python

Settings: asynchronous workflows on uvloop, called directly (a queue would add a commit and a polling pause to each), LISTEN/NOTIFY
on, logging off, several processes with an executor id of their own that each drive their share of the load.
"""

import asyncio
import time

from dbos import DBOS, DBOSConfig, SendMessage

from . import runner
from .gate import Gate, passed
from .measurement import PAYLOAD, Stopwatch, wait_for
from .worker_process import WorkerProcess

POOL_SIZE = 20
STEPS_PER_CHAIN = 10
WARM_UP = 20
MESSAGES_PER_TRANSACTION = 500
RECEIVE_SECONDS = 600


@DBOS.step()
async def echo(payload):
    return payload


@DBOS.step()
async def hold(gate):
    await passed(gate)


@DBOS.workflow()
async def one_step(payload):
    return await echo(payload)


@DBOS.workflow()
async def chain(payload):
    for position in range(STEPS_PER_CHAIN):
        payload = await echo(payload | {"position": position})
    return payload


@DBOS.workflow()
async def signalled(payload):
    return await DBOS.recv_async(timeout_seconds=RECEIVE_SECONDS)


@DBOS.workflow()
async def held(payload, gate):
    payload = await echo(payload)
    await hold(gate)
    return payload


def launch(url, executor):
    configuration = DBOSConfig(
        name="bench-peers", system_database_url=url, sys_db_pool_size=POOL_SIZE, executor_id=executor, application_version="1",
        log_level="ERROR", console_log_level="ERROR")
    DBOS(config=configuration)
    DBOS.launch()


async def keep_in_flight(workflow, count, in_flight):
    """Starts the workflow `count` times, so many at a time. Returns the milliseconds that each took."""
    remaining = iter(range(count))
    times = []

    async def caller():
        for _ in remaining:
            begun = time.monotonic()
            await workflow(PAYLOAD)
            times.append((time.monotonic() - begun) * 1000)

    await asyncio.gather(*[caller() for _ in range(in_flight)])
    return times


async def drive(channel, url, executor, workload, count, in_flight):
    launch(url, executor)
    workflow = chain if workload == "chain" else one_step
    await keep_in_flight(workflow, max(WARM_UP, in_flight), in_flight)
    channel.send("ready")
    await asyncio.to_thread(channel.recv)
    channel.send(await keep_in_flight(workflow, count, in_flight))


async def signal_alone(channel, url, executor, count):
    launch(url, executor)
    times = []
    for _ in range(WARM_UP + count):
        handle = await DBOS.start_workflow_async(signalled, PAYLOAD)
        # A workflow that waits has written when its wait will end; nothing else tells from outside that it has begun.
        while not await DBOS.list_workflow_steps_async(handle.workflow_id):
            await asyncio.sleep(0.005)
        begun = time.monotonic()
        await DBOS.send_async(handle.workflow_id, PAYLOAD)
        await handle.get_result()
        times.append((time.monotonic() - begun) * 1000)
    channel.send(times[WARM_UP:])


async def park(channel, url, executor, count, in_flight):
    """Starts workflows that wait for a message; sends them all a message when told to."""
    launch(url, executor)
    remaining = iter(range(count))
    handles = []

    async def starter():
        for _ in remaining:
            handles.append(await DBOS.start_workflow_async(signalled, PAYLOAD))

    await asyncio.gather(*[starter() for _ in range(in_flight)])
    channel.send("started")
    await asyncio.to_thread(channel.recv)
    for first in range(0, count, MESSAGES_PER_TRANSACTION):
        some = handles[first:first + MESSAGES_PER_TRANSACTION]
        await DBOS.send_bulk_async([SendMessage(handle.workflow_id, PAYLOAD) for handle in some])
    await asyncio.gather(*[handle.get_result() for handle in handles])
    channel.send("done")


async def hold_many(channel, url, executor, count, gate):
    launch(url, executor)
    handles = [await DBOS.start_workflow_async(held, PAYLOAD, gate) for _ in range(count)]
    channel.send("started")
    await asyncio.gather(*[handle.get_result() for handle in handles])


async def recover(channel, url, executor):
    """Launching with the executor id of a dead process recovers its workflows. Everything else has been done before it is told to."""
    channel.send("ready")
    await asyncio.to_thread(channel.recv)
    launch(url, executor)
    await asyncio.Event().wait()


def wait_for_rows(connection, query, count):

    def enough_rows():
        return connection.execute(query).fetchone()[0] >= count

    wait_for(enough_rows)


def throughput(run):
    share = run.count // run.processes
    workers = []
    for number in range(run.processes):
        executor = f"executor-{number}"
        in_flight = max(1, run.in_flight // run.processes)
        workers.append(run.enter(WorkerProcess(drive, run.url, executor, run.workload, share, in_flight)))
        # One after the other: the first migrates the schema.
        workers[-1].receive()
    with Stopwatch(run.url) as stopwatch:
        for worker in workers:
            worker.send()
        times = [time for worker in workers for time in worker.receive()]
    result = run.measurement(
        "step" if run.workload == "chain" else "workflow", processes=run.processes, in_flight=run.in_flight, pool_size=POOL_SIZE)
    units = share * run.processes * (STEPS_PER_CHAIN if run.workload == "chain" else 1)
    return stopwatch.fill(result.with_latency(times), units)


def latency(run):
    run.processes = run.in_flight = 1
    return throughput(run)


def signal_latency(run):
    worker = run.enter(WorkerProcess(signal_alone, run.url, "executor-0", run.count))
    return run.measurement("workflow", processes=1).with_latency(worker.receive())


def parked(run):
    share = run.count // run.processes
    workers = [
        run.enter(WorkerProcess(park, run.url, f"executor-{number}", share, run.in_flight // run.processes))
        for number in range(run.processes)
    ]
    for worker in workers:
        worker.receive()
    wait_for_rows(run.connect(), "select count(*) from dbos.operation_outputs", share * run.processes)
    with Stopwatch(run.url) as stopwatch:
        for worker in workers:
            worker.send()
        for worker in workers:
            worker.receive()
    return stopwatch.fill(run.measurement("workflow", processes=run.processes), share * run.processes)


def takeover(run):
    """Until each workflow of the dead process has recorded one more step."""
    gate = run.enter(Gate())
    connection = run.connect()
    victim = run.enter(WorkerProcess(hold_many, run.url, "executor-0", run.count, gate.path))
    heir = run.enter(WorkerProcess(recover, run.url, "executor-0"))
    victim.receive()
    heir.receive()
    steps = "select count(*) from dbos.operation_outputs"
    wait_for_rows(connection, steps, run.count)
    result = run.measurement("workflow", recovery="launch with the same executor id at once, everything imported")
    with Stopwatch(run.url) as stopwatch:
        victim.kill()
        gate.open()
        heir.send()
        wait_for_rows(connection, steps, run.count + 1)
        result.details["first_seconds"] = round(stopwatch.elapsed(), 3)
        wait_for_rows(connection, steps, 2 * run.count)
    return stopwatch.fill(result, run.count)


if __name__ == "__main__":
    runner.main(
        "dbos", {
            "one-step": throughput,
            "chain": throughput,
            "latency": latency,
            "signal-latency": signal_latency,
            "parked": parked,
            "takeover": takeover,
        })
