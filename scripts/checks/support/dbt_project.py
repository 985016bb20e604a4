"""The project examples/dbt, built with dbt-duckdb: once for the first of two stages of the exports and the lake, then once more for both, as
a schedule would. Its tables must have the rows of the account's model, its tests must pass, and must fail where a report has another total.
Started by checks/engines.py."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb

from checks.support.account import ROOT
from checks.support.readers import RUN_COLUMNS, as_value

PROJECT = ROOT / "examples" / "dbt"
COLUMNS = [*RUN_COLUMNS, "queried_at"]
SECONDS = 300


@dataclass
class Stage:
    """An export and a lake at one time, and the rows of their models by ID."""

    export: Path
    exported: dict
    lake: Path
    kept: dict


def check_dbt(checks, python, folder, variables, stages):
    """Both builds, the tables after each, and the failure of a test."""
    project, exports, lake = folder / "project", folder / "exports", folder / "lake"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb"))
    variables = variables | {"APIFY_EXPORTS": str(exports), "APIFY_LAKE": str(lake)}
    expected = {}
    for number, stage in enumerate(stages, 1):
        # Exports at different depths.
        shutil.copytree(stage.export, exports / "made-up" / str(number) if number > 1 else exports / str(number))
        shutil.copytree(stage.lake, lake, dirs_exist_ok=True)
        code, said = dbt(python, project, variables, "build")
        checks.that(f"dbt, build {number}: models and tests pass", code == 0 and "ERROR=0 SKIP=0" in said, said[-3000:])
        # A run that the newer export lacks stays as the older one has it.
        expected |= stage.exported
        with duckdb.connect(project / "warehouse.duckdb", read_only=True) as warehouse:
            for table, rows in [("runs", expected), ("lake_runs", stage.kept)]:
                checks.equal(f"dbt, build {number}: each row of {table}", found_rows(warehouse, table), model_rows(rows))
    checks.that("dbt: the second export lacks runs that stay", len(expected) > len(stages[-1].exported))
    alone = {name: value for name, value in variables.items() if name != "APIFY_EXPORTS"} | {"APIFY_WAREHOUSE": "other.duckdb"}
    code, said = dbt(python, project, alone, "build")
    checks.that("dbt: a lake alone is built", code == 0 and "PASS=9 " in said, said[-3000:])
    spoil(exports / "1" / "report.json")
    code, said = dbt(python, project, variables, "test")
    checks.that("dbt: a report with another total fails one test", code == 1 and "ERROR=1 " in said and "FAIL 1 total_equals_report" in said, said[-3000:])


def dbt(python, project, variables, command):
    """Exit code, and what it says."""
    arguments = [python.parent / "dbt", "--no-use-colors", command]
    done = subprocess.run(
        arguments,
        cwd=project,
        env=variables,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    print(done.stdout.strip().splitlines()[-1], flush=True)
    return done.returncode, done.stdout


def spoil(report):
    """The last place of the total changes."""
    found = json.loads(report.read_text(encoding="utf-8"))
    total = found["totals"]["usage_total_usd"]
    found["totals"]["usage_total_usd"] = total[:-1] + ("1" if total[-1] != "1" else "2")
    report.write_text(json.dumps(found), encoding="utf-8")


def found_rows(warehouse, table):
    """The rows of a table, by ID."""
    warehouse.execute("SET TimeZone = 'UTC'")
    rows = warehouse.execute(f"SELECT {', '.join(COLUMNS)} FROM {table} ORDER BY id").fetchall()
    return [list(map(as_value, row)) for row in rows]


def model_rows(rows):
    """The rows of a model, by ID."""
    return [[as_value(row[column]) for column in COLUMNS] for _, row in sorted(rows.items())]
