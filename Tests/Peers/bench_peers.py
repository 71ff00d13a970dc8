"""`make bench-peers`: this engine and what a user could take instead, on the same PostgreSQL, in turn.

Progress goes to standard error, the table to standard output, every measurement as a line of JSON to a file.
"""

import argparse
import os
import pathlib
import signal
import sys

from peerbench import cluster, table
from peerbench.comparison import Comparison
from peerbench.workloads import ALL

FOLDER = pathlib.Path(__file__).parents[2] / ".orchestrator" / "bench-peers"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured; the median counts")
    parser.add_argument("--quick", action="store_true", help="one small round: shows that it works, not how fast")
    parser.add_argument("--workload", choices=[workload.name for workload in ALL], help="only this one")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    # As an interrupt: the server stops, nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    workloads = [workload for workload in ALL if options.workload in (None, workload.name)]
    os.makedirs(FOLDER, exist_ok=True)
    with cluster.server(FOLDER) as url:
        comparison = Comparison(url, FOLDER, options.rounds, options.quick)
        comparison.run(workloads)
    print(table.text(comparison, workloads))
    print(f"\nEvery measurement: {comparison.results}")
    for failure in comparison.failures:
        print(f"bench-peers: FAILED: {failure}", file=sys.stderr)
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
