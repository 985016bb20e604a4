"""What the checks and the benchmark share: the binary, the made-up account's server, the columns and reports as they are
promised, and a count of what held. Holds no check itself."""

import contextlib
import csv
import http.client
import itertools
import json
import subprocess
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

from checks.support.processes import child, end, listening

ROOT = Path(__file__).resolve().parents[3]

# An export's columns in their order: written out here, not read from the tool, so that a change of the tool is noticed.
COLUMNS = [
    ("id", "text"),
    ("act_id", "text"),
    ("user_id", "text"),
    ("actor_task_id", "text"),
    ("status", "text"),
    ("started_at", "instant"),
    ("finished_at", "instant"),
    ("build_id", "text"),
    ("build_number", "text"),
    ("build_number_int", "integer"),
    ("meta_origin", "text"),
    ("meta_client_ip", "text"),
    ("meta_user_agent", "text"),
    ("meta_schedule_id", "text"),
    ("meta_scheduled_at", "instant"),
    ("usage_total_usd", "money"),
    ("default_key_value_store_id", "text"),
    ("default_dataset_id", "text"),
    ("default_request_queue_id", "text"),
    ("cost_state", "text"),
    ("extra", "text"),
    ("act_name", "text"),
    ("actor_task_name", "text"),
    ("meta_schedule_name", "text"),
]
# The meters of a run's detail by the API's keys; with --details all, their columns follow `extra`.
METERS = [
    "ACTOR_COMPUTE_UNITS",
    "DATASET_READS",
    "DATASET_WRITES",
    "KEY_VALUE_STORE_READS",
    "KEY_VALUE_STORE_WRITES",
    "KEY_VALUE_STORE_LISTS",
    "REQUEST_QUEUE_READS",
    "REQUEST_QUEUE_WRITES",
    "DATA_TRANSFER_INTERNAL_GBYTES",
    "DATA_TRANSFER_EXTERNAL_GBYTES",
    "PROXY_RESIDENTIAL_TRANSFER_GBYTES",
    "PROXY_SERPS",
]
NEVER_NULL = ["id", "act_id", "status", "started_at", "cost_state"]

MEASURES = [
    "runs",
    "runs_succeeded",
    "runs_failed",
    "runs_timed_out",
    "runs_aborted",
    "runs_other",
    "usage_total_usd",
    "runs_cost_unknown",
    "runs_provisional",
]


def breakdown(*keys, names=()):
    """The columns of a report that breaks all runs down."""
    return [*keys, *MEASURES, *names]


# Every report that there is as SQL, and its columns; the tool's own have shares and means besides. Written out here, so
# that one which goes missing on either side is noticed.
REPORTS = {
    "cost_by_actor": breakdown("act_id", names=["act_name"]),
    "cost_by_actor_and_status": breakdown("act_id", "status", names=["act_name"]),
    "cost_by_build": breakdown("build_id", names=["build_number", "act_name"]),
    "cost_by_day": breakdown("day"),
    "cost_by_group": breakdown("run_group"),
    "cost_by_origin": breakdown("meta_origin"),
    "cost_by_schedule": breakdown("meta_schedule_id", names=["meta_schedule_name"]),
    "cost_by_task": breakdown("actor_task_id", names=["actor_task_name"]),
    "cost_by_user": breakdown("user_id"),
    "cost_by_week": breakdown("week"),
    "cost_by_month": breakdown("month"),
    "dearest_runs": [
        "id",
        "act_id",
        "status",
        "started_at",
        "finished_at",
        "meta_origin",
        "actor_task_id",
        "usage_total_usd",
        "cost_state",
        "act_name",
        "actor_task_name",
    ],
    "status_summary": breakdown("status"),
    "unsettled_by_actor": [
        "act_id",
        "runs",
        "runs_cost_unknown",
        "runs_provisional",
        "usage_provisional_usd",
        "act_name",
    ],
    "unsuccessful_by_actor": [
        "act_id",
        "runs",
        "runs_failed",
        "runs_timed_out",
        "runs_aborted",
        "usage_failed_usd",
        "usage_timed_out_usd",
        "usage_aborted_usd",
        "usage_unsuccessful_usd",
        "runs_unsuccessful_cost_unknown",
        "act_name",
    ],
}
# Columns that the tool calls otherwise than the SQL does, where no one word does for all engines.
TOOL_NAMES = {"run_group": "group"}
# Text that people choose; CSV cells of it that a spreadsheet would run begin with an apostrophe.
PEOPLES_TEXT = ["meta_user_agent", "extra", "act_name", "actor_task_name", "meta_schedule_name", "run_group"]
# Rules of --groups: what needs escaping in SQL's LIKE and must not match as it would there, one character, names and IDs,
# two patterns together, an order that decides, and a group that a spreadsheet would run.
GROUPS = """actor,task,user,group
made_up_account/*,,,Never: _ is no wildcard
%,,,Never: % is none either
*=cmd|*!A?,,,With ! in its name
*/leads?importer,,,"Leads, all"
3LYU9rdmyNyWKLGpv,*-daily-*,,By ID and name
,web-*,,Operations
,,uSer*,=Users
"""
# As a CSV has them, in order.
GROUPS_WITH_RUNS = ["'=Users", "By ID and name", "Leads, all", "Operations", "With ! in its name", "unassigned"]

