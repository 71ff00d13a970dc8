"""The independent checker: compares what was acknowledged with what stands in the database. It knows the tables, not the engine.

  checker.py --host FOLDER-OR-HOST --journal FILE [--database NAME]

Prints one JSON object; exits with 1 when a rule is broken.
"""

import argparse
import io
import json
import sys

import psycopg2

import journal
import rules

EVIDENCE = 5


class Checker:
    """Reads a journal and a database at rest."""

    def __init__(self, connection, path):
        self.cursor = connection.cursor()
        self.lines = journal.read(path)
        self.violations = {}

    def check(self):
        self.load()
        for group in (rules.ACKNOWLEDGED, rules.HISTORIES, rules.LEFT_BEHIND):
            for name, query in group.items():
                self.apply(name, query)
        return self.violations

    def load(self):
        self.cursor.execute("set work_mem = '256MB'; set max_parallel_workers_per_gather = 0;" + rules.JOURNAL_TABLES)
        words = {"start": "number", "signal": "request", "cancel": None, "completion": "result"}
        self.copy("said", ((kind, line["workflow"], str(line[word]) if word else "")
                           for kind, word in words.items() for line in self.lines.get(kind, [])))
        self.copy("executed", ((line["run"], line["sequence"], line["attempt"]) for line in self.lines.get("execution", [])))
        self.cursor.execute(rules.INDEXES)

    def copy(self, table, rows):
        text = io.StringIO("".join("\t".join(row) + "\n" for row in rows))
        self.cursor.copy_expert(f"copy {table} from stdin", text)

    def apply(self, name, query):
        self.cursor.execute(f"select count(*), (array_agg(found))[1:{EVIDENCE}] from ({query}) q(found)")
        count, evidence = self.cursor.fetchone()
        if count:
            self.violations[name] = {"count": count, "evidence": evidence}

    def number(self, query):
        self.cursor.execute(query)
        return self.cursor.fetchone()[0]

    def figures(self):
        acknowledged = sum(len(self.lines.get(kind, [])) for kind in ("start", "signal", "cancel", "completion"))
        return {
            "acknowledgements": acknowledged,
            "starts": len(self.lines.get("start", [])), "signals": len(self.lines.get("signal", [])),
            "cancellations": len(self.lines.get("cancel", [])), "completions": len(self.lines.get("completion", [])),
            "executions": len(self.lines.get("execution", [])),
            "runs": self.number("select count(*) from orchestrator.runs"),
            "events": self.number("select count(*) from orchestrator.history"),
            "fenced_processes": self.number("select count(*) from chaos.fences"),
            "slots_moved": self.number("select count(*) from chaos.takeovers"),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--database", default="chaos")
    arguments = parser.parse_args()
    connection = psycopg2.connect(host=arguments.host, user="orchestrator", dbname=arguments.database, application_name="checker")
    checker = Checker(connection, arguments.journal)
    violations = checker.check()
    print(json.dumps({"violations": violations, "figures": checker.figures()}))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
