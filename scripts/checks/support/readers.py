"""Engines that read lakes and exports, each behind the same few functions: open the lake or the export as a view called `runs`, answer the
queries below, run a report's SQL. `python -m checks.support.readers ENGINE JOB RESULT` writes the answers of one as JSON: a process of
its own, since engines disturb each other in one. It is started by checks/engines.py, which compares the answers, and ends all that the
engine started, also when checks/engines.py is killed. Holds no check itself.

An engine's `refuses` names the reports that it is known not to run, each with words of its own error message."""

import importlib.metadata
import json
import os
import re
import sys
import tempfile
import time
import traceback
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

from checks.support import processes
from checks.support.account import REPORTS

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
# Exports that engines which are warehouses load into a table, besides what all read.
LOADED = ["loaded", "loaded by day"]
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
    # Its name in docs/data-engineers.md, whose statements load exports into a table of its own.
    warehouse = None
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

    def load(self, source):
        """Makes the table `runs` by the statements of the documentation."""
        for statement in self.job["warehouses"][self.warehouse][source]:
            self.ask(statement)

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

    package, warehouse = "duckdb", "DuckDB"

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

    package, warehouse = "chdb-core", "ClickHouse"
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
    refuses = {"cost_by_day": NO_SET, "cost_by_week": NO_SET, "cost_by_month": NO_SET, "cost_by_group": "LIKE does not support escape_char"}

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
        "cost_by_month": "statement type is not supported: Set(SetTimeZone",
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
    refuses = {"cost_by_day": NO_SET, "cost_by_week": NO_SET, "cost_by_month": NO_SET, "cost_by_group": "LIKE does not support escape_char"}

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


LOOPBACK = "127.0.0.1"
MIB = 2**20
SPARK_MASTER = "local-cluster[2,1,1024]"
NO_FILTER, NO_SET_VARIABLE = "Unsupported SQL: 'Aggregation `FILTER`'", "not yet implemented: set_variable"
NO_ZONE = "found ZONE at"


class Daft(Engine):
    """On a Ray cluster of a head that does no work and two nodes with one core each."""

    package, month, expected_workers = "daft", "started_at_month", 2
    refuses = {name: NO_FILTER for name in REPORTS if name != "dearest_runs"} | dict.fromkeys(["cost_by_day", "cost_by_week", "cost_by_month"], NO_SET_VARIABLE)

    def __init__(self, job):
        super().__init__(job)
        import ray
        from ray._private import services

        # Ray takes loopback for a mistake and puts the machine's own address in its place.
        services.get_node_ip_address = lambda *_: LOOPBACK
        import daft
        from ray.cluster_utils import Cluster

        self.daft, self.ray = daft, ray
        # Ray notes the cluster's address there, and doesn't make the folder.
        Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)
        node = {"node_ip_address": LOOPBACK, "include_dashboard": False, "object_store_memory": 128 * MIB}
        head = node | {"num_cpus": 0, "temp_dir": job["ray"]}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            self.cluster.add_node(num_cpus=1, **node)
        ray.init(address=self.cluster.address, _node_ip_address=LOOPBACK, log_to_driver=False)
        daft.set_runner_ray(noop_if_initialized=True)

    def version(self):
        return f"{super().version()}, Ray {importlib.metadata.version('ray')}"

    def open(self, source):
        read = self.daft.read_deltalake if source == "lake" else self.daft.read_parquet
        runs = read(self.job[source])
        self.runs = runs.with_column("started_at_month", runs["started_at"].strftime("%Y-%m"))

    def open_rules(self):
        self.rules = self.daft.from_pylist([dict(zip(RULE_COLUMNS, rule)) for rule in self.job["rules"]])

    def ask(self, sql):
        return of_arrow(self.daft.sql(sql, runs=self.runs, group_rules=self.rules).to_arrow())

    def close(self):
        found = map(processes.command, processes.descendants(os.getpid()))
        self.workers = sum("Swordfish" in command for command in found)
        nodes = sum(node["Alive"] for node in self.ray.nodes())
        self.how = f"{nodes} nodes of Ray, {self.workers} worker processes"
        self.ray.shutdown()
        self.cluster.shutdown()


