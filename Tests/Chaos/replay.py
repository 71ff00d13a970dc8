"""What a broken engine would do: apply a batch twice. The proxy records what an owner sends and sends it once more by another connection."""

import asyncio
import struct

HISTORY = b"insert into orchestrator.history"
STARTS = b"insert into orchestrator.runs"


def cstring(body, start=0):
    end = body.index(b"\0", start)
    return body[start:end], end + 1


class Batch:
    """One transaction of extended-protocol messages, with what a new session must know before."""

    def __init__(self, startup, preamble, messages):
        self.startup, self.preamble, self.messages = startup, preamble, messages

    async def apply(self, upstream):
        """Returns whether it was committed once more."""
        try:
            reader, writer = await asyncio.open_unix_connection(upstream)
            writer.write(self.startup)
            await self.answers(reader)
            writer.write(b"".join(self.preamble) + b"".join(self.messages))
            types = await self.answers(reader)
            writer.close()
            return b"E" not in types
        except (OSError, asyncio.IncompleteReadError):
            return False

    @staticmethod
    async def answers(reader):
        """The types of all messages up to ReadyForQuery."""
        types = set()
        while b"Z" not in types:
            head = await reader.readexactly(5)
            await reader.readexactly(struct.unpack(">I", head[1:])[0] - 4)
            types.add(head[:1])
        return types


class BatchRecorder:
    """Follows what a process sends: prepared statements by name, and the batches that append to histories."""

    def __init__(self, startup):
        self.startup = startup
        self.rest = b""
        self.parses = {}
        self.batch = []
        self.appends = self.starts = False

    def feed(self, data):
        self.rest += data
        batches = []
        while len(self.rest) >= 5:
            end = 1 + struct.unpack_from(">I", self.rest, 1)[0]
            if end > len(self.rest):
                break
            message, self.rest = self.rest[:end], self.rest[end:]
            batches += self.take(message)
        return batches

    def take(self, message):
        self.batch.append(message)
        if message[:1] == b"P":
            name, _ = cstring(message, 5)
            self.parses[name] = message
        elif message[:1] == b"B":
            _, after_portal = cstring(message, 5)
            name, _ = cstring(message, after_portal)
            self.appends |= HISTORY in self.parses.get(name, b"")
            self.starts |= STARTS in self.parses.get(name, b"")
        elif message[:1] == b"S":
            return self.finish()
        return []

    def finish(self):
        messages, self.batch = self.batch, []
        is_wanted = self.appends and not self.starts
        self.appends = self.starts = False
        if not is_wanted:
            return []
        preamble = [parse for parse in self.parses.values() if parse not in messages]
        return [Batch(self.startup, preamble, messages)]
