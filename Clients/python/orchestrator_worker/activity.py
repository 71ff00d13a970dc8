"""What an activity knows of its attempt, and how it tells of its progress."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from typing import Any, Optional


class ActivityError(Exception):
    """Fails an attempt, with more to say than a message.

    kind: the name that a retry policy's nonRetryableErrorTypes is compared with.
    next_retry_delay: seconds before the next attempt; None leaves it to the retry policy.
    details: any JSON value for the code that catches the failure; None for nothing.
    """

    def __init__(
        self, message: str, *, kind: str = "ActivityError", retryable: bool = True, next_retry_delay: Optional[float] = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
        self.next_retry_delay = next_retry_delay
        self.details = details


class ActivityCancelled(Exception):
    """The workflow no longer waits for this attempt, or its lease was lost."""


@dataclass(frozen=True)
class ActivityInfo:
    """One attempt of an activity."""

    task_token: str
    activity_type: str
    workflow_id: str
    run_id: str
    namespace: str
    #: The activity's number within its run, from 1.
    sequence: int
    #: From 1.
    attempt: int
    #: The same for every attempt: for services that deduplicate.
    idempotency_key: str
    #: What an earlier attempt last reported.
    heartbeat_details: Any
    #: Seconds that this attempt may take.
    start_to_close: float


class Attempt:
    """An attempt under way: shared by the thread that runs it and the one that keeps its lease."""

    def __init__(self, info: ActivityInfo) -> None:
        self.info = info
        self.cancelled = threading.Event()
        self.details: Any = None
        self.has_details = False
        self._lock = threading.Lock()

    def report(self, details: Any) -> None:
        with self._lock:
            self.details, self.has_details = details, True

    def take_details(self) -> tuple[bool, Any]:
        with self._lock:
            taken = (self.has_details, self.details)
            self.details, self.has_details = None, False
            return taken


current: contextvars.ContextVar[Attempt] = contextvars.ContextVar("orchestrator_attempt")


def info() -> ActivityInfo:
    """The attempt that runs in this context. Raises LookupError outside of one."""
    return current.get().info


def heartbeat(details: Any = None) -> None:
    """Reports progress: anything that is JSON. Raises ActivityCancelled when nobody waits for the attempt any more."""
    attempt = current.get()
    if attempt.cancelled.is_set():
        raise ActivityCancelled(attempt.info.task_token)
    if details is not None:
        attempt.report(details)


def is_cancelled() -> bool:
    """Whether nobody waits for this attempt any more."""
    return current.get().cancelled.is_set()
