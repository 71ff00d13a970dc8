"""What one measurement says, as a line of JSON; the same for all who are measured."""

import dataclasses
import json
import time

import psycopg

PAYLOAD = {"position": 1, "title": "A song that is long enough to look like a real title, tak", "trackId": 1000000}
"""100 bytes as compact JSON, what the engine's own benchmark sends."""


@dataclasses.dataclass
class Measurement:
    """`unit` is what `per_second` and `commits_per_unit` count; what does not apply is None and is left out."""

    peer: str
    workload: str
    unit: str
    count: int
    seconds: float | None = None
    per_second: float | None = None
    commits_per_unit: float | None = None
    wal_bytes_per_unit: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    settings: dict = dataclasses.field(default_factory=dict)
    details: dict = dataclasses.field(default_factory=dict)

    def json(self):
        return json.dumps({name: value for name, value in dataclasses.asdict(self).items() if value not in (None, {})})

    @staticmethod
    def parse(line):
        return Measurement(**json.loads(line))

    def with_latency(self, milliseconds):
        self.p50_ms = round(percentile(milliseconds, 0.5), 3)
        self.p99_ms = round(percentile(milliseconds, 0.99), 3)
        return self


class Stopwatch:
    """Counts time, writing transactions and bytes of log of the server between entering and leaving.

    Every transaction that writes raises the next transaction id by one: exact at once, unlike the server's statistics.
    """

    def __init__(self, url):
        self._connection = psycopg.connect(url, autocommit=True)

    def __enter__(self):
        self._commits, self._wal = self._position()
        self._begun = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = self.elapsed()
        commits, wal = self._position()
        self._commits, self._wal = commits - self._commits, wal - self._wal
        self._connection.close()

    def elapsed(self):
        return time.monotonic() - self._begun

    def fill(self, measurement, units):
        """Call it after leaving."""
        measurement.seconds = round(self.seconds, 4)
        measurement.per_second = round(units / self.seconds, 2)
        measurement.commits_per_unit = round(self._commits / units, 5)
        measurement.wal_bytes_per_unit = round(float(self._wal) / units, 1)
        return measurement

    def _position(self):
        return self._connection.execute(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
        ).fetchone()


def percentile(values, share):
    """The value that this share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def wait_for(condition, seconds=240.0, pause=0.02):
    """Looks until the condition holds; an error names what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{condition.__name__} did not come true within {seconds} s")
        time.sleep(pause)
