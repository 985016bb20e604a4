"""Engines of several processes or workers, all on this machine's loopback interface: Daft on Ray, Sail, Spark and dask. With
those of readers.py, the table of all engines."""

import importlib.metadata
import os
import re
import tempfile
from pathlib import Path

from checks.querying import descendants, readers
from checks.querying.readers import RULE_COLUMNS, THREADS, Engine, of_arrow
from checks.support.account import REPORTS

LOOPBACK = "127.0.0.1"
MIB = 2**20
SPARK_MASTER = "local-cluster[2,1,1024]"
NO_FILTER, NO_SET = "Unsupported SQL: 'Aggregation `FILTER`'", "not yet implemented: set_variable"
NO_ZONE = "found ZONE at"


class Daft(Engine):
    """On a Ray cluster of a head that does no work and two nodes with one core each."""

    package, month, expected_workers = "daft", "started_at_month", 2
    refuses = {name: NO_FILTER for name in REPORTS if name != "dearest_runs"} | dict.fromkeys(["cost_by_day", "cost_by_week"], NO_SET)

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
        found = map(descendants.command, descendants.descendants(os.getpid()))
        self.workers = sum("Swordfish" in command for command in found)
        nodes = sum(node["Alive"] for node in self.ray.nodes())
        self.how = f"{nodes} nodes of Ray, {self.workers} worker processes"
        self.ray.shutdown()
        self.cluster.shutdown()


class Sail(Engine):
    """A Spark Connect server in the process, asked by Spark's own client."""

    package, mode, how = "pysail", "local", "1 process, Spark Connect"
    refuses = {"cost_by_day": NO_ZONE, "cost_by_week": NO_ZONE}

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

    package, expected_workers = "pyspark", 2

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
    """Python's Spark gives instants in the process's own time zone, which engines.py makes UTC, without saying so."""
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
            "runs": self.rows(runs[readers.RUN_COLUMNS].compute()),
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
    "duckdb": readers.DuckDB,
    "duckdb2": readers.DuckDB,
    "clickhouse": readers.ClickHouse,
    "datafusion": readers.DataFusion,
    "polars": readers.Polars,
    "deltalake": readers.Deltalake,
    "daft": Daft,
    "sail": Sail,
    "sail-cluster": SailCluster,
    "spark": Spark,
    "dask": Dask,
}
