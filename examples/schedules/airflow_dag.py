"""Apify's runs from Airflow 3: a month's export when the month is over, and the lake every day.

Needs `apify-runs` in the workers' PATH, the folder DATA on a disk that they share, and the token as the password of the connection
`apify`. README.md beside this file says what each exit code asks for.
"""

import json
import os
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import DAG, BaseHook, BaseOperator, CronDataIntervalTimetable, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException

DATA = os.environ.get("APIFY_DATA", "/srv/apify")

# 4: API not reached, or the deadline passed. 8: another one holds the output. 129, 130, 143: stopped; 137: killed, for want of
# memory say. Each may pass, and each try is safe. For every other code somebody has to look: Airflow tries no more.
MAY_PASS = {4, 8, 129, 130, 137, 143}


class ApifyRunsOperator(BaseOperator):
    """Runs `apify-runs` with these arguments; returns the outcome that it writes."""

    template_fields = ("arguments",)

    def __init__(self, *, arguments, **settings):
        super().__init__(**settings)
        self.arguments = arguments
        self.process = None

    def execute(self, context):
        token = BaseHook.get_connection("apify").password
        with tempfile.TemporaryDirectory() as folder:
            outcome = Path(folder) / "outcome.json"
            self.process = subprocess.Popen(
                ["apify-runs", *self.arguments, "--outcome", str(outcome)],
                env=os.environ | {"APIFY_TOKEN": token},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for line in self.process.stdout:
                self.log.info(line.rstrip())
            code = self.process.wait()
            told = outcome.read_text(encoding="utf-8") if outcome.exists() else ""

        # Python says -9 where a shell says 137.
        code = 128 - code if code < 0 else code
        told = json.loads(told) if told else {}
        if code == 0:
            return told
        reason = f"apify-runs {self.arguments[0]}: exit {code}, {told.get('exit_name')}: {told.get('error')}"
        raise AirflowException(reason) if code in MAY_PASS else AirflowFailException(reason)

    def on_kill(self):
        """Also when the task is cleared, or takes longer than execution_timeout: exit 143, nothing is published."""
        if self.process is not None:
            self.process.terminate()


settings = {"retries": 3, "retry_delay": timedelta(minutes=15), "execution_timeout": timedelta(hours=2, minutes=10)}

# A run a month, also for the months since start_date that have none yet: set it to the first one that Apify still keeps. A run
# starts when its month is over, so --wait-settled gives the last costs time to settle.
with DAG(
    "apify_runs_export",
    schedule=CronDataIntervalTimetable("0 0 1 * *", timezone="UTC"),
    start_date=pendulum.datetime(2025, 9, 1, tz="UTC"),
    catchup=True,
    max_active_runs=1,
    default_args=settings,
):
    ApifyRunsOperator(
        task_id="export",
        arguments=[
            "export",
            *("--from", "{{ data_interval_start | ts }}", "--to", "{{ data_interval_end | ts }}"),
            *("--out", DATA + "/exports/{period}"),
            *("--quiet", "--strict=incomplete", "--wait-settled", "15m", "--jitter", "15m", "--deadline", "2h"),
        ],
    )

# A sync goes on from the last proven instant: what was missed needs no run of its own.
with DAG(
    "apify_runs_sync",
    schedule=CronTriggerTimetable("41 4 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2025, 9, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=settings,
):
    ApifyRunsOperator(
        task_id="sync",
        arguments=["sync", "--lake", DATA + "/lake", "--quiet", "--jitter", "15m", "--deadline", "2h"],
    )
