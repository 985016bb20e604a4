"""Engines that work in one process, each behind the same few functions: open the lake or the export as a view called `runs`,
answer the queries below, run a report's SQL. clusters.py has the engines of several processes. Compares nothing.

An engine's `refuses` names the reports that it is known not to run, each with words of its own error message."""

import importlib.metadata
import os
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

RUN_COLUMNS = ["id", "act_id", "act_name", "status", "started_at", "finished_at", "usage_total_usd", "cost_state"]
SUMS = "COUNT(*) AS runs, COUNT(usage_total_usd) AS known, SUM(usage_total_usd) AS usd"
QUERIES = {
    "totals": "SELECT COUNT(*) AS runs, COUNT(DISTINCT id) AS ids, COUNT(usage_total_usd) AS known, SUM(usage_total_usd) AS usd,"
    " MIN(usage_total_usd) AS cheapest, MAX(usage_total_usd) AS dearest, MIN(started_at) AS first_start,"
    " MAX(started_at) AS last_start, COUNT(finished_at) AS ended, MAX(finished_at) AS last_end FROM runs",
    "actors": f"SELECT act_id, MAX(act_name) AS act_name, {SUMS} FROM runs GROUP BY act_id",
    "months": f"SELECT {{month}} AS month, {SUMS} FROM runs GROUP BY {{month}}",
    "runs": f"SELECT {', '.join(RUN_COLUMNS)} FROM runs",
    # Of a lake alone, which is partitioned by the month.
    "partition": f"SELECT {SUMS} FROM runs WHERE started_month = '{{partition}}'",
}
RULE_COLUMNS = ["place", "actor_pattern", "task_pattern", "user_pattern", "group_name"]
SETS_ZONE = "SET TIME ZONE"
THREADS = 2
NO_SET = "SET variant not implemented yet: SetTimeZone"


def as_value(value):
    """A value as JSON has it, the same for all engines: money plain, instants in milliseconds, days as ISO has them."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"an instant without a time zone: {value}")
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if value is not None and not isinstance(value, (str, int)):
        raise ValueError(f"expected text, an integer, a decimal, an instant or a day, found {value!r}")
    return value


def as_month(value):
    """A month as YYYY-MM of what an engine makes of it: its first instant or day, or text."""
    return value if isinstance(value, str) else f"{value:%Y-%m}"


def of_arrow(table):
    """Column names and rows of an Arrow table."""
    return table.column_names, [list(row.values()) for row in table.to_pylist()]


class Engine:
    """What all engines have in common: SQL over a view called `runs`."""

    package, how, sources = None, "1 process", ("lake", "export")
    # How many workers there have to be, and, once it is closed, how many there were.
    expected_workers, workers = 0, 0
    month = "date_trunc('month', started_at)"
    has_sql, refuses = True, {}

    def __init__(self, job):
        self.job = job

    def version(self):
        return importlib.metadata.version(self.package)

    def open(self, source):
        """Makes the view `runs` of the lake or the export."""
        raise NotImplementedError

    def open_rules(self):
        """Makes the view `group_rules`."""
        self.ask(f"CREATE VIEW group_rules AS {self.rules_as_sql()}")

    def ask(self, sql):
        """Column names and rows of one statement."""
        raise NotImplementedError

    def close(self):
        """Ends what was started."""

    def rules_as_sql(self):
        text = lambda value: str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
        rows = ", ".join(f"({', '.join(map(text, rule))})" for rule in self.job["rules"])
        return f"SELECT * FROM (VALUES {rows}) AS rules ({', '.join(RULE_COLUMNS)})"

    def figures(self, source):
        """The answers to all queries, by name."""
        found = {}
        for name, sql in QUERIES.items():
            if name == "partition" and source != "lake":
                continue
            rows = self.ask(sql.replace("{month}", self.month).replace("{partition}", self.job["month"]))[1]
            found[name] = [[as_month(row[0]), *row[1:]] for row in rows] if name == "months" else rows
        return found

    def report(self, statements):
        """A report's columns and rows, or the engine's words where it refuses. Where it refuses to set the time zone, the
        rest is run too: the session is in UTC already."""
        found = {}
        if statements[0].startswith(SETS_ZONE):
            try:
                self.ask(statements[0])
            except BaseException as error:  # a panic of Rust's is no Exception
                found["refused"] = words(error)
            statements = statements[1:]
        try:
            columns, rows = self.ask(statements[0])
        except BaseException as error:
            return {"refused": found.get("refused", words(error))}
        return found | {"columns": columns, "rows": [list(map(as_value, row)) for row in rows]}


def words(error):
    """What an engine says, on one line."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    return " ".join(f"{type(error).__name__}: {error}".split())[:600]


