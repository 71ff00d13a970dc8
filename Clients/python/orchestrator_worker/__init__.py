"""Activities of Orchestrator's workflows, written in Python."""

from . import activity
from .activity import ActivityCancelled, ActivityError, ActivityInfo
from .service import Service, ServiceError
from .worker import Worker

__all__ = ["ActivityCancelled", "ActivityError", "ActivityInfo", "Service", "ServiceError", "Worker", "activity"]