class Sail(Engine):
    """A Spark Connect server in the process, asked by Spark's own client."""

    package, mode, how = "pysail", "local", "1 process, Spark Connect"
    refuses = {"cost_by_day": NO_ZONE, "cost_by_week": NO_ZONE, "cost_by_month": NO_ZONE}

    def __init__(self, job):
        super().__init__(job)
        os.environ["SAIL_MODE"] = self.mode
        os.environ["SAIL_CLUSTER__WORKER_INITIAL_COUNT"] = os.environ["SAIL_CLUSTER__WORKER_MAX_COUNT"] = "2"
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self.server = SparkConnectServer(LOOPBACK, 0)
        self.server.start(background=True)
        self.session = SparkSession.builder.remote(f"sc://{LOOPBACK}:{self.server.listening_address[1]}").getOrCreate()
        self.session.conf.set("spark.sql.session.timeZone", "UTC")

    def open(self, source):
        form = "delta" if source == "lake" else "parquet"
        self.session.read.format(form).load(self.job[source]).createOrReplaceTempView("runs")

    def open_rules(self):
        self.session.sql(f"CREATE TEMPORARY VIEW group_rules AS {self.rules_as_sql()}")

    def ask(self, sql):
        return of_arrow(self.session.sql(sql).toArrow())

    def close(self):
        self.session.stop()
        self.server.stop()


class SailCluster(Sail):
    """The same with a driver and two workers, which talk over sockets."""

    mode, expected_workers = "local-cluster", 2

    def close(self):
        super().close()
        # Its own words are in the log: where each worker listens.
        log = Path(self.job["scratch"], "log").read_text(encoding="utf-8")
        self.workers = len(set(re.findall(r"worker (\d+) is available at 127\.0\.0\.1:", log)))
        self.how = f"driver and {self.workers} workers, Spark Connect"


