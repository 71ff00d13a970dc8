#!/usr/bin/env python3
"""Writes zone-times.json: for cron expressions in zones, instants around changes of the clocks, found minute by minute with zoneinfo.

A local time that comes twice counts at its first coming only, unless the expression names every hour.
"""

import datetime
import json
import pathlib
import random
import zoneinfo

SEED = 2026
ZONES = {
    "Europe/Berlin": [(2026, 3, 29), (2026, 10, 25), (2031, 10, 26)], "America/New_York": [(2026, 3, 8), (2026, 11, 1), (2030, 11, 3)],
    "Australia/Lord_Howe": [(2026, 4, 5), (2026, 10, 4)], "Australia/Sydney": [(2026, 4, 5), (2026, 10, 4)],
    "Asia/Kolkata": [(2026, 5, 5)], "Asia/Kathmandu": [(2026, 5, 5)], "Pacific/Chatham": [(2026, 4, 5), (2026, 9, 27)],
    "America/Sao_Paulo": [(2018, 2, 18), (2018, 11, 4), (2026, 2, 15)], "America/St_Johns": [(2026, 3, 8), (2026, 11, 1)],
    "Europe/Dublin": [(2026, 3, 29), (2026, 10, 25)], "Pacific/Apia": [(2011, 12, 30), (2026, 4, 5)], "Asia/Pyongyang": [(2015, 8, 15), (2018, 5, 5)],
}
MINUTE = datetime.timedelta(minutes=1)


def field(generator, low, high, largest):
    """A random field with numbers from low to largest, and the numbers that it means; high is the largest value of its unit."""
    kind = generator.choice(["star", "number", "range", "step", "list"])
    everything = range(low, high + 1)
    if kind == "star":
        return "*", set(everything)
    if kind == "number":
        number = generator.randint(low, largest)
        return str(number), {number}
    if kind == "range":
        start = generator.randint(low, largest)
        end = generator.randint(start, largest)
        return f"{start}-{end}", set(range(start, end + 1))
    if kind == "step":
        step = generator.randint(2, 20)
        return f"*/{step}", set(everything[::step])
    numbers = sorted({generator.randint(low, largest) for _ in range(3)})
    return ",".join(map(str, numbers)), set(numbers)


def expectation(generator, name, day):
    zone = zoneinfo.ZoneInfo(name)
    minute, minutes = field(generator, 0, 59, 59)
    hour, hours = field(generator, 0, 23, generator.choice([3, 23]))
    weekday, weekdays = generator.choice([("*", set(range(7))), ("6-7", {6, 0}), ("0", {0})])
    every_hour = hours == set(range(24))
    start = datetime.datetime(*day, tzinfo=datetime.timezone.utc) - datetime.timedelta(minutes=generator.randint(0, 1800))
    found, utc = [], start.replace(second=0)
    while len(found) < 12 and utc < start + datetime.timedelta(days=9):
        utc += MINUTE
        local = utc.astimezone(zone)
        if local.minute in minutes and local.hour in hours and (local.weekday() + 1) % 7 in weekdays:
            if every_hour or local.fold == 0:
                found.append(int(utc.timestamp()))
    return {"cron": f"{minute} {hour} * * {weekday}", "from": int(start.timestamp()), "times": found, "zone": name}


def main():
    generator = random.Random(SEED)
    cases = [expectation(generator, name, day) for name, days in ZONES.items() for day in days for _ in range(14)]
    lines = ",\n".join(json.dumps(case, sort_keys=True, separators=(",", ":")) for case in cases)
    path = pathlib.Path(__file__).with_name("zone-times.json")
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
