"""A worker as the README shows it; the service's tests run it."""

import logging
import os
from dataclasses import dataclass
from typing import Any

from orchestrator_worker import ActivityError, Worker, activity

logging.basicConfig(level=logging.INFO)
worker = Worker("python", url=os.environ["ORCHESTRATOR_URL"], token=os.environ["ORCHESTRATOR_TOKEN"], concurrency=4)


@worker.activity("transcribe")
def transcribe(song: dict[str, Any]) -> dict[str, Any]:
    for line in range(song["lines"]):
        activity.heartbeat({"line": line})
    return {"text": song["name"].upper(), "attempt": activity.info().attempt}


@dataclass
class Sum:
    left: int
    right: int


@worker.activity("add")
def add(numbers: Sum) -> int:
    if activity.info().attempt == 1:
        raise ActivityError("a network that fails once", kind="Timeout", next_retry_delay=0.01)
    return numbers.left + numbers.right


@worker.activity("resume")
def resume(lines: int) -> str:
    done = activity.info().heartbeat_details or 0
    if done < lines:
        activity.heartbeat(done + 1)
        raise ActivityError(f"{done + 1} of {lines} lines", next_retry_delay=0.01)
    return f"{done} lines in {activity.info().attempt} attempts"


@worker.activity("refuse")
def refuse(reason: str) -> None:
    raise ActivityError(reason, kind="Refused", retryable=False)


if __name__ == "__main__":
    worker.run()
