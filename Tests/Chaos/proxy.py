"""The fault proxy between the engine's processes and PostgreSQL.

It listens on a TCP port of the loopback interface and forwards to a Unix socket. It knows of the wire protocol what its faults need: the
names of sessions (StartupMessage), and where the answer to a Sync ends (ReadyForQuery), so that it can lose exactly the answer of a
transaction that PostgreSQL has committed. https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
import random
import socket
import struct
import threading

from replay import BatchRecorder

CHUNK_BYTES = 1 << 16
WRITING_TAGS = (b"INSERT 0 ", b"UPDATE ", b"DELETE ")


class BackendMessages:
    """Cuts the stream from PostgreSQL into its messages: a type, a length, a body."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        messages = []
        start = 0
        while len(self.rest) - start >= 5:
            (length,) = struct.unpack_from(">I", self.rest, start + 1)
            end = start + 1 + length
            if end > len(self.rest):
                break
            messages.append(self.rest[start:end])
            start = end
        self.rest = self.rest[start:]
        return messages


def wrote_rows(message):
    """Whether this CommandComplete tells of a row that was written."""
    if message[:1] != b"C":
        return False
    tag = message[5:-1]
    return tag.startswith(WRITING_TAGS) and not tag.endswith(b" 0")


class Session:
    """One connection of a process, and its connection to PostgreSQL."""

    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.reader, self.writer = reader, writer
        self.server_writer = None
        self.name = ""
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.delay = 0.0
        self.loses_next_commit = False
        self.recorder = None

    async def run(self):
        try:
            startup = await self.read_startup()
            server_reader, self.server_writer = await asyncio.open_unix_connection(self.proxy.upstream)
            self.server_writer.write(startup)
            self.recorder = BatchRecorder(startup) if self.proxy.doubles_batches else None
            pumps = [asyncio.ensure_future(self.to_server()), asyncio.ensure_future(self.to_client(server_reader))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
        except (OSError, asyncio.IncompleteReadError, EOFError):
            pass  # A process or a server that went away is what this proxy is about.
        finally:
            self.cut()

    async def read_startup(self):
        head = await self.reader.readexactly(8)
        (length,) = struct.unpack(">I", head[:4])
        startup = head + await self.reader.readexactly(length - 8)
        words = startup[8:].split(b"\0")
        settings = dict(zip(words[::2], words[1::2]))
        self.name = settings.get(b"application_name", b"").decode()
        return startup

    async def to_server(self):
        while data := await self.reader.read(CHUNK_BYTES):
            await self.pause()
            self.server_writer.write(data)
            if self.recorder:
                for batch in self.recorder.feed(data):
                    await self.proxy.double(self, batch)
            await self.server_writer.drain()

    async def to_client(self, server_reader):
        """Forwards whole messages only, so that a fault may begin between any two."""
        messages = BackendMessages()
        withheld = []
        while data := await server_reader.read(CHUNK_BYTES):
            await self.pause()
            if not self.loses_next_commit:
                self.writer.write(b"".join(messages.feed(data)))
            elif self.withhold(messages.feed(data), withheld):
                self.proxy.lost_commits += 1
                return
            await self.writer.drain()

    def withhold(self, arrived, withheld):
        """Holds the answers of each transaction until all are there, then lets them go; true when they are those of a commit to lose."""
        for message in arrived:
            withheld.append(message)
            if message[:1] != b"Z":
                continue
            if any(map(wrote_rows, withheld)) and not any(part[:1] == b"E" for part in withheld):
                return True
            self.writer.write(b"".join(withheld))
            withheld.clear()
        return False

    async def pause(self):
        if self.delay:
            await asyncio.sleep(self.delay * random.random())
        await self.flowing.wait()

    def cut(self):
        """Ends both connections at once, with a reset: the way a crash of a machine between looks."""
        self.proxy.sessions.discard(self)
        for writer in (self.writer, self.server_writer):
            if writer is None or writer.transport.is_closing():
                continue
            raw = writer.get_extra_info("socket")
            if raw.family == socket.AF_INET:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class FaultProxy:
    """Runs in a thread of its own; its methods may be called from any thread."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.port = None
        self.sessions = set()
        self.lost_commits = 0
        self.doubles_batches = False
        self.doubled_batches = 0
        self.loop = asyncio.new_event_loop()
        self.is_refusing = False
        threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True).start()
        self.call(self.listen())

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def listen(self):
        server = await asyncio.start_server(self.accept, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]

    async def accept(self, reader, writer):
        session = Session(self, reader, writer)
        if self.is_refusing:
            session.cut()
            return
        self.sessions.add(session)
        await session.run()

    async def chosen(self, pattern, share, generator):
        """The sessions whose name starts with the pattern, or a share of them."""
        named = sorted((s for s in self.sessions if s.name.startswith(pattern)), key=lambda s: (s.name, id(s)))
        return [s for s in named if generator.random() < share]

    def cut(self, pattern, share, generator):
        async def act():
            for session in await self.chosen(pattern, share, generator):
                session.cut()

        self.call(act())

    def set_frozen(self, pattern, share, generator):
        """Nothing flows any more; returns the sessions, for `thaw`."""

        async def act():
            sessions = await self.chosen(pattern, share, generator)
            for session in sessions:
                session.flowing.clear()
            return sessions

        return self.call(act())

    def thaw(self, sessions):
        async def act():
            for session in sessions:
                session.flowing.set()

        self.call(act())

    def end(self, sessions):
        async def act():
            for session in sessions:
                session.cut()

        self.call(act())

    def set_delay(self, pattern, share, generator, seconds):
        async def act():
            sessions = await self.chosen(pattern, share, generator)
            for session in sessions:
                session.delay = seconds
            return sessions

        return self.call(act())

    def lose_commit(self, pattern, share, generator):
        async def act():
            for session in await self.chosen(pattern, share, generator):
                session.loses_next_commit = True

        self.call(act())

    def switch(self, upstream):
        """Everyone is sent to another server from now on."""

        async def act():
            self.upstream = upstream
            for session in list(self.sessions):
                session.cut()

        self.call(act())

    async def double(self, session, batch):
        """Applies a batch once more, through a session of its own with the same name."""
        if await batch.apply(self.upstream):
            self.doubled_batches += 1
