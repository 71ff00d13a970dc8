"""Measures all in turn, so that what the machine does meanwhile strikes everyone alike."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

from . import cluster
from .measurement import Measurement
from .workloads import NAMES

HERE = pathlib.Path(__file__).parents[1]
PATIENCE_SECONDS = 300
QUICK_SHARE = 20


class Comparison:
    """One call of `make bench-peers`: measurements by workload and peer, and as lines of JSON in a file."""

    def __init__(self, url, folder, rounds, quick):
        self.url = url
        self.rounds = 1 if quick else rounds
        self.quick = quick
        self.measurements = {}
        self.failures = []
        self.begun = time.monotonic()
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        self.results = pathlib.Path(folder, f"results-{stamp}.jsonl")
        self._errors = open(pathlib.Path(folder, "runners.log"), "w")
        self.circumstances = circumstances(url) | {"rounds": self.rounds, "quick": quick}
        self._keep(json.dumps(self.circumstances))

    def run(self, workloads):
        for round_number in range(self.rounds):
            for workload in workloads:
                if round_number < workload.rounds_at_most:
                    for load in workload.loads:
                        self._measure(workload, load, round_number + 1)
        self.circumstances["load_average_after"] = os.getloadavg()[0]

    def _measure(self, workload, load, round_number):
        self._say(f"round {round_number} of {self.rounds}, {workload.name}: {NAMES[load.peer]}")
        try:
            with cluster.fresh_database(self.url, f"bench_peers_{os.getpid()}") as database:
                measurement = self._run(workload, load, database)
        except (subprocess.SubprocessError, ValueError, IndexError) as error:
            # One that fails must not cost the minutes of all others; it is missing in the table and in the exit status.
            self.failures.append(f"{workload.name} of {NAMES[load.peer]}, round {round_number}: {error}")
            self._say(f"FAILED: {self.failures[-1]}; see {self._errors.name}")
            return
        self._keep(json.dumps({"round": round_number} | json.loads(measurement.json())))
        self.measurements.setdefault((workload.name, load.peer), []).append(measurement)
        self._say(f"    {workload.figure} {getattr(measurement, workload.figure)}")

    def _run(self, workload, load, database):
        count = max(20, load.count // QUICK_SHARE) if self.quick else load.count
        in_flight = min(load.in_flight, count)
        command = [
            sys.executable, "-m", f"peerbench.{load.peer}_runner", "--workload", workload.name, "--count", str(count), "--in-flight",
            str(in_flight), "--database-url", database,
        ]
        # A session of its own: what it leaves behind ends with it.
        process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            end_session(process)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command[2])
        return Measurement.parse(output.splitlines()[-1])

    def _keep(self, line):
        with self.results.open("a") as file:
            file.write(line + "\n")

    def _say(self, text):
        print(f"bench-peers: {time.monotonic() - self.begun:4.0f} s  {text}", file=sys.stderr, flush=True)


def end_session(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def circumstances(url):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {peer: importlib.metadata.version(peer) for peer in NAMES if peer != "orchestrator"} | {"orchestrator": commit},
        "server": cluster.describe(url),
    }
