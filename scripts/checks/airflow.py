# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "apache-airflow==3.3.2",
#     "apache-airflow-task-sdk==1.3.2",
#     "apache-airflow-providers-standard==1.21.0",
# ]
#
# [tool.check]
# compares = "the example DAGs with Airflow, which runs them"
# minutes = 5
# megabytes = 60
# ///
"""The example DAGs for Airflow. Airflow's own DagBag loads them, and Airflow itself runs them (dag.test(), with retries): with
the binary against a made-up account on loopback, and with a stand-in that ends with each exit code. Airflow's home and
database are in a temporary folder."""

import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks.support.account import NOW, Checks, server
from checks.support.environments import SCRIPTS, command_line
from checks.support.scheduling import (
    RUNS,
    SCHEDULE,
    TRIES,
    Recorder,
    ScriptedTool,
    executable,
    parses,
    promised,
    published,
)

# Set where this script runs with Airflow's environment: Airflow's home.
INSIDE = "APIFY_RUNS_CHECK_AIRFLOW"
# Airflow reads these when it is imported, and the rest of its runs in processes of their own does so too.
BINARY = command_line(__file__).binary
HOME = Path(os.environ[INSIDE]) if INSIDE in os.environ else None
SEPTEMBER = datetime.datetime(2025, 10, 1, tzinfo=datetime.UTC)


def in_airflow(home, url):
    """The environment of Airflow's own processes: nothing of this shell's."""
    return {
        "HOME": str(home),
        "PATH": f"{home}/bin:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(SCRIPTS),
        INSIDE: str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW_CONN_APIFY": json.dumps({"conn_type": "generic", "password": "demo"}),
        "APIFY_DATA": str(home / "data"),
        "APIFY_API_BASE_URL": url,
        "APIFY_RUNS_NOW": NOW,
    }


def outside():
    """Makes a home and a server, and starts this script once more with Airflow's environment."""
    with tempfile.TemporaryDirectory(prefix="apify-runs-airflow-") as folder, server(BINARY, "--runs", RUNS) as url:
        home = Path(folder)
        (home / "dags").mkdir()
        (home / "dags" / "apify_runs.py").symlink_to(SCHEDULE / "airflow_dag.py")
        environment = in_airflow(home, url)
        migrated = subprocess.run([Path(sys.executable).with_name("airflow"), "db", "migrate"], env=environment, check=False, capture_output=True, text=True)
        if migrated.returncode != 0:
            sys.exit(f"airflow db migrate: exit {migrated.returncode}\n{migrated.stderr}")
        done = subprocess.run([sys.executable, "-P", "-m", "checks.airflow", "--binary", BINARY], env=environment, check=False, cwd=home)
        sys.exit(done.returncode)


@contextlib.contextmanager
def said_into(log):
    """What this process and its own print goes into a file for as long as the block lasts."""
    sys.stdout.flush()
    with open(log, "a", encoding="utf-8") as file:
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


def runs_of(dag, log):
    """One run of a DAG, whose interval ends with September, by Airflow, with retries at once: its state, and its task's state and tries."""
    with said_into(log):
        run = dag.test(logical_date=SEPTEMBER)
    task = run.get_task_instances()[0]
    return [str(run.state), str(task.state), task.try_number], task


def inside():
    """All checks, with Airflow's environment."""
    from airflow.dag_processing.dagbag import DagBag

    checks = Checks()
    log = HOME / "log"
    recorder = Recorder(HOME / "bin" / "apify-runs", BINARY)
    with said_into(log):
        bag = DagBag(HOME / "dags")
    checks.equal("airflow_dag.py: no import errors", bag.import_errors, {})
    checks.equal("airflow_dag.py: two DAGs", sorted(bag.dags), ["apify_runs_export", "apify_runs_sync"])
    broken = HOME / "broken"
    broken.mkdir()
    text = (SCHEDULE / "airflow_dag.py").read_text(encoding="utf-8")
    (broken / "it.py").write_text(text.replace("max_active_runs", "max_activ_runs"), encoding="utf-8")
    with said_into(log):
        errors = DagBag(broken).import_errors
    checks.that("DagBag finds fault with a misspelt setting", errors != {})
    dags = {command: bag.dags[f"apify_runs_{command}"] for command in ("export", "sync")}
    checks.equal("Airflow: past months are made up for, missed syncs not", [dags["export"].catchup, dags["sync"].catchup], [True, False])
    for command, dag in dags.items():
        task = dag.get_task(command)
        checks.equal(f"Airflow, {command}: one at a time, tries", [dag.max_active_runs, task.retries + 1], [1, TRIES["Airflow"]])
        deadline = task.arguments[task.arguments.index("--deadline") + 1]
        checks.that(f"Airflow, {command}: longer than the deadline", task.execution_timeout > datetime.timedelta(hours=int(deadline.removesuffix("h"))))
        task.retry_delay = datetime.timedelta(milliseconds=10)

    for command, dag in dags.items():
        found, task = runs_of(dag, log)
        checks.equal(f"Airflow, {command}: done, at the first try", found, ["success", "success", 1])
        told = task.xcom_pull(task_ids=command, key="return_value") or {}
        checks.equal(f"Airflow, {command}: hands the outcome on", [told.get(key) for key in ("command", "exit_name")], [command, "done"])
    found, _ = runs_of(dags["export"], log)
    checks.equal("Airflow, export once more: replaced", found, ["success", "success", 1])
    for arguments, _, _ in recorder.calls():
        parses(checks, f"Airflow, {arguments[0]}", BINARY, arguments, HOME)
        checks.that(f"Airflow, {arguments[0]}: the token is no argument", "demo" not in arguments)
    asked = recorder.calls()[0][0]
    period = [asked[asked.index(option) + 1] for option in ("--from", "--to")]
    checks.equal("Airflow, export: the data interval, in UTC", period, ["2025-09-01T00:00:00+00:00", "2025-10-01T00:00:00+00:00"])
    data = HOME / "data"
    published(checks, "Airflow", BINARY, data / "exports" / "2025-09", data / "lake", HOME)

    stand_in = ScriptedTool(HOME / "bin" / "apify-runs")
    for code, (_, others) in promised().items():
        stand_in.ends_with(code)
        found, _ = runs_of(dags["sync"], log)
        starts = TRIES["Airflow"] if others == "again" else 1
        state = "success" if code == 0 else "failed"
        checks.equal(f"Airflow, exit {code}: {state} after {starts} starts", [*found, stand_in.started()], [state, state, starts, starts])
    stand_in.ends_with(8, 143, 0)
    checks.equal("Airflow, exits 8, 143, 0: done in the end", runs_of(dags["sync"], log)[0], ["success", "success", 3])
    stand_in.ends_with(4, 2, 0)
    checks.equal("Airflow, exits 4, 2: ends at what doesn't pass", runs_of(dags["sync"], log)[0], ["failed", "failed", 2])

    # A job that takes too long is told to stop, and not left behind.
    told = HOME / "told"
    executable(HOME / "bin" / "apify-runs", f"#!/bin/sh\ntrap 'echo stopped >{told}; exit 143' TERM\nsleep 60 & wait\n")
    task = dags["sync"].get_task("sync")
    task.execution_timeout, task.retries = datetime.timedelta(seconds=1), 0
    found, _ = runs_of(dags["sync"], log)
    checks.equal("Airflow: a job past execution_timeout fails", found[:2], ["failed", "failed"])
    checks.that("Airflow: and is told to stop", told.exists())
    checks.close()


if HOME is None:
    outside()
else:
    inside()
