"""The engine's processes under attack, and what they say."""

import os
import signal
import subprocess
import threading

# What a process says, as the journal notes it: the kind of line, and the names of the words behind the verb.
SPOKEN = {
    "started": ("start", ("workflow", "number")),
    "began": ("start", ("workflow", "number")),
    "signaled": ("signal", ("workflow", "request")),
    "cancelled": ("cancel", ("workflow",)),
    "completed": ("completion", ("workflow", "result")),
    "executed": ("execution", ("run", "sequence", "attempt", "executor")),
}


class EngineProcess:
    """One process. It ends when this program does, however that ends: its standard input closes."""

    def __init__(self, executable, name, role, arguments, folder, journal, on_started):
        self.name, self.role = name, role
        self.journal, self.on_started = journal, on_started
        self.ready, self.ended = threading.Event(), threading.Event()
        self.is_expected_to_end = False
        self.log_path = f"{folder}/{name}.log"
        self.log = open(self.log_path, "ab", buffering=0)
        crashes = f"enable=yes,interactive=no,color=no,output-to={folder}/{name}.crash"
        self.process = subprocess.Popen(
            [executable, "--role", role, "--name", name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SWIFT_BACKTRACE": crashes}, start_new_session=True)
        self.reader = threading.Thread(target=self.listen, name=name, daemon=True)
        self.reader.start()

    def listen(self):
        rest = b""
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            # A line without its end was not said.
            *lines, rest = (rest + data).split(b"\n")
            self.heard([line.decode().split(" ") for line in lines])
        self.process.wait()
        self.ended.set()

    def heard(self, lines):
        noted = []
        for verb, *words in lines:
            if verb in SPOKEN:
                kind, names = SPOKEN[verb]
                noted.append((kind, dict(zip(names, words))))
            elif verb == "ready":
                self.ready.set()
            elif verb not in ("running", "worked", "ended"):
                self.log.write(" ".join([verb, *words, "\n"]).encode())
        self.journal.note_many(noted)
        for verb, *words in lines:
            if verb == "started":
                self.on_started(words[0])

    @property
    def has_crashed(self):
        return self.ended.is_set() and not self.is_expected_to_end

    def signal(self, number):
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def kill(self):
        self.is_expected_to_end = True
        self.signal(signal.SIGKILL)
        self.ended.wait(10)

    def end(self, seconds=20):
        """SIGTERM; returns whether it ended in good order within this time."""
        self.is_expected_to_end = True
        self.signal(signal.SIGTERM)
        if self.ended.wait(seconds) and self.process.returncode == 0:
            return True
        self.kill()
        return False

    def last_words(self):
        with open(self.log_path, errors="replace") as file:
            text = f"{self.name} ended with {self.process.returncode}\n" + "".join(file.readlines()[-12:])
        crash = self.log_path[:-4] + ".crash"
        if os.path.exists(crash):
            with open(crash, errors="replace") as file:
                text += file.read()[:6000]
        return text


class Fleet:
    """All processes: a number of each role, replaced when one is killed."""

    def __init__(self, world, executable, folder, lease):
        self.world, self.executable, self.folder, self.lease = world, executable, folder, lease
        self.lock = threading.Lock()
        self.living = []
        self.crashes = []
        self.next = 0
        self.build = 1

    def spawn(self, role, journeys):
        with self.lock:
            self.next += 1
            name = f"{role}-{self.next}"
        arguments = [
            "--database", self.world.connection_string, "--lease", str(self.lease), "--executions", "yes", "--mixed", "yes",
            "--journeys", str(journeys), "--build", f"chaos-{self.build}"]
        process = EngineProcess(self.executable, name, role, arguments, self.folder, self.world.journal, self.world.load.journey_started)
        process.journeys = journeys
        with self.lock:
            self.living.append(process)
        return process

    def of_role(self, role):
        self.replace_crashed()
        with self.lock:
            return [process for process in self.living if process.role == role]

    def take(self, generator, role):
        """One of the role, which nobody else attacks meanwhile; `put_back` or `replace` it."""
        candidates = sorted(self.of_role(role), key=lambda process: process.name)
        if not candidates:
            return None
        process = generator.choice(candidates)
        with self.lock:
            if process not in self.living:
                return None
            self.living.remove(process)
        return process

    def put_back(self, process):
        with self.lock:
            self.living.append(process)

    def replace(self, process):
        return self.spawn(process.role, process.journeys)

    def replace_crashed(self):
        with self.lock:
            crashed = [process for process in self.living if process.has_crashed]
            self.living = [process for process in self.living if process not in crashed]
        for process in crashed:
            self.crashes.append(process.last_words())
            self.replace(process)

    def end_all(self):
        """Everyone ends; who does not in good order is killed."""
        with self.lock:
            processes, self.living = self.living, []
        threads = [threading.Thread(target=process.end) for process in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for process in processes:
            process.reader.join(10)
