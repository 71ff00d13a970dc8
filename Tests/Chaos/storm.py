"""Chaos on the real thing: processes of the engine on a real PostgreSQL, attacked by a plan that one seed draws, then checked.

  storm.py --executable .build/release/EngineProcess --minutes 10 [--seed N] [--keep]

Exits with 1, and the evidence, when anything acknowledged is missing or any rule of Tests/Chaos/rules.py is broken.
"""

import argparse
import json
import random
import sys
import time

from faults import Faults
from plan import make_plan
from world import World

PROGRESS_SECONDS = 10


def say(text):
    print(text, flush=True)


class Storm:
    """One run: begin, attack by the plan, come to rest, check, report."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
        self.plan = make_plan(self.seed, arguments.seconds)
        self.violations = []

    def run(self):
        say(f"chaos: seed {self.seed}, {self.arguments.seconds} s, {len(self.plan)} faults; again by SEED={self.seed}")
        self.world = World(self.arguments.executable, self.seed, self.arguments.lease, self.arguments.keep)
        try:
            self.faults = Faults(self.world)
            self.world.load.begin()
            self.world.spawn(owners=3, workers=2, clients=1, journeys=self.arguments.journeys)
            self.attack()
            self.violations += [f"stands still: {line}" for line in self.world.come_to_rest()]
            return self.report(*self.world.check())
        finally:
            self.world.remove()

    def attack(self):
        began = time.monotonic()
        next_progress = PROGRESS_SECONDS
        for fault in self.plan + [None]:
            due = fault.at if fault else self.arguments.seconds
            while (now := time.monotonic() - began) < due:
                if now >= next_progress:
                    self.progress(now)
                    next_progress += PROGRESS_SECONDS
                self.world.fleet.replace_crashed()
                time.sleep(min(0.1, due - now))
            if fault:
                self.faults.inject(fault)
        self.faults.wait()

    def progress(self, now):
        counts = self.world.journal.counts
        acknowledged = sum(counts.get(kind, 0) for kind in ("start", "signal", "cancel", "completion"))
        ended = self.world.ask("select count(*) from orchestrator.closes")
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.counts.items()))
        minutes, seconds = divmod(int(now), 60)
        say(f"[{minutes}:{seconds:02}] acknowledged {acknowledged}, runs ended {ended[0][0] if ended else '?'}; {faults}")

    def report(self, checked, problem):
        if not checked:
            self.violations.append(f"the checker failed: {problem}")
        else:
            result = json.loads(checked)
            for name, found in sorted(result["violations"].items()):
                self.violations.append(f"{name}: {found['count']}, for example {'; '.join(found['evidence'])}")
            self.table("faults", self.faults.counts)
            self.table("skipped", self.faults.skipped)
            self.table("checked", {**result["figures"], "commits whose answer was lost": self.world.proxy.lost_commits})
        self.violations += [f"a process ended by itself: {text}" for text in self.world.fleet.crashes]
        self.violations += [f"the harness failed: {text}" for text in self.faults.failures + self.world.load.failures]
        for violation in self.violations:
            say(f"VIOLATION {violation}")
        say(f"chaos: seed {self.seed}, {sum(self.faults.counts.values())} faults, {len(self.violations)} violations")
        if self.arguments.keep:
            self.world.dump()
            say(f"kept: {self.world.folder}")
        return 1 if self.violations else 0

    @staticmethod
    def table(title, values):
        if values:
            say(f"\n{title}")
        for name, value in sorted(values.items()):
            say(f"  {name.replace('_', ' '):32} {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--minutes", type=lambda text: 60 * float(text), dest="seconds", default=120.0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--journeys", type=int, default=4, help="runs kept going by each owner and client")
    parser.add_argument("--lease", type=int, default=3000, help="milliseconds")
    parser.add_argument("--keep", action="store_true", help="leave the folder with its logs and journal")
    return Storm(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
