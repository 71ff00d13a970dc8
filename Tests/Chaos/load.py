"""Clients that speak SQL: starts and signals inside transactions of their own, some of them rolled back."""

import queue
import threading
import time
import uuid

import psycopg2

CLOSED = ("OR004",)
NOT_YET = ("OR003", "OR018")


class SQLClients:
    """Threads that start journeys beside a row of their own, and send every journey its second tick (and theirs the first)."""

    def __init__(self, world, generator, starters=2, tickers=2):
        self.world = world
        self.generator = generator
        self.is_starting = True
        self.is_running = True
        self.due = queue.Queue()
        self.threads = [threading.Thread(target=self.guard, args=(self.start_loop, number), daemon=True) for number in range(starters)]
        self.threads += [threading.Thread(target=self.guard, args=(self.tick_loop, number), daemon=True) for number in range(tickers)]
        self.failures = []

    def begin(self):
        for thread in self.threads:
            thread.start()

    def guard(self, loop, number):
        try:
            loop(number)
        except Exception as error:  # noqa: BLE001 - a client that dies silently would make the storm check nothing
            self.failures.append(f"{loop.__name__} {number}: {type(error).__name__} {error}")
            raise

    def journey_started(self, workflow):
        """A process said that this journey was started, with its first tick."""
        self.due.put((workflow, 2))

    def end(self):
        self.is_starting = self.is_running = False
        for thread in self.threads:
            if thread.is_alive():
                thread.join(60)

    def attempt(self, connection, body):
        """Runs a transaction. Returns the connection, and "done", "closed", "refused" or "unknown"."""
        try:
            connection = connection or self.world.connect_through_proxy("sql-client")
            with connection.cursor() as cursor:
                body(cursor)
            connection.commit()
            return connection, "done"
        except psycopg2.Error as error:
            answer = "closed" if error.pgcode in CLOSED else "refused" if error.pgcode in NOT_YET else "unknown"
            try:
                connection.rollback()
                return connection, answer
            except (psycopg2.Error, AttributeError):
                return None, "unknown"

    def send_until_closed(self, cursor, workflow):
        """Signals one run again and again, until it is told that the run is closed."""
        for number in range(1000):
            request = f"{workflow}/{number}"
            try:
                cursor.execute("select orchestrator.signal_workflow(%s, 'unheard', 'null', %s)", (workflow, request))
            except psycopg2.Error as error:
                if error.pgcode in CLOSED:
                    return
                continue
            self.world.journal.note("signal", workflow=workflow, request=request)

    def start_loop(self, number):
        connection = None
        count = 0
        while self.is_starting:
            count += 1
            workflow, run = f"sql-{number}-{count}", str(uuid.uuid4())
            is_kept = self.generator.random() > 0.15
            if not is_kept:
                workflow += "-dropped"
            connection, answer = self.start(connection, workflow, run, count, is_kept)
            if answer == "done":
                self.world.journal.note("start", workflow=workflow, number=count, run=run, order=True)
                self.due.put((workflow, 1))
                self.due.put((workflow, 2))
            time.sleep(self.generator.uniform(0.01, 0.1))

    def start(self, connection, workflow, run, number, is_kept):
        def body(cursor):
            cursor.execute("insert into chaos.orders (workflow_id) values (%s) on conflict do nothing", (workflow,))
            cursor.execute("select orchestrator.start_workflow('Journey', %s, %s::text::jsonb, %s)", (workflow, number, run))
            if not is_kept:
                raise psycopg2.DataError("rolled back on purpose")

        answer = "unknown"
        while answer != "done" and self.is_starting:
            connection, answer = self.attempt(connection, body)
            if not is_kept:
                return connection, "dropped"
            if answer != "done":
                time.sleep(0.02)
        return connection, answer

    def tick_loop(self, _):
        connection = None
        while self.is_running:
            try:
                workflow, tick = self.due.get(timeout=0.2)
            except queue.Empty:
                continue
            request = f"{workflow}/{tick}"

            def body(cursor, workflow=workflow, tick=tick, request=request):
                cursor.execute("select orchestrator.signal_workflow(%s, 'tick', %s::text::jsonb, %s)", (workflow, tick, request))

            connection, answer = self.attempt(connection, body)
            if answer == "done":
                self.world.journal.note("signal", workflow=workflow, request=request)
            elif answer != "closed":
                # Not acknowledged: it is sent again, with the same request id, behind the others.
                self.due.put((workflow, tick))
                time.sleep(0.02)
