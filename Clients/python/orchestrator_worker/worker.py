"""Leases tasks, runs functions, keeps leases, reports."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
import os
import signal
import socket
import threading
import time
import traceback
import typing
from typing import Any, Callable, Optional

from .activity import ActivityCancelled, ActivityError, ActivityInfo, Attempt, current
from .service import Service, ServiceError

log = logging.getLogger("orchestrator_worker")
Function = Callable[[Any], Any]


class Worker:
    """Runs the activities of one task queue.

    concurrency: attempts at a time. lease: seconds after which a dead worker's task is given to another. wait: seconds of one question for
    tasks, after which a stop is noticed at the latest. identity: for people.
    """

    def __init__(
        self, task_queue: str, *, url: str, token: Optional[str] = None, concurrency: int = 10, lease: int = 30, wait: int = 5,
        identity: Optional[str] = None,
    ) -> None:
        if not 1 <= lease <= 3600 or not 0 <= wait <= 60 or concurrency < 1:
            raise ValueError("lease must be 1 to 3600 s, wait 0 to 60 s, concurrency at least 1")
        self._queue = task_queue
        self._service = Service(url, token)
        self._concurrency = concurrency
        self._lease = lease
        self._wait = wait
        self._identity = identity or f"{socket.gethostname()}/{os.getpid()}"
        self._functions: dict[str, Function] = {}
        self._attempts: dict[str, Attempt] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(concurrency)
        self._stopping = threading.Event()

    def activity(self, name: str) -> Callable[[Function], Function]:
        """Gives an activity its implementation."""

        def register(function: Function) -> Function:
            if name in self._functions:
                raise ValueError(f"activity {name!r} is implemented twice")
            self._functions[name] = function
            return function

        return register

    def stop(self) -> None:
        """Takes no more tasks; `run` returns when those under way have ended."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop`, SIGTERM or SIGINT."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
            # Whoever started us may have blocked them for itself.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
        finished = threading.Event()
        keeper = threading.Thread(target=self._keep_leases, args=(finished,), daemon=True)
        keeper.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(self._concurrency) as pool:
                while not self._stopping.is_set():
                    self._poll_once(pool)
        finally:
            finished.set()
            keeper.join()

    def _poll_once(self, pool: concurrent.futures.ThreadPoolExecutor) -> None:
        if not self._room.acquire(timeout=1):
            return
        room = 1
        while room < min(self._concurrency, 100) and self._room.acquire(blocking=False):
            room += 1
        tasks: list[dict[str, Any]] = []
        try:
            tasks = self._service.poll(self._queue, self._identity, room, self._wait, self._lease)
        except ServiceError as error:
            if error.status in (400, 401, 403, 404, 422):
                raise
            log.warning("poll failed: %s", error)
            self._stopping.wait(1)
        for _ in range(room - len(tasks)):
            self._room.release()
        for task in tasks:
            attempt = Attempt(_info(task))
            with self._lock:
                self._attempts[attempt.info.task_token] = attempt
            pool.submit(self._run, attempt, task["input"])

    def _run(self, attempt: Attempt, value: Any) -> None:
        try:
            self._report(attempt, *self._outcome(attempt, value))
        finally:
            with self._lock:
                self._attempts.pop(attempt.info.task_token, None)
            self._room.release()

    def _outcome(self, attempt: Attempt, value: Any) -> tuple[bool, Any]:
        function = self._functions.get(attempt.info.activity_type)
        if function is None:
            message = f"no activity '{attempt.info.activity_type}' is implemented by this worker"
            return False, {"type": "UnknownActivity", "message": message}
        current.set(attempt)
        try:
            return True, _plain(function(_typed(function, value)))
        except ActivityError as error:
            return False, _failure(error)
        except ActivityCancelled:
            return False, {"type": "CancellationError", "message": "cancelled", "kind": "cancelled", "retryable": False}
        except Exception as error:  # whatever a function raises fails its attempt, not the worker
            log.exception("activity %s failed", attempt.info.activity_type)
            return False, _failure(error)

    def _report(self, attempt: Attempt, is_result: bool, outcome: Any) -> None:
        """Says it until it is heard: a word that was heard twice counts once."""
        pause = 0.1
        _, details = attempt.take_details()
        while not attempt.cancelled.is_set():
            try:
                token = attempt.info.task_token
                if is_result:
                    is_heard = self._service.complete(token, outcome, self._identity)
                else:
                    is_heard = self._service.fail(token, outcome, self._identity, details)
                if not is_heard:
                    log.warning("the lease of %s was lost: its outcome was not recorded", attempt.info.idempotency_key)
                return
            except (TypeError, ValueError) as error:
                if not is_result and details is not None:  # progress that is no JSON must not hide the failure
                    details = None
                    continue
                is_result, outcome = False, {"type": "UnencodableResult", "message": str(error), "retryable": False}
            except ServiceError as error:
                if is_result and error.status in (400, 413, 422):
                    is_result, outcome = False, {"type": "UnencodableResult", "message": str(error), "retryable": False}
                    continue
                log.warning("report failed: %s", error)
                time.sleep(pause)
                pause = min(pause * 2, 5)

    def _keep_leases(self, finished: threading.Event) -> None:
        last_heard = time.monotonic()
        while not finished.wait(self._lease / 3):
            with self._lock:
                attempts = dict(self._attempts)
            if not attempts:
                last_heard = time.monotonic()
                continue
            tasks = []
            for token, attempt in attempts.items():
                has_details, details = attempt.take_details()
                tasks.append({"taskToken": token, "details": details} if has_details else {"taskToken": token})
            try:
                for start in range(0, len(tasks), 100):
                    lost, cancelled = self._service.heartbeat(tasks[start : start + 100], self._lease)
                    for token in lost + cancelled:
                        attempts[token].cancelled.set()
                last_heard = time.monotonic()
            except (ServiceError, TypeError, ValueError) as error:
                log.warning("heartbeat failed: %s", error)
                # Others may hold our leases soon: our attempts end before.
                if time.monotonic() - last_heard > self._lease * 0.8:
                    for attempt in attempts.values():
                        attempt.cancelled.set()