class DuckDB(Engine):
    """By its delta extension, or where the installed version has none, by the lake's files."""

    package = "duckdb"

    def __init__(self, job):
        super().__init__(job)
        import duckdb

        self.connection = duckdb.connect(config={"threads": THREADS})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.lake = self.delta()

    def delta(self):
        try:
            import duckdb_extension_delta
        except ImportError:
            files = ", ".join(f"'{path}'" for path in self.job["files"])
            self.how = "1 process, files by deltalake"
            return f"read_parquet([{files}], hive_partitioning = true, hive_types = {{'started_month': VARCHAR}})"
        extension = next(Path(duckdb_extension_delta.__file__).parent.rglob("delta.duckdb_extension"))
        self.connection.execute(f"LOAD '{extension}'")
        self.how = "1 process, delta extension"
        return f"delta_scan('{self.job['lake']}')"

    def open(self, source):
        path = self.lake if source == "lake" else f"'{self.job['export']}'"
        self.connection.execute(f"CREATE OR REPLACE VIEW runs AS SELECT * FROM {path}")

    def ask(self, sql):
        answer = self.connection.execute(sql)
        return [column[0] for column in answer.description], [list(row) for row in answer.fetchall()]


class ClickHouse(Engine):
    """Its own reader of Delta, in the process: chdb."""

    package = "chdb-core"
    refuses = {"cost_by_group": "Cannot determine join keys in JOIN ON expression"}

    def __init__(self, job):
        super().__init__(job)
        from chdb import session

        # deltaLakeLocal reads lakes below the current folder alone, whatever user_files_path is.
        os.chdir(Path(job["lake"]).parent)
        self.session = session.Session()
        # Instants of a lake are in the session's zone, which decides what a month is.
        self.session.query(f"SET max_threads = {THREADS}, session_timezone = 'UTC'")

    def version(self):
        return f"{super().version()} (ClickHouse {self.ask('SELECT version() AS version')[1][0][0]})"

    def open(self, source):
        path, kind = self.job[source], "deltaLakeLocal('{}')" if source == "lake" else "file('{}', Parquet)"
        self.session.query(f"CREATE OR REPLACE VIEW runs AS SELECT * FROM {kind.format(path)}")

    def ask(self, sql):
        import pyarrow

        answer = self.session.query(sql, "Arrow").bytes()
        return of_arrow(pyarrow.ipc.open_file(pyarrow.BufferReader(answer)).read_all()) if answer else ([], [])

    def close(self):
        self.session.close()


class DataFusion(Engine):
    """Reads the lake through the deltalake package's table, and the export itself."""

    package = "datafusion"
    refuses = {"cost_by_day": NO_SET, "cost_by_week": NO_SET, "cost_by_group": "LIKE does not support escape_char"}

    def __init__(self, job):
        super().__init__(job)
        import datafusion

        self.context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(THREADS))

    def open(self, source):
        from deltalake import DeltaTable

        if self.context.table_exist("runs"):
            self.context.deregister_table("runs")
        if source == "lake":
            self.context.register_table("runs", DeltaTable(self.job["lake"]))
        else:
            self.context.register_parquet("runs", self.job["export"])

    def ask(self, sql):
        return of_arrow(self.context.sql(sql).to_arrow_table())


class Polars(Engine):
    """By scan_delta and scan_parquet, and its own SQL."""

    package = "polars"
    refuses = {
        "cost_by_day": "statement type is not supported: Set(SetTimeZone",
        "cost_by_week": "statement type is not supported: Set(SetTimeZone",
        "cost_by_group": "ESCAPE char for LIKE/ILIKE is not currently supported",
    }

    def __init__(self, job):
        super().__init__(job)
        import polars

        self.polars, self.context = polars, polars.SQLContext()

    def open(self, source):
        scan = self.polars.scan_delta if source == "lake" else self.polars.scan_parquet
        self.context.register("runs", scan(self.job[source]))

    def open_rules(self):
        self.context.register("group_rules", self.polars.LazyFrame(self.job["rules"], schema=RULE_COLUMNS, orient="row"))

    def ask(self, sql):
        frame = self.context.execute(sql, eager=True)
        return frame.columns, [list(row) for row in frame.rows()]


class Deltalake(Engine):
    """delta-rs, with the DataFusion that it brings as QueryBuilder; reads Delta alone."""

    package, sources = "deltalake", ("lake",)
    refuses = {"cost_by_day": NO_SET, "cost_by_week": NO_SET, "cost_by_group": "LIKE does not support escape_char"}

    def __init__(self, job):
        super().__init__(job)
        from deltalake import QueryBuilder

        self.builder = QueryBuilder()

    def open(self, source):
        from deltalake import DeltaTable

        self.builder.register("runs", DeltaTable(self.job["lake"]))

    def open_rules(self):
        import pyarrow
        from deltalake import DeltaTable, write_deltalake

        folder = str(Path(self.job["scratch"], "rules"))
        write_deltalake(folder, pyarrow.table(dict(zip(RULE_COLUMNS, zip(*self.job["rules"])))))
        self.builder.register("group_rules", DeltaTable(folder))

    def ask(self, sql):
        import pyarrow

        return of_arrow(pyarrow.table(self.builder.execute(sql).read_all()))
