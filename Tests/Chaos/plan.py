"""The plan of a storm: which fault comes when, from one seed."""

import random
from dataclasses import dataclass

# How often each kind comes in one round of the plan.
ROUND = {
    "kill-owner": 4, "kill-worker": 2, "kill-client": 1, "freeze-owner": 3, "freeze-worker": 2,
    "cut": 3, "delay": 1, "freeze-connections": 2, "lose-commit": 6, "refuse-connections": 1,
    "kill-server": 2, "kill-backend": 1, "freeze-server": 1, "freeze-backend": 1, "restart-server": 1,
    "exhaust-connections": 1, "fill-disk": 1, "failover": 1, "rolling-restart": 1, "hold-snapshot": 1, "hold-locks": 2,
}

# Seconds that the fault lasts, from and to; what is not here is over at once.
SECONDS = {
    "freeze-owner": (0.3, 6), "freeze-worker": (0.3, 6), "delay": (1, 4), "freeze-connections": (0.3, 5), "refuse-connections": (0.2, 2),
    "kill-server": (0, 0.5), "freeze-server": (0.2, 4), "freeze-backend": (0.3, 4), "exhaust-connections": (0.5, 3), "fill-disk": (0.5, 2.5),
    "failover": (0.1, 1.5), "hold-snapshot": (5, 20), "hold-locks": (0.5, 4),
}


@dataclass
class Fault:
    """One fault: when it begins (seconds from the start), how long it lasts, and the seed of its further choices."""

    at: float
    kind: str
    seconds: float
    seed: int


def make_plan(seed, seconds, mean_pause=0.6):
    """Rounds of all kinds in shuffled order until the time is over."""
    generator = random.Random(seed)
    plan = []
    now = 1.0
    while True:
        bag = [kind for kind, count in ROUND.items() for _ in range(count)]
        generator.shuffle(bag)
        for kind in bag:
            now += generator.expovariate(1 / mean_pause)
            if now > seconds:
                return plan
            shortest, longest = SECONDS.get(kind, (0, 0))
            plan.append(Fault(now, kind, round(generator.uniform(shortest, longest), 2), generator.getrandbits(32)))
