"""The four requests of the worker protocol."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Optional


class ServiceError(Exception):
    """The service refused a request; `status` is that of HTTP, 0 when it could not be reached."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Service:
    """A connection to Orchestrator's API."""

    def __init__(self, url: str, token: Optional[str] = None, timeout: float = 30) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout

    def poll(self, task_queue: str, worker: str, maximum: int, wait: int, lease: int) -> list[dict[str, Any]]:
        """Leases up to `maximum` tasks for `lease` seconds, waiting up to `wait` seconds for the first."""
        body = {"worker": worker, "maximum": maximum, "waitSeconds": wait, "leaseSeconds": lease}
        path = f"/api/v1/task-queues/{urllib.parse.quote(task_queue, safe='')}/poll"
        tasks: list[dict[str, Any]] = self._post(path, body, self._timeout + wait)["tasks"]
        return tasks

    def heartbeat(self, tasks: list[dict[str, Any]], lease: int) -> tuple[list[str], list[str]]:
        """Keeps leases for `lease` seconds from now. Returns the tokens that are lost, and those whose workflows no longer wait."""
        answer = self._post("/api/v1/tasks/heartbeat", {"tasks": tasks, "leaseSeconds": lease}, self._timeout)
        return answer["lost"], answer["cancelRequested"]

    def complete(self, token: str, result: Any, worker: str) -> bool:
        """Records a result. Returns False when the lease was lost."""
        body = {"tasks": [{"taskToken": token, "result": result}], "worker": worker}
        return not self._post("/api/v1/tasks/complete", body, self._timeout)["lost"]

    def fail(self, token: str, failure: dict[str, Any], worker: str, details: Any = None) -> bool:
        """Ends an attempt without a result, with its last progress if that is new. Returns False when the lease was lost."""
        task = {"taskToken": token, "failure": failure}
        if details is not None:
            task["details"] = details
        body = {"tasks": [task], "worker": worker}
        return not self._post("/api/v1/tasks/fail", body, self._timeout)["lost"]

    def _post(self, path: str, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        request = urllib.request.Request(self._url + path, json.dumps(body, allow_nan=False).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            raise ServiceError(error.code, f"{path}: {error.code} {error.read(2000).decode(errors='replace')}") from None
        except (OSError, ValueError) as error:
            raise ServiceError(0, f"{path}: {error}") from error