def _info(task: dict[str, Any]) -> ActivityInfo:
    return ActivityInfo(
        task_token=task["taskToken"], activity_type=task["activityType"], workflow_id=task["workflowId"], run_id=task["runId"],
        namespace=task["namespace"], sequence=task["sequence"], attempt=task["attempt"], idempotency_key=task["idempotencyKey"],
        heartbeat_details=task.get("heartbeatDetails"), start_to_close=task["startToCloseMilliseconds"] / 1000)


def _typed(function: Function, value: Any) -> Any:
    """The input as the type that the function's first parameter is annotated with, when that is a dataclass."""
    hints = {name: hint for name, hint in typing.get_type_hints(function).items() if name != "return"}
    wanted = next(iter(hints.values()), None)
    if isinstance(wanted, type) and dataclasses.is_dataclass(wanted) and isinstance(value, dict):
        return wanted(**value)
    return value


def _plain(result: Any) -> Any:
    return dataclasses.asdict(result) if dataclasses.is_dataclass(result) and not isinstance(result, type) else result


def _failure(error: BaseException, depth: int = 1) -> dict[str, Any]:
    """The error as a failure, with what it was raised from as its cause."""
    failure: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ActivityError):
        failure.update(type=error.kind, retryable=error.retryable)
        if error.next_retry_delay is not None:
            failure["nextRetryDelayMilliseconds"] = int(error.next_retry_delay * 1000)
        if error.details is not None:
            failure["details"] = _plain(error.details)
    if error.__traceback__ is not None:
        failure["stackTrace"] = "".join(traceback.format_tb(error.__traceback__))
    if error.__cause__ is not None and depth < 8:
        failure["cause"] = [_failure(error.__cause__, depth + 1)]
    return failure
