# /// script
# requires-python = ">=3.11"
# dependencies = ["pyspark==4.3.0", "duckdb==2.0.0", "deltalake==1.6.6", "pytz==2026.6"]
#
# [tool.check]
# compares = "reports as SQL over exports and lakes on Spark's executors with DuckDB's results; Parquet files with Java's own reader"
# needs = ["Java"]
# minutes = 9
# megabytes = 540
# ///
"""Runs every reports/*.sql on Spark as a user would, by spark-submit and reports/spark.py, in local-cluster mode (a master,
and workers whose executors are separate processes), and compares each figure with DuckDB's and the tool's, over exports and
over lakes. parquet-mr, Java's own reader of Parquet, which Spark brings, reads an export's file without Spark, with and without
`--parquet-compat`. Needs Java 17 or newer. Trino, a cluster of several machines, and delta-spark, whose jars no package registry
for Python has, are not checked."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import pyspark
from deltalake import DeltaTable
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

from checks.duckdb import ask_report, check_groups, check_report, report_pairs
from checks.support.account import GROUPS, REPORTS, ROOT, Checks, as_cells, must_run, read_json, read_table, run
from checks.support.environments import command_line
from checks.support.processes import end
from checks.support.standin import DAY_MS, ChangingAccount, StandIn, instant, millis, serving

MASTER = "local-cluster[2,1,1024]"
# Nothing may leave the machine, and the session is far from UTC: the reports themselves have to see to it.
DEFAULTS = """spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 768m
spark.eventLog.enabled false
spark.port.maxRetries 64
spark.sql.session.timeZone Pacific/Auckland
spark.ui.enabled false
"""
PATIENCE_SECONDS = 900


class Spark:
    """pyspark's own spark-submit, with all that it writes in a scratch folder."""

    def __init__(self, scratch):
        # A home of links: executors' logs go to its folder `work`, so not into the installed package.
        self.home, self.folder = scratch / "spark", scratch
        package = Path(pyspark.__file__).parent
        for path in [self.home, scratch / "conf", scratch / "local"]:
            path.mkdir()
        for name in ("bin", "jars", "python"):
            (self.home / name).symlink_to(package / name)
        options = f"extraJavaOptions -Djava.io.tmpdir={scratch / 'local'}"
        settings = f"{DEFAULTS}spark.driver.{options}\nspark.executor.{options}\n"
        (scratch / "conf/spark-defaults.conf").write_text(settings)
        tools = Path(sys.executable).parent
        # As little of this shell's as will do, so that no settings of its own come in.
        self.environment = {
            "HOME": str(scratch),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONDONTWRITEBYTECODE": "1",
            "SPARK_CONF_DIR": str(scratch / "conf"),
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_DIRS": str(scratch / "local"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(scratch / "local"),
            "TZ": "Pacific/Auckland",
        }
        if "JAVA_HOME" in os.environ:
            self.environment["JAVA_HOME"] = os.environ["JAVA_HOME"]

    def submit(self, *arguments, master=MASTER):
        """One spark-submit of reports/spark.py, to its end; its exit code and what it said."""
        command = ["spark-submit", "--master", master, "reports/spark.py", *map(str, arguments)]
        print(f"$ {shlex.join(command)}", flush=True)
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        except BaseException:
            # Executors are in the same session: none is left behind.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        print(f"        exit {process.returncode} after {time.monotonic() - start:.0f} s")
        return process.returncode, said

    def must_submit(self, *arguments):
        """As `submit`; ends the script where it fails: nothing could be checked then."""
        code, said = self.submit(*arguments)
        if code != 0:
            sys.exit(f"{said}\nexit {code}")
        return said


def check_tables(checks, label, out, parquet, tables, names, groups=None):
    """Spark's CSVs are DuckDB's rows in the same order, to the last digit, and so are the tool's."""
    written = sorted(path.name for path in tables.iterdir())
    checks.equal(f"{label}: Spark wrote these reports", written, sorted(f"{name}.csv" for name in names))
    for name in names:
        columns, rows = ask_report(name, parquet, groups)
        header, found = read_table(tables / f"{name}.csv")
        checks.equal(f"{label}: {name}.sql has the columns that it should on Spark", header, REPORTS[name])
        checks.equal(f"{label}: {name}.sql has the columns that it should on DuckDB", columns, REPORTS[name])
        checks.that(f"{label}: {name}.sql has rows", len(rows) > 0)
        checks.equal(f"{label}: {name}.sql on Spark is {name}.sql on DuckDB", found, as_cells(rows))
        if out is not None:
            check_report(checks, label, out, name, rows)


