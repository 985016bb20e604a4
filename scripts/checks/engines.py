# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "chdb-core==26.9.0",
#     "daft==0.7.26",
#     "dask[dataframe]==2026.8.0",
#     "datafusion==55.0.0",
#     "deltalake==1.6.6",
#     "distributed==2026.8.0",
#     "duckdb==1.5.5",
#     "duckdb-extension-delta==1.5.5",
#     "polars==2.1.0",
#     "pyarrow==25.0.1",
#     "pysail==0.7.2",
#     "pyspark-client==4.2.0",
#     "pytz==2026.6",
#     "ray==2.59.0",
# ]
#
# [tool.check]
# compares = "a lake and an export, read by Daft, Sail, ClickHouse, DataFusion, dask, Spark, DuckDB, Polars and deltalake"
# uses = ["Java"]
# minutes = 5
# megabytes = 2000
# options = { "--only NAMES" = "only these engines, by the names in the closing table (comma list)" }
# ///
"""A lake of several commits and an export, read by the engines that data engineers use: DuckDB, ClickHouse (chdb), DataFusion,
Polars and deltalake in one process; Daft on a Ray cluster, Sail, Spark and dask on several.

Each engine reads every run and adds up the costs: in total, by Actor, by month, and for one month by the lake's partition. Every
figure has to equal, to the last digit, the model of the account from which the lake was synced. Each engine that has SQL
then runs reports/*.sql as they are, and the rows have to equal the tool's own reports. A report that an engine is known to
refuse is listed below the closing table with the engine's words; any other refusal is a failure. No engine may listen
beyond the loopback interface, or leave a process behind. Trino and clusters of several machines are not checked."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checks.querying import account, clusters, descendants
from checks.support.account import REPORTS, Checks, as_cells
from checks.support.environments import SCRIPTS, Facts, command_line, python_with, refuse

# Spark and DuckDB 2, which has no extension for Delta among Python's packages yet, are in the environment of the check `spark`.
OF_SPARK = ["spark", "duckdb2"]
SECONDS_AT_MOST = 900
SECONDS_BETWEEN_LOOKS = 0.5
FIGURES = {
    "totals": "runs, IDs, costs, instants and NULLs in total",
    "actors": "runs and costs by Actor",
    "months": "runs and costs by month",
    "runs": "every run",
    "partition": "runs and costs of one month, by the lake's partition",
}
# No engine may take more than its part of two cores, or tell anybody that it runs.
LIMITS = dict.fromkeys(["POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "TOKIO_WORKER_THREADS"], "2")
LIMITS |= {"RAY_USAGE_STATS_ENABLED": "0", "DAFT_ANALYTICS_ENABLED": "0", "DO_NOT_TRACK": "1"}


class Comparison:
    """Asks one engine after the other for its answers, and compares them."""

    def __init__(self, checks, scratch, sources, rules):
        self.checks, self.scratch, self.sources = checks, scratch, sources
        self.job = account.job(sources, rules)
        # Rows of the closing table; by engine and its words, the reports that it refused; the engines that were skipped.
        self.table, self.refused, self.skipped = [], {}, []

    def ask(self, name):
        """One engine's answers, compared."""
        try:
            python = python_with(*Facts(SCRIPTS / "checks" / "spark.py").packages) if name in OF_SPARK else Path(sys.executable)
        except SystemExit as error:
            self.skip(name, f"its packages could not be installed: {error.code}")
            return
        if name == "spark" and not ("JAVA_HOME" in os.environ or shutil.which("java")):
            self.skip(name, "it needs Java 17")
            return
        code, result, log = self.run(name, python)
        if "missing" in result:
            self.skip(name, result["missing"])
            return
        self.checks.that(f"{name}: it answers", code == 0 and result, f"exit {code}\n{log[-3000:]}")
        if result:
            self.compare(name, result)

    def run(self, name, python):
        """The engine as a process of its own, to its end: exit code, answers, and what it said."""
        folder = self.scratch / name
        (folder / "tmp").mkdir(parents=True)
        job, answers, log = folder / "job.json", folder / "answers.json", folder / "log"
        # Ray's, which Ray removes, has a short path: those of its sockets may not be longer than 107 bytes.
        folders = {"scratch": str(folder), "ray": str(self.scratch.with_name("ray"))}
        job.write_text(json.dumps(self.job | folders), encoding="utf-8")
        elsewhere, code = set(), None
        with open(log, "w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [python, "-P", "-m", "checks.querying.answer", name, job, answers],
                cwd=folder,
                env=self.variables(name, python, folder),
                # Its end tells the engine's process that this one has ended.
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            deadline = time.monotonic() + SECONDS_AT_MOST
            while code is None and time.monotonic() < deadline:
                elsewhere |= descendants.listening_elsewhere(os.getpid())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(SECONDS_BETWEEN_LOOKS)
        left = [descendants.command(each)[:100] for each in descendants.descendants(os.getpid()) if each != process.pid]
        descendants.end_descendants(os.getpid())
        process.wait()
        process.stdin.close()
        self.checks.equal(f"{name}: it listens on the loopback interface alone", sorted(elsewhere), [])
        self.checks.equal(f"{name}: it leaves no process behind", left, [])
        result = json.loads(answers.read_text(encoding="utf-8")) if answers.exists() else {}
        return code, result, log.read_text(encoding="utf-8", errors="replace")

    @staticmethod
    def variables(name, python, folder):
        """The engine's environment: as little of this shell's as will do."""
        tools = f"{python.parent}:{os.environ['PATH']}"
        # Far from UTC, so that no engine finds its days by accident; Spark's client gives instants in this zone.
        zone = "UTC" if name == "spark" else "Pacific/Auckland"
        found = {"HOME": str(folder), "PATH": tools, "PYSPARK_PYTHON": str(python), "PYTHONPATH": str(SCRIPTS)}
        found |= {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(folder / "tmp"), "TZ": zone}
        return found | LIMITS | {key: os.environ[key] for key in ["JAVA_HOME"] if key in os.environ}

    def compare(self, name, result):
        """Figures with the model's, reports with the tool's."""
        self.checks.equal(f"{name}: workers", result["workers"], clusters.ENGINES[name].expected_workers)
        row, run = {"engine": name, "version": result["version"], "how": result["how"]}, {}
        for kind, source in self.sources.items():
            if kind not in result["sources"]:
                row[kind] = "not read"
                continue
            answers, failed = result["sources"][kind], self.checks.failed
            for figure, expected in source.figures.items():
                found = answers["figures"].get(figure)
                self.checks.equal(f"{name}, {kind}: {FIGURES[figure]}", found, expected)
            exact = f"{len(source.figures['runs']):,} runs exact"
            row[kind] = exact if self.checks.failed == failed else "DIFFERS"
            for report, answer in answers["reports"].items():
                run[report] = self.compare_report(name, kind, report, answer) and run.get(report, True)
        row["SQL reports"] = f"{sum(run.values())} of {len(run)}" if run else "no SQL"
        self.table.append(row | {"seconds": f"{result['seconds']:.0f}"})

    def compare_report(self, name, kind, report, answer):
        """Whether one report ran as it is."""
        label, expected = f"{name}, {kind}: {report}.sql", self.sources[kind].reports[report]
        known, refused = clusters.ENGINES[name].refuses.get(report), answer.get("refused")
        if "rows" in answer:
            rows = [dict(zip(answer["columns"], row)) for row in answer["rows"]]
            found = [list(row.values()) for row in as_cells(rows)]
            self.checks.equal(f"{label} has the columns that it should", answer["columns"], REPORTS[report])
            self.checks.equal(f"{label} is the tool's report", found, expected)
        if known is None:
            self.checks.that(f"{label} runs as it is", refused is None, refused)
        else:
            self.checks.that(f"{label} is refused with the known words", refused is not None and known in refused, refused or "it runs")
        if refused is not None:
            rest = ", but runs the statement after it" if "rows" in answer else ""
            reports = self.refused.setdefault((name, refused.split("Value(")[0][:120], rest), [])
            reports += [report] if report not in reports else []
        return refused is None

    def skip(self, name, reason):
        self.skipped.append(name)
        print(f"skipped {name}: {reason}", flush=True)

    def show(self):
        """The closing table, and the refusals in the engines' words."""
        if self.table:
            columns = ["engine", "version", "how", *self.sources, "SQL reports", "seconds"]
            rows = [columns, *([row.get(column, "") for column in columns] for row in self.table)]
            widths = [max(len(row[at]) for row in rows) for at in range(len(columns))]
            print()
            for row in rows:
                print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        print()
        for (name, words, rest), reports in self.refused.items():
            print(f"{name} refuses{rest}: {', '.join(reports)}\n    {words}")
        if self.skipped:
            print(f"skipped: {', '.join(self.skipped)}")


def main():
    options = command_line(__file__)
    names = options.only.split(",") if options.only else list(clusters.ENGINES)
    if unknown := [name for name in names if name not in clusters.ENGINES]:
        refuse(__file__, f"there is no engine {unknown[0]!r}; there are {', '.join(clusters.ENGINES)}")
    descendants.adopt_orphans()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        try:
            sources, rules = account.make_sources(options.binary, scratch)
            comparison = Comparison(checks, scratch, sources, rules)
            for name in names:
                comparison.ask(name)
            comparison.show()
        finally:
            descendants.end_descendants(os.getpid())
    checks.close()


if __name__ == "__main__":
    main()
