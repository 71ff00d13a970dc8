"""The figures for people, as a table in Markdown."""

import statistics

from .workloads import NAMES

HEAD = ["workload", "on", "median", "lowest to highest", "p99", "commits per unit", "advantage of Orchestrator"]


def text(comparison, workloads):
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for workload in workloads:
        ours = comparison.measurements.get((workload.name, workload.loads[0].peer), [])
        for load in workload.loads:
            theirs = comparison.measurements.get((workload.name, load.peer), [])
            cells = [workload.title if load is workload.loads[0] else "", label(load.peer, comparison), *figures(workload, theirs)]
            cells.append("" if load is workload.loads[0] else advantage(workload, ours, theirs))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines + ["", footnote(comparison)])


def label(peer, comparison):
    return NAMES[peer] if peer == "orchestrator" else f"{NAMES[peer]} {comparison.circumstances['versions'][peer]}"


def figures(workload, measurements):
    if not measurements:
        return ["not measured", "", "", ""]
    values = [getattr(measurement, workload.figure) for measurement in measurements]
    spread = f"{short(min(values))} to {short(max(values))}" if len(values) > 1 else ""
    tails = [measurement.p99_ms for measurement in measurements if workload.figure == "p50_ms"]
    commits = [measurement.commits_per_unit for measurement in measurements if measurement.commits_per_unit is not None]
    return [
        short(statistics.median(values)), spread,
        short(statistics.median(tails)) if tails else "",
        short(statistics.median(commits)) if commits else "",
    ]


def advantage(workload, ours, theirs):
    """The median of the ratios of each round: what was measured one right after the other is compared."""
    pairs = [(getattr(our, workload.figure), getattr(their, workload.figure)) for our, their in zip(ours, theirs)]
    if not pairs:
        return ""
    ratio = statistics.median(our / their if workload.more_is_better else their / our for our, their in pairs)
    return f"{short(ratio)} ×"


def short(value):
    """Three digits: more would claim more than can be measured."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def footnote(comparison):
    facts = comparison.circumstances
    server = facts["server"]
    busy = max(facts["load_average"], facts.get("load_average_after", 0)) > 2 * facts["processors"] or facts["load_average"] > 1
    return (
        f"{facts['at']}, commit {facts['versions']['orchestrator']}, {comparison.rounds} rounds, {facts['processors']} processors, "
        f"PostgreSQL {server['server_version']}, fsync {server['fsync']}, synchronous_commit {server['synchronous_commit']}, "
        f"shared_buffers {server['shared_buffers']}, Python {facts['python']}, load average at the beginning "
        f"{facts['load_average']:.1f}" + (" (BUSY: others used the machine, only the ratios mean something)" if busy else "") + ".")