def check_processes(checks, spark, said):
    """The work was done by executors that are processes of their own, by their own logs."""
    expected = f"Spark {pyspark.__version__}, {MASTER}, executors beside the driver: 2"
    checks.that("local-cluster: Spark's context has two executors beside the driver", expected in said, said[-2000:])
    logs = [path.read_text() for path in sorted(spark.home.glob("work/app-*/*/stderr"))]
    process = re.compile(r"CoarseGrainedExecutorBackend: Started daemon with process name: (\d+)@")
    ids = [match for log in logs for match in process.findall(log)]
    checks.that("local-cluster: two executors, each a process of its own", len(set(ids)) == len(logs) == 2, ids)
    finished = [log.count("INFO Executor: Finished task ") for log in logs]
    checks.that("local-cluster: both finished tasks", len(finished) == 2 and min(finished) > 0, finished)
    print(f"        processes {', '.join(ids)} finished {' and '.join(map(str, finished))} tasks")


def files_of(lake, month=None):
    """The lake's files as deltalake reads its log."""
    uris = [uri.removeprefix("file://") for uri in DeltaTable(str(lake)).file_uris()]
    return sorted(uri for uri in uris if month is None or f"/started_month={month}/" in uri)


def check_month_of_lake(checks, spark, binary, out, scratch, names):
    """A month of the made-up account's lake is what the export of that month is."""
    lake, tables = scratch / "lake", scratch / "tables-lake"
    must_run(binary, "sync", "--demo", "--quiet", "--lake", lake, cwd=scratch)
    spark.must_submit("--month", "2025-09", lake, tables)
    check_tables(checks, "lake, a month", out, files_of(lake, "2025-09"), tables, names)


def check_old_lake(checks, spark, binary, scratch):
    """A lake of many syncs: its log begins with a checkpoint, and of the files in its folder many are no longer its own."""
    lake, tables, rules = scratch / "old-lake", scratch / "tables-old-lake", scratch / "groups.csv"
    first = millis("2025-08-01T06:00:00Z")
    account = ChangingAccount(first - 40 * DAY_MS, first + 20 * DAY_MS, 60, 90)
    with serving(StandIn(account, first, 90)) as standin:
        for day in range(13):
            account.set_clock(first + day * DAY_MS)
            standin.clock_ms = account.clock
            source = ["--api-url", standin.url, "--rate", 0, "--detail-rate", 0, "--quiet"]
            must_run(binary, "sync", "--lake", lake, *source, *(["--since", "2025-06-23"] if day == 0 else []), cwd=scratch)
    files = files_of(lake)
    checks.that("old lake: it has a checkpoint", (lake / "_delta_log/_last_checkpoint").exists())
    checks.that("old lake: it has had other files", len(list(lake.glob("started_month=*/*"))) > len(files))
    spark.must_submit("--groups", rules, lake, tables)
    out = scratch / "old-lake-reports"
    reported = run(binary, "report", lake, "--groups", rules, "--format", "csv,json", "--quiet", "--out", out, cwd=scratch)
    if reported.returncode != 0:
        print(f"skipped old lake: the tool's own reports: {reported.stderr.strip()}")
        out = None
    else:
        pairs = ["--by", "actor,status", "--format", "csv,json", "--quiet", "--out", scratch / "old-lake-reports-pairs"]
        must_run(binary, "report", lake, *pairs, cwd=scratch)
    check_tables(checks, "old lake", out, files, tables, list(REPORTS), rules)


def check_refusals(checks, spark, out, scratch):
    """What can't be done is said in words, with exit code 2."""
    whole, foreign = out / "runs.parquet", scratch / "foreign.csv"
    foreign.write_text("actor,team\na,b\n")
    for what, arguments, words in [
        ("one path alone", [whole], "the following arguments are required: OUT_FOLDER"),
        ("a report that isn't there", [whole, scratch / "none", "cost_by_moon"], "there is no report 'cost_by_moon'"),
        (
            "a folder that isn't Parquet",
            [scratch / "conf", scratch / "none"],
            "can't be read; expected OUT/runs.parquet",
        ),
        ("a month of an export", ["--month", "2025-09", whole, scratch / "none"], "--month is for lakes"),
        ("foreign rules", ["--groups", foreign, whole, scratch / "none"], "expected a header of group and"),
    ]:
        code, said = spark.submit(*arguments, master="local[1]")
        checks.that(f"refusals: {what} is exit 2, in words", code == 2 and words in said, (code, said[-2000:]))
    checks.that("refusals: nothing was written", not (scratch / "none").exists())


