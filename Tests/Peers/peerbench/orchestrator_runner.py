"""This repository's engine, by its own benchmark: `orchestratord bench`, which makes databases of its own on the same server."""

import json
import os
import pathlib
import subprocess

from . import runner

TOP = pathlib.Path(__file__).parents[3]
PROGRAM = TOP / ".build" / "release" / "orchestratord"


def bench(run):
    command = [PROGRAM, "bench", "--workload", run.workload, "--count", str(run.count), "--in-flight", str(run.in_flight), "--json"]
    if run.workload == "remote-activities":
        command += ["--workers", str(run.processes)]
    environment = os.environ | {"DATABASE_URL": run.url}
    output = subprocess.run(command, cwd=TOP, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    values = json.loads(output.splitlines()[-1])
    result = run.measurement(values["unit"], in_flight=run.in_flight)
    for name in ("seconds", "per_second", "commits_per_unit", "wal_bytes_per_unit", "p50_ms", "p99_ms"):
        setattr(result, name, values[name])
    # The rest is what only this engine knows of itself.
    result.details = {name: value for name, value in values.items() if name not in vars(result)}
    return result


def parked(run):
    """Others are timed from the first message to the last result; so is this."""
    result = bench(run)
    result.seconds = result.details["wake_seconds"]
    result.per_second = round(run.count / result.seconds, 2)
    return result


def takeover(run):
    """What is written meanwhile is not of the takeover: the runs of both processes go on for ever."""
    result = bench(run)
    result.commits_per_unit = result.wal_bytes_per_unit = None
    return result


if __name__ == "__main__":
    workloads = ["one-step", "chain", "latency", "signal-latency", "remote-activities"]
    runner.main("orchestrator", dict.fromkeys(workloads, bench) | {"parked": parked, "takeover": takeover})