# Sums of Decimal128(38,18) need 38 digits; the default context has 28.
EXACT = Context(prec=60)
EIGHTEEN_PLACES = Decimal("1e-18")


def exact_sum(costs):
    """The exact sum of the costs that are known, or None where none is."""
    total = None
    for cost in costs:
        if cost is not None:
            total = cost if total is None else EXACT.add(total, cost)
    return total


def plain(amount):
    """An amount as the files write it: no exponent, no trailing zeros; an unknown one stays None."""
    if amount is None:
        return None
    text = format(amount, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def rounded(cost):
    """A cost as it is kept: 18 places, half-even; an unknown one stays None."""
    return None if cost is None else cost.quantize(EIGHTEEN_PLACES, rounding=ROUND_HALF_EVEN, context=EXACT)


class Account:
    """The made-up account as its server sends it, over one connection; numbers keep the text that they came in."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def get(self, path, **query):
        """An answer's data."""
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        self.connection.request("GET", target, headers={"Authorization": "Bearer demo"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"GET {target}: {answer.status} {body[:200]}")
        return json.loads(body, parse_float=Decimal, parse_int=Decimal)["data"]

    def runs(self, start, end):
        """Every run of the list between two instants, both included, page by page."""
        offset = 0
        while True:
            data = self.get("/v2/actor-runs", startedAfter=start, startedBefore=end, offset=offset, limit=1000)
            yield from data["items"]
            offset += len(data["items"])
            if not data["items"] or offset >= data["total"]:
                return

    def detail(self, run):
        """A run's detail."""
        return self.get(f"/v2/actor-runs/{run['id']}")


def needs_detail(item, queried_at, settle=timedelta(minutes=10)):
    """Whether a run's cost has to be asked for: the list has none, or zero just after the run finished."""
    cost, finished = item.get("usageTotalUsd"), item.get("finishedAt")
    just_finished = finished is not None and queried_at - datetime.fromisoformat(finished.replace("Z", "+00:00")) < settle
    return cost is None or (cost == 0 and just_finished)


def last_instant(period):
    """The last millisecond of a period as the manifest has it."""
    end = datetime.fromisoformat(period["to"].replace("Z", "+00:00")) - timedelta(milliseconds=1)
    return end.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# The clock of the binary's machine: the made-up account's, until a stand-in with a clock of its own sets another.
NOW = "2025-10-03T06:00:00Z"


def set_now(ms):
    """Sets the clock of the binary's machine."""
    global NOW
    NOW = datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat()


def environment(home):
    """All that the binary gets to see of this shell's environment: the made-up account's token, its clock, and a folder for temporary
    files that is the step's own, so that two checks at once do not find each other's locks."""
    return {"APIFY_RUNS_NOW": NOW, "APIFY_TOKEN": "demo", "HOME": str(home), "NO_COLOR": "1", "TMPDIR": tempfile.gettempdir()}


def run(binary, *arguments, cwd):
    """Runs the binary to its end, in an empty environment."""
    return subprocess.run(
        [binary, *map(str, arguments)],
        check=False,
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def must_run(binary, *arguments, cwd):
    """Runs the binary and ends the script where it fails: nothing could be checked then."""
    done = run(binary, *arguments, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"apify-runs {' '.join(map(str, arguments))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@contextlib.contextmanager
def server(binary, *options):
    """The made-up account, served by a process of its own for as long as the block lasts; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="apify-runs-serve-") as home:
        command = [binary, "serve", "--demo", "--port", "0", *options]
        process = child(command, cwd=home, env=environment(home), stdout=subprocess.PIPE, text=True)
        try:
            yield listening(process, "apify-runs serve --demo")
        finally:
            end(process)
            process.stdout.close()


def read_json(path):
    """A JSON file with its numbers as exact decimals."""
    return json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)


def defused(text):
    """A cell of people's text as a CSV has it."""
    bare = text.lstrip("'")
    is_formula = bare.startswith(("\t", "\r", "\n")) or bare.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    return "'" + text if is_formula else text


def as_cells(rows):
    """Rows of a report, as JSON has their values, as a CSV has them."""
    cell = lambda column, value: "" if value is None else defused(value) if column in PEOPLES_TEXT else str(value)
    return [{column: cell(column, value) for column, value in row.items()} for row in rows]


def read_table(path):
    """A CSV's header, and its rows as dicts of text."""
    with open(path, encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)
    return table.fieldnames, rows


class Checks:
    """Says of each check whether it held, and counts."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def that(self, name, held, found=""):
        """One check; `found` is shown where it didn't hold."""
        if held:
            self.passed += 1
            print(f"ok      {name}")
        else:
            self.failed += 1
            print(f"FAILED  {name}" + (f": {found}" if found != "" else ""))

    def equal(self, name, found, expected):
        """One check that two values are the same; long ones are shown at their first difference."""
        if found == expected or not (isinstance(found, list) and isinstance(expected, list)):
            self.that(name, found == expected, f"{found!r}, expected {expected!r}")
            return
        pairs = itertools.zip_longest(found, expected, fillvalue="nothing")
        position, (one, other) = next((at, pair) for at, pair in enumerate(pairs) if pair[0] != pair[1])
        counts = f"{len(found)} entries, expected {len(expected)}"
        self.that(name, False, f"{counts}; the first to differ is number {position}: {one!r}, expected {other!r}")

    def close(self):
        """The closing line; ends the script."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