class Spark(Engine):
    """In local-cluster mode: executors are processes of their own. Reads the files that the lake's log names."""

    package, warehouse, expected_workers = "pyspark", "Databricks", 2

    def __init__(self, job):
        super().__init__(job)
        home = self.prepare(Path(job["scratch"]))
        os.environ |= {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_DIRS": job["scratch"]}
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(SPARK_MASTER).appName("apify-runs engines")
        options = {"driver.host": LOOPBACK, "driver.bindAddress": LOOPBACK, "driver.memory": "768m", "ui.enabled": "false"}
        options |= {"sql.session.timeZone": "UTC", "sql.ansi.enabled": "true", "sql.shuffle.partitions": THREADS}
        options |= {"port.maxRetries": 64, "sql.sources.partitionColumnTypeInference.enabled": "false"}
        # Three Java machines share two cores for a minute: they compile little, and collect garbage with one thread.
        options |= dict.fromkeys(["driver.extraJavaOptions", "executor.extraJavaOptions"], "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        for name, value in options.items():
            builder = builder.config(f"spark.{name}", value)
        self.session = builder.getOrCreate()

    @staticmethod
    def prepare(scratch):
        """A home of links: executors' logs go to its folder `work`, so not into the installed package."""
        import pyspark

        home, package = scratch / "spark", Path(pyspark.__file__).parent
        home.mkdir()
        for name in ("bin", "jars", "python"):
            (home / name).symlink_to(package / name)
        return home

    def open(self, source):
        reader = self.session.read
        if source == "lake":
            runs = reader.option("basePath", self.job["lake"]).parquet(*self.job["files"])
        else:
            runs = reader.parquet(self.job["export"])
        runs.createOrReplaceTempView("runs")

    def open_rules(self):
        self.session.sql(f"CREATE TEMPORARY VIEW group_rules AS {self.rules_as_sql()}")

    def ask(self, sql):
        frame = self.session.sql(sql)
        return frame.columns, [list(map(as_utc, row)) for row in frame.collect()]

    def close(self):
        self.workers = len(self.session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1
        self.how = f"local-cluster: driver and {self.workers} executors, files by deltalake"
        self.session.stop()


def as_utc(value):
    """Python's Spark gives instants in the process's own time zone, which checks/engines.py makes UTC, without saying so."""
    return value.astimezone() if hasattr(value, "astimezone") else value


class Dask(Engine):
    """Data frames of Arrow's types on two worker processes; has no SQL."""

    package, has_sql, expected_workers = "dask", False, 2

    def __init__(self, job):
        super().__init__(job)
        import dask
        import dask.dataframe
        from distributed import Client, LocalCluster

        dask.config.set({"dataframe.convert-string": False})
        self.frames = dask.dataframe
        self.cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, host=LOOPBACK, dashboard_address=None, memory_limit="1GiB"
        )
        self.client = Client(self.cluster)

    def open(self, source):
        from deltalake import DeltaTable

        path = DeltaTable(self.job["lake"]).file_uris() if source == "lake" else self.job["export"]
        self.runs = self.frames.read_parquet(path, dtype_backend="pyarrow", split_row_groups=True)

    def figures(self, source):
        runs = self.runs
        # A sum of decimals is refused without a group.
        costs = {"usage_total_usd": ["count", "sum"]}
        totals = {"id": ["count"], "usage_total_usd": ["count", "sum", "min", "max"]}
        totals |= {"started_at": ["min", "max"], "finished_at": ["count", "max"]}
        found = {
            "totals": self.grouped(runs.assign(all="all"), "all", totals),
            "actors": self.grouped(runs, "act_id", {"act_name": ["max"], "id": ["count"], **costs}),
            "months": self.grouped(runs.assign(month=runs.started_at.dt.strftime("%Y-%m")), "month", {"id": ["count"], **costs}),
            "runs": self.rows(runs[RUN_COLUMNS].compute()),
        }
        found["totals"] = [[row[1], int(runs.id.nunique().compute()), *row[2:]] for row in found["totals"]]
        if source == "lake":
            month = runs[runs.started_month == self.job["month"]]
            found["partition"] = [row[1:] for row in self.grouped(month.assign(all="all"), "all", {"id": ["count"], **costs})]
        return found

    def grouped(self, frame, key, aggregates):
        """Rows of a key and its aggregates."""
        return self.rows(frame.groupby(key, dropna=False).agg(aggregates).compute().reset_index())

    @staticmethod
    def rows(frame):
        """Rows of a pandas frame in Python's own types, NULL as None."""
        import pandas

        def plain(value):
            if value is None or value is pandas.NA or value is pandas.NaT:
                return None
            return value.to_pydatetime() if isinstance(value, pandas.Timestamp) else getattr(value, "item", lambda: value)()

        return [list(map(plain, row)) for row in frame.itertuples(index=False, name=None)]

    def close(self):
        self.workers = len(set(self.client.run(os.getpid).values()) - {os.getpid()})
        self.how = f"{self.workers} worker processes"
        self.client.close()
        self.cluster.close()


ENGINES = {
    "duckdb": DuckDB,
    "duckdb2": DuckDB,
    "clickhouse": ClickHouse,
    "datafusion": DataFusion,
    "polars": Polars,
    "deltalake": Deltalake,
    "daft": Daft,
    "sail": Sail,
    "sail-cluster": SailCluster,
    "spark": Spark,
    "dask": Dask,
}


def read(engine, job):
    """All answers of one engine, by source."""
    found = {}
    if engine.has_sql:
        engine.open_rules()
    for source in engine.sources:
        engine.open(source)
        reports = {name: engine.report(statements) for name, statements in job["reports"].items()} if engine.has_sql else {}
        found[source] = {"figures": figures_of(engine, source), "reports": reports}
    kind = "VIEW"
    for source in LOADED if engine.warehouse else []:
        engine.ask(f"DROP {kind} runs")
        kind = "TABLE"
        engine.load(source)
        found[source] = {"figures": figures_of(engine, source), "reports": {}}
    return found


def figures_of(engine, source):
    """The answers to all queries as JSON has them, each in one order."""
    rows_of = engine.figures(source).items()
    return {name: sorted([list(map(as_value, row)) for row in rows], key=lambda row: str(row[0])) for name, rows in rows_of}


def main():
    name, job_path, result_path = sys.argv[1:]
    processes.adopt_orphans()
    processes.end_with_stdin()
    job, start, code = json.loads(Path(job_path).read_text(encoding="utf-8")), time.monotonic(), 0
    result = {}
    try:
        engine = ENGINES[name](job)
        try:
            result = {"version": engine.version(), "sources": read(engine, job)}
        finally:
            engine.close()
        result |= {"how": engine.how, "workers": engine.workers, "seconds": time.monotonic() - start}
    except ImportError as error:
        result = {"missing": str(error)}
    except BaseException:  # a panic of Rust's is no Exception
        traceback.print_exc()
        result, code = {}, 1
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")
    processes.end_descendants(os.getpid())
    # Ends also where an engine's threads don't.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
