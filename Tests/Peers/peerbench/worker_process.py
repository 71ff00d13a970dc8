"""Processes that do the work, with a pipe to the one that measures."""

import asyncio
import multiprocessing
import os
import signal
import sys
import traceback

import uvloop

_CONTEXT = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 240


class WorkerProcess:
    """Runs `target(channel, *arguments)`, a coroutine function, in a new interpreter; `channel` has `send` and `recv`."""

    def __init__(self, target, *arguments):
        self._channel, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_run, args=(target, theirs, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, value=None):
        self._channel.send(value)

    def receive(self):
        """The next thing that the process says; an error when it ends or stays silent instead."""
        if not self._channel.poll(_PATIENCE_SECONDS):
            raise TimeoutError(f"a worker process said nothing for {_PATIENCE_SECONDS} s")
        try:
            return self._channel.recv()
        except EOFError:
            raise RuntimeError("a worker process ended early; its error stands above") from None

    def kill(self):
        """kill -9: nothing can be tidied up."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.is_alive():
            self.kill()


def run_on_loop(coroutine):
    """The event loop that all of them run on: the fastest there is for Python."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def _run(target, channel, arguments):
    try:
        run_on_loop(target(channel, *arguments))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    # Threads of the libraries must not keep a process that has said all it had to say.
    os._exit(0)
