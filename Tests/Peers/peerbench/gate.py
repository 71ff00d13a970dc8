"""Holds running work in many processes until it is opened."""

import asyncio
import os
import tempfile


class Gate:
    """A file: who finds it waits. Its path goes to worker processes and into jobs, and outlives processes that are killed."""

    def __init__(self):
        descriptor, self.path = tempfile.mkstemp(prefix="bench-peers-gate-")
        os.close(descriptor)

    def open(self):
        if os.path.exists(self.path):
            os.remove(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open()


async def passed(path):
    """Returns when the gate has been opened."""
    while os.path.exists(path):
        await asyncio.sleep(0.2)