@contextlib.contextmanager
def java(scratch):
    """The classes of a Java process that has Spark's jars, for as long as the block lasts."""
    jars, options = Path(pyspark.__file__).parent / "jars" / "*", [f"-Djava.io.tmpdir={scratch / 'local'}", "-XX:-UsePerfData"]
    more = {"java_path": None, "die_on_exit": True, "enable_auth": True, "return_proc": True}
    port, token, process = launch_gateway(classpath=str(jars), javaopts=options, **more)
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
    try:
        yield gateway.jvm
    finally:
        gateway.close()
        end(process)


def check_java_reader(checks, scratch, outs):
    """parquet-mr's reader of rows: their count, unknown costs, the first start, and the sum of the decimals' bytes, as the manifest has
    them."""
    with java(scratch) as classes:
        parquet = classes.org.apache.parquet.hadoop
        for label, out in outs.items():
            started, totals = time.monotonic(), read_json(out / "manifest.json")["totals"]
            path = classes.org.apache.hadoop.fs.Path(str(out / "runs.parquet"))
            reader = parquet.ParquetReader.builder(parquet.example.GroupReadSupport(), path).build()
            rows, unknown, units, first, cost = 0, 0, 0, None, b""
            while (row := reader.read()) is not None:
                rows += 1
                first = row.getLong("started_at", 0) if first is None else first
                if row.getFieldRepetitionCount("usage_total_usd") == 0:
                    unknown += 1
                else:
                    cost = row.getBinary("usage_total_usd", 0).getBytes()
                    units += int.from_bytes(cost, "big", signed=True)
            reader.close()
            print(f"        read {rows} rows in {time.monotonic() - started:.0f} s")
            checks.equal(f"parquet-mr, {label}: rows, unknown costs", (rows, unknown), (totals["runs"], totals["runs_cost_unknown"]))
            checks.equal(f"parquet-mr, {label}: the first start", instant(first), read_table(out / "runs.csv")[1][0]["started_at"])
            checks.equal(f"parquet-mr, {label}: the sum of the bytes is exact", units, int(Decimal(totals["usage_total_usd"]).scaleb(18)))
            # Each addition in Java would be one more call between two processes, of 200,000.
            as_java = int(classes.java.math.BigInteger(cost).toString())
            checks.equal(f"parquet-mr, {label}: Java's BigInteger reads the bytes so", as_java, int.from_bytes(cost, "big", signed=True))


def main():
    binary = command_line(__file__).binary
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="apify-runs-spark-") as folder:
        scratch = Path(folder).resolve()
        spark = Spark(scratch)
        default, by_day, compat, rules = scratch / "demo", scratch / "by-day", scratch / "compat", scratch / "groups.csv"
        rules.write_text(GROUPS, encoding="utf-8")
        must_run(binary, "export", "--demo", "--quiet", "--out", default, cwd=scratch)
        split = ["--partition-by", "day", "--groups", rules]
        must_run(binary, "export", "--demo", "--quiet", *split, "--out", by_day, cwd=scratch)
        must_run(binary, "export", "--demo", "--quiet", "--parquet-compat", "--out", compat, cwd=scratch)
        check_java_reader(checks, scratch, {"by default": default, "--parquet-compat": compat})
        for out in (default, by_day):
            report_pairs(binary, out)

        tables, names = scratch / "tables", [name for name in REPORTS if name != "cost_by_group"]
        said = spark.must_submit(default / "runs.parquet", tables)
        checks.that("export: cost_by_group is skipped with a word", "cost_by_group: skipped, it needs --groups" in said)
        check_processes(checks, spark, said)
        check_tables(checks, "export", default, default / "runs.parquet", tables, names)

        tables, label = scratch / "tables-by-day", "by day, with groups"
        spark.must_submit("--groups", rules, by_day / "runs", tables)
        parquet = by_day / "runs" / "*" / "runs.parquet"
        check_tables(checks, label, by_day, parquet, tables, list(REPORTS), rules)
        check_groups(checks, [row["run_group"] for row in read_table(tables / "cost_by_group.csv")[1]])

        names = [name for name in REPORTS if name != "cost_by_group"]
        check_month_of_lake(checks, spark, binary, default, scratch, names)
        check_old_lake(checks, spark, binary, scratch)

        check_refusals(checks, spark, default, scratch)
    checks.close()


if __name__ == "__main__":
    main()
