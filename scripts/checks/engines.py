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
#     "sqlglot==30.30.0",
# ]
#
# [tool.check]
# compares = "a lake and exports, read by Daft, Sail, ClickHouse, DataFusion, dask, Spark, DuckDB, Polars, deltalake and dbt"
# uses = ["Java"]
# minutes = 8
# megabytes = 710
# options = { "--only NAMES" = "only these engines, by the names in the closing table, or dbt (comma list)" }
# ///
"""A lake of several commits and an export, read by the engines that data engineers use: DuckDB, ClickHouse (chdb), DataFusion,
Polars and deltalake in one process; Daft on a Ray cluster, Sail, Spark and dask on several.

Each engine reads every run and adds up the costs: in total, by Actor, by month, and for one month by the lake's partition. Every
figure has to equal, to the last digit, the model of the account from which the lake was synced. Each engine that has SQL
then runs reports/*.sql as they are, and the rows have to equal the tool's own reports. A report that an engine is known to
refuse is listed below the closing table with the engine's words; any other refusal is a failure. No engine may listen
beyond the loopback interface, or leave a process behind. Trino and clusters of several machines are not checked.

DuckDB, ClickHouse and Spark also load two exports by the statements of docs/data-engineers.md; those for other warehouses are parsed
by sqlglot alone. The project examples/dbt loads the exports and the lake, before and after a last sync and a second export."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from deltalake import DeltaTable

from checks.support import processes
from checks.support.account import REPORTS, ROOT, TOOL_NAMES, Checks, as_cells, exact_sum, must_run, read_table
from checks.support.dbt_project import Stage, check_dbt
from checks.support.environments import SCRIPTS, Facts, command_line, python_with, refuse
from checks.support.readers import ENGINES, LOADED, RUN_COLUMNS, as_value
from checks.support.standin import DAY_MS, HOUR_MS, ChangingAccount, ExpectedTable, StandIn, at, millis, serving
from checks.support.warehouses import check_statements, loading_statements

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

# The account that they read, of which there are a lake of several commits and an export, and the figures that follow from its model.
FIRST, LAST = "2025-05-01", "2025-07-16"
# The lake is synced first on this day, then once a day.
FIRST_SYNC, SYNCS = "2025-07-05T06:00:00Z", 11
RUNS_A_DAY, RETENTION_DAYS = 270, 90
# The month that is also read by itself, by the lake's partition.
MONTH = "2025-06"
# The project examples/dbt runs with these, which would not fit into the environment of the engines.
DBT = ["dbt-core==1.11.16", "dbt-duckdb==1.10.1", "deltalake==1.6.6", "duckdb==1.5.5", "pyarrow==25.0.1", "pytz==2026.6"]
# What needs escaping in LIKE, what isn't ASCII, an order that decides, and a group that a spreadsheet would run.
GROUPS = """actor,task,user,group
stand_in/*,,,Never: _ is no wildcard
*=cmd|*,,,Commands
ünï-čode/*,,,"Ünï, čode"
,nightly*,,=Nightly
🚀*,,,Never: the user comes first
,,userAda*,Ada
"""


@dataclass
class Source:
    """The lake or the export, and what an engine must find in it; `reports` is a report's name to its rows as a CSV has them."""

    path: Path
    figures: dict
    reports: dict = field(default_factory=dict)


def make_sources(binary, scratch):
    """The lake and the exports, by name, the rules of the report by group, and what dbt finds before the last sync and after it."""
    account = ChangingAccount(millis(f"{FIRST}T00:00:00Z"), millis(f"{LAST}T00:00:00Z"), RUNS_A_DAY, RETENTION_DAYS)
    expected, clock = ExpectedTable(), millis(FIRST_SYNC)
    lake, out, by_day, rules = scratch / "lake", scratch / "export", scratch / "by-day", scratch / "groups.csv"
    stages, period = [], ["--from", FIRST, "--to", LAST]
    rules.write_text(GROUPS, encoding="utf-8")
    with serving(StandIn(account, clock, RETENTION_DAYS)) as standin:
        source = ["--api-url", standin.url, "--rate", 0, "--detail-rate", 0, "--quiet"]
        for number in range(SYNCS):
            if number == SYNCS - 1:
                must_run(binary, "export", *period, *source, "--out", scratch / "first", cwd=scratch)
                stages.append(Stage(scratch / "first", exported_rows(account), copied(lake), dict(expected.rows)))
                happen(account)
            set_clock(account, standin, clock)
            must_run(binary, "sync", "--lake", lake, *source, *(["--since", FIRST] if number == 0 else []), cwd=scratch)
            seen = {life.id for life in account.there if any(a < life.started < b for a, b in standin.listed)}
            expected.sync(account, seen)
            if number < SYNCS - 2:
                happen(account)
            clock += DAY_MS
        must_run(binary, "export", *period, "--groups", rules, *source, "--out", out, cwd=scratch)
        must_run(binary, "export", *period, "--partition-by", "day", *source, "--out", by_day, cwd=scratch)
    exported = list(exported_rows(account).values())
    stages.append(Stage(by_day, exported_rows(account), lake, dict(expected.rows)))
    # The lake still has the runs that were deleted.
    if not len(exported) < len(expected.rows):
        raise RuntimeError(f"expected fewer runs in the account ({len(exported)}) than in the lake ({len(expected.rows)})")
    sources = {
        "lake": Source(lake, figures(expected.rows.values()), tool_reports(binary, lake, rules)),
        "export": Source(out / "runs.parquet", figures(exported, is_lake=False), tool_reports(binary, out, rules)),
        **{name: Source(path, figures(exported, is_lake=False)) for name, path in zip(LOADED, (out, by_day))},
    }
    return sources, [(place + 1, *rule) for place, rule in enumerate(read_rules(rules))], stages


def exported_rows(account):
    """What an export of now has, by ID."""
    names = account.names()
    rows = (life.row(account.clock, names) for life in account.there)
    return {row["id"]: row | {"queried_at": at(account.clock)} for row in rows}


def copied(lake):
    """A copy of the lake as it is now."""
    return shutil.copytree(lake, lake.with_name("lake-before"))


def set_clock(account, standin, clock):
    """What the API has from now on."""
    account.set_clock(clock)
    standin.clock_ms = clock
    standin.listed.clear()
    standin.actors = {key: {"username": name[0], "name": name[1]} for key, name in account.actors.items() if name}
    standin.tasks = {key: {"name": name} for key, name in account.tasks.items() if name}


def happen(account):
    """Before the next sync, a few runs are deleted, and a few run on."""
    ended = [life for life in account.there if life.ends < account.clock - 4 * DAY_MS]
    for life in account.random.sample(ended, 5):
        life.deleted_at = account.clock + HOUR_MS
    for life in account.random.sample([life for life in account.there if life.ends < account.clock - HOUR_MS][-400:], 5):
        life.resurrected_at = account.clock + HOUR_MS


def read_rules(path):
    """Actor, task, user and group of each rule."""
    return [(row["actor"], row["task"], row["user"], row["group"]) for row in read_table(path)[1]]


def figures(rows, is_lake=True):
    """What the queries of support/readers.py must find in these rows, summed by Python's decimal."""
    rows = sorted(rows, key=lambda row: row["id"])
    costs = [row["usage_total_usd"] for row in rows]
    known = [cost for cost in costs if cost is not None]
    starts, ends = [row["started_at"] for row in rows], [row["finished_at"] for row in rows if row["finished_at"] is not None]
    totals = [len(rows), len({row["id"] for row in rows}), len(known), exact_sum(costs), min(known), max(known)]
    totals += [min(starts), max(starts), len(ends), max(ends)]
    found = {
        "totals": [totals],
        "actors": [[key, named(some), *sums(some)] for key, some in grouped(rows, lambda row: row["act_id"])],
        "months": [[key, *sums(some)] for key, some in grouped(rows, lambda row: f"{row['started_at']:%Y-%m}")],
        "runs": [[row[column] for column in RUN_COLUMNS] for row in rows],
    }
    if is_lake:
        found["partition"] = [sums([row for row in rows if row["started_month"] == MONTH])]
    return {name: [list(map(as_value, row)) for row in table] for name, table in found.items()}


def grouped(rows, key):
    """Keys in order, and the rows of each."""
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return sorted(found.items())


def named(rows):
    """The greatest name, which SQL's MAX finds."""
    return max((row["act_name"] for row in rows if row["act_name"] is not None), default=None)


def sums(rows):
    """Runs, known costs, and their sum."""
    costs = [row["usage_total_usd"] for row in rows]
    return [len(rows), len(costs) - costs.count(None), exact_sum(costs)]


def tool_reports(binary, archive, rules):
    """The rows of each report as the tool's CSVs have them, in the columns that its SQL has."""
    found = {}
    for options in (["--groups", rules], ["--by", "actor,status"]):
        out = archive.with_name(f"{archive.name}-{len(found)}")
        must_run(binary, "report", archive, *options, "--format", "csv", "--quiet", "--out", out, cwd=archive.parent)
        for name in REPORTS:
            if (out / f"{name}.csv").exists() and name not in found:
                rows = read_table(out / f"{name}.csv")[1]
                found[name] = [[row[TOOL_NAMES.get(column, column)] for column in REPORTS[name]] for row in rows]
    return found


def statements():
    """Each report's statements, without comments: a report's name to a list."""
    found = {}
    for path in sorted(ROOT.glob("reports/*.sql")):
        code = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--"))
        found[path.stem] = [statement.strip() for statement in code.split(";") if statement.strip()]
    return found


def job_of(sources, rules):
    """What every engine is given, as JSON has it; `files` is for engines that do not read Delta themselves."""
    lake = sources["lake"].path
    files = sorted(uri.removeprefix("file://") for uri in DeltaTable(str(lake)).file_uris())
    paths = {"lake": str(lake), "files": files, "export": str(sources["export"].path)}
    warehouses = loading_statements({name: sources[name].path for name in LOADED})
    return paths | {"month": MONTH, "rules": rules, "reports": statements(), "warehouses": warehouses}


class Comparison:
    """Asks one engine after the other for its answers, and compares them."""

    def __init__(self, checks, scratch, sources, rules):
        self.checks, self.scratch, self.sources = checks, scratch, sources
        self.job = job_of(sources, rules)
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
                [python, "-P", "-m", "checks.support.readers", name, job, answers],
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
                elsewhere |= processes.listening_elsewhere(os.getpid())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(SECONDS_BETWEEN_LOOKS)
        left = [processes.command(each)[:100] for each in processes.descendants(os.getpid()) if each != process.pid]
        processes.end_descendants(os.getpid())
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
        self.checks.equal(f"{name}: workers", result["workers"], ENGINES[name].expected_workers)
        row, run = {"engine": name, "version": result["version"], "how": result["how"]}, {}
        for kind, source in self.sources.items():
            if kind not in result["sources"]:
                row[kind] = "not read"
                if ENGINES[name].warehouse and kind in LOADED:
                    self.checks.that(f"{name}: it reads {kind}", False)
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
        known, refused = ENGINES[name].refuses.get(report), answer.get("refused")
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
    known = [*ENGINES, "dbt"]
    names = options.only.split(",") if options.only else known
    if unknown := [name for name in names if name not in known]:
        refuse(__file__, f"there is no engine {unknown[0]!r}; there are {', '.join(known)}")
    processes.adopt_orphans()
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        try:
            sources, rules, stages = make_sources(options.binary, scratch)
            check_statements(checks)
            comparison = Comparison(checks, scratch, sources, rules)
            for name in names:
                if name == "dbt":
                    python = python_with(*DBT)
                    check_dbt(checks, python, scratch / "dbt", comparison.variables(name, python, scratch), stages)
                else:
                    comparison.ask(name)
            comparison.show()
        finally:
            processes.end_descendants(os.getpid())
    checks.close()


if __name__ == "__main__":
    main()
