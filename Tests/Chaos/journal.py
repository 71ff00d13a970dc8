"""What clients and activities said, one JSON line each; nothing counts as acknowledged before it is on disk."""

import json
import os
import threading
import time


class Journal:
    """Lines from many threads; those that wait are written together with one fsync."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "ab", buffering=0)
        self.waiting = []
        self.counts = {}
        self.condition = threading.Condition()
        self.written = self.asked = 0
        self.is_closed = False
        self.thread = threading.Thread(target=self.write_loop, name="journal", daemon=True)
        self.thread.start()

    def note(self, kind, **words):
        """Puts a line in; returns when it is durable."""
        line = json.dumps({"kind": kind, "at": round(time.time(), 6), **words}, separators=(",", ":")) + "\n"
        with self.condition:
            self.waiting.append(line)
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.asked += 1
            mine = self.asked
            self.condition.notify_all()
            while self.written < mine and not self.is_closed:
                self.condition.wait()

    def note_many(self, lines):
        """Puts (kind, words) in; returns when they are durable."""
        for kind, words in lines[:-1]:
            with self.condition:
                self.waiting.append(json.dumps({"kind": kind, **words}, separators=(",", ":")) + "\n")
                self.counts[kind] = self.counts.get(kind, 0) + 1
                self.asked += 1
        if lines:
            self.note(lines[-1][0], **lines[-1][1])

    def write_loop(self):
        while True:
            with self.condition:
                while not self.waiting and not self.is_closed:
                    self.condition.wait()
                if not self.waiting:
                    return
                lines, self.waiting = self.waiting, []
            os.write(self.file.fileno(), "".join(lines).encode())
            os.fsync(self.file.fileno())
            with self.condition:
                self.written += len(lines)
                self.condition.notify_all()

    def close(self):
        with self.condition:
            self.is_closed = True
            self.condition.notify_all()
        self.thread.join()
        self.file.close()


def read(path):
    """All lines of a journal, by kind."""
    lines = {}
    with open(path) as file:
        for text in file:
            line = json.loads(text)
            lines.setdefault(line["kind"], []).append(line)
    return lines
