"""The interface of all runners: one workload, one fresh database, one line of JSON on standard output."""

import argparse
import contextlib

import psycopg

from .measurement import Measurement


class Runner:
    """What a workload is given: its options, and a stack of what must be ended with it."""

    def __init__(self, peer, options, stack):
        self.peer = peer
        self.workload = options.workload
        self.count = options.count
        self.in_flight = options.in_flight
        self.processes = options.processes
        self.url = options.database_url
        self._stack = stack

    def enter(self, context):
        return self._stack.enter_context(context)

    def connect(self):
        return self.enter(psycopg.connect(self.url, autocommit=True))

    def measurement(self, unit, **settings):
        return Measurement(peer=self.peer, workload=self.workload, unit=unit, count=self.count, settings=settings)


def main(peer, workloads):
    """`workloads` maps names to functions from a Runner to a Measurement."""
    parser = argparse.ArgumentParser(description=f"Measures {peer}: prints one line of JSON.")
    parser.add_argument("--workload", required=True, choices=sorted(workloads))
    parser.add_argument("--count", required=True, type=int, help="workflows or jobs")
    parser.add_argument("--in-flight", type=int, default=1, help="so many at a time, over all processes")
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    parser.add_argument("--database-url", required=True, help="an empty database")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        measurement = workloads[options.workload](Runner(peer, options, stack))
    print(measurement.json(), flush=True)
