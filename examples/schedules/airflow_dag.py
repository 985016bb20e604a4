"""apify-runs from Airflow 3: export of each month when it is over, and a sync of the lake every day.

It needs `apify-runs` in the workers' PATH, the folder DATA on a disk that the workers share, and the token as the password of the
connection `apify`. README.md next to this file says what to do on each exit code.
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

# 4: the API was not reached, or the deadline passed. 8: another process uses the output. 129, 130, 143: stopped; 137: killed, for
# example because memory ran out. Each may go away, and running again is safe. Every other code needs a person: Airflow stops.
MAY_PASS = {4, 8, 129, 130, 137, 143}


class ApifyRunsOperator(BaseOperator):
    """Runs `apify-runs` with these arguments and returns its outcome."""

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
        """Called also if the task is cleared or takes longer than execution_timeout: exit 143, nothing is published."""
        if self.process is not None:
            self.process.terminate()


settings = {"retries": 3, "retry_delay": timedelta(minutes=15), "execution_timeout": timedelta(hours=2, minutes=10)}

# One DAG run per month, also for the months since start_date that have none yet: set it to the first month that Apify still keeps.
# It starts when the month is over, so --wait-settled gives the last costs time to settle.
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

# A sync continues from the last proven instant, so a missed day needs no DAG run of its own.
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
