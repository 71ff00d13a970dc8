"""What is measured, on whom, and how much of it: a few seconds each."""

import dataclasses

NAMES = {"orchestrator": "Orchestrator", "dbos": "DBOS Transact", "procrastinate": "Procrastinate", "pgqueuer": "PgQueuer"}


@dataclasses.dataclass(frozen=True)
class Load:
    """How much one peer is given; small enough for the slow, large enough for the fast."""

    peer: str
    count: int
    in_flight: int = 1


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    # The name of the figure in a Measurement, and whether more of it is better.
    figure: str
    more_is_better: bool
    # The first is ours.
    loads: tuple[Load, ...]
    # Fewer rounds for what takes a minute.
    rounds_at_most: int = 100


ALL = [
    Workload(
        "one-step", "one-step workflows/s; jobs/s of plain queues", "per_second", True,
        (Load("orchestrator", 20_000, 500), Load("dbos", 2_000, 100), Load("procrastinate", 2_000), Load("pgqueuer", 40_000))),
    Workload("chain", "chains of ten steps, steps/s", "per_second", True, (Load("orchestrator", 4_000, 500), Load("dbos", 240, 100))),
    Workload(
        "latency", "start to result, one at a time, ms", "p50_ms", False,
        (Load("orchestrator", 300), Load("dbos", 150), Load("procrastinate", 150), Load("pgqueuer", 150))),
    Workload(
        "signal-latency", "signal to result, one at a time, ms", "p50_ms", False, (Load("orchestrator", 300), Load("dbos", 100))),
    Workload(
        "remote-activities", "steps on a worker behind the task queue/s; jobs/s of a plain queue", "per_second", True,
        (Load("orchestrator", 20_000, 500), Load("pgqueuer", 40_000))),
    Workload(
        "takeover", "kill -9 with 1,000 running, until all have gone on, s", "seconds", False,
        (Load("orchestrator", 1_000), Load("dbos", 1_000), Load("procrastinate", 1_000), Load("pgqueuer", 1_000))),
    Workload(
        "parked", "10,000 parked, from the first signal to the last result, s", "seconds", False,
        (Load("orchestrator", 10_000, 500), Load("dbos", 10_000, 100)), rounds_at_most=1),
]
