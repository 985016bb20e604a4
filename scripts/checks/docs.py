# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "deltalake==1.6.6",
#     "polars==2.1.0",
#     "duckdb==1.5.5",
#     "duckdb-cli==1.5.5",
#     "duckdb-extension-delta==1.5.5",
#     "pyarrow==26.0.1",
#     "pytz==2026.6",
# ]
#
# [tool.check]
# compares = "commands and outputs in README.md and docs/ with what they do; alert rules by promtool"
# needs = ["curl", "jq"]
# uses = ["promtool"]
# minutes = 2
# megabytes = 235
#
# [tool.check.options]
# "--only TEXT" = "only documents with this in their name, such as lake"
# "--update" = "write into the documents what their commands print"
# ///
"""Runs what README.md and docs/*.md show, as a reader would. Each ```sh block of a document runs, in order, in a scratch folder
for that document (in README.md only blocks with nothing but this tool's commands), against a made-up account and a webhook on this
machine. A block after `<!-- not run: reason -->` is counted and left out; one that takes too long is ended and fails. A ```text
block after `<!-- its output -->` is what the block before it prints, to the letter but for times, ports and job IDs; `--update`
writes it anew. promtool accepts docs/alerts.yml, and its rules do what ALERT_TESTS says. Links, and the options that
documents name, are for tests/it/docs. Whether the words are true is for people and for the tests to say."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from checks.support.account import NOW, ROOT, Checks, must_run, server
from checks.support.environments import command_line
from checks.support.processes import child

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
ALERTS = ROOT / "docs/alerts.yml"
NOT_RUN, ITS_OUTPUT = re.compile(r"<!-- not run: (.+) -->"), "<!-- its output -->"
SECONDS_FOR_A_BLOCK = 180
# What differs from run to run, wherever it stands.
TIMES = [
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "… s"),
    (re.compile(r"about \d+ windows, \d+ requests"), "about … windows, … requests"),
    (re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{8}\b"), "JOB"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA-256"),
    (re.compile(r"[\d,]+ seconds (ahead of|behind) the API"), "… seconds from the API"),
]


class Block:
    """A fenced block: its language, its text, the comment right before it, and its line."""

    def __init__(self, language, text, marker, line):
        self.language, self.text, self.marker, self.line = language, text, marker, line


def blocks(text):
    """The fenced blocks of a document, in order."""
    found, marker, open_at, body, language, indent = [], "", None, [], "", ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"(\s*)```(\S*)", line)
        if open_at is None and fence:
            open_at, body, indent, language = number, [], fence[1], fence[2]
        elif open_at is not None and line.strip() == "```":
            found.append(Block(language, "\n".join(body), marker, open_at))
            open_at, marker = None, ""
        elif open_at is not None:
            body.append(line.removeprefix(indent))
        elif line.strip():
            marker = line.strip()
    return found


def timeless(text):
    """What is printed, without what differs from run to run."""
    for pattern, words in TIMES:
        text = pattern.sub(words, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


class Reader:
    """Somebody who follows one document, in a folder of their own."""

    def __init__(self, binary, scratch, account, webhook):
        self.folder, tools = scratch / "work", scratch / "bin"
        self.folder.mkdir()
        tools.mkdir()
        (tools / "apify-runs").symlink_to(binary)
        self.environment = {
            "APIFY_API_BASE_URL": account,
            "APIFY_RUNS_NOW": NOW,
            "APIFY_TOKEN": "demo",
            "HEARTBEAT_URL": f"{webhook}/heartbeat",
            "HOME": str(scratch),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SLACK_WEBHOOK_URL": f"{webhook}/slack",
            "TMPDIR": tempfile.gettempdir(),
            "TZ": "UTC",
        }

    def follow(self, commands):
        """Runs a block to its end: its exit code, and what a terminal would show."""
        # Into a file: a server that the block leaves running would keep a pipe open.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as shown:
            process = child(
                ["bash", "-euo", "pipefail", "-c", commands],
                cwd=self.folder,
                env=self.environment,
                stdout=shown,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(SECONDS_FOR_A_BLOCK)
            except subprocess.TimeoutExpired:
                # A loop that waits for a server which did not start would never end by itself.
                process.kill()
                process.wait()
                shown.write(f"\nended after {SECONDS_FOR_A_BLOCK} s: a block has to end by itself, also if a server does not start")
            finally:
                # What the block has left running, also where this script is stopped meanwhile.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            shown.seek(0)
            return process.returncode, shown.read()


@contextlib.contextmanager
def a_webhook():
    """Something on this machine that takes what is posted; yields its URL, and what it was sent by path."""
    sent = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        """Remembers bodies."""

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}", sent
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def check_blocks(checks, document, reader, is_update):
    """Follows a document; how many blocks ran, how many outputs were compared, and which were left, with the reason."""
    ran, compared, left, shown, is_for_ci, edits = 0, 0, [], None, False, []
    text = document.read_text(encoding="utf-8")
    for block in blocks(text):
        where = f"{document.relative_to(ROOT)}:{block.line}"
        if block.language == "sh":
            reason = NOT_RUN.fullmatch(block.marker)
            # Building and testing.
            is_for_ci = document == README and not re.fullmatch(r"(apify-runs .*\n?)+", block.text)
            if is_for_ci:
                continue
            if reason:
                left.append((where, reason[1]))
                shown = None
                continue
            code, shown = reader.follow(block.text)
            ran += 1
            checks.that(f"{where}: runs", code == 0, f"exit {code}\n{shown}")
        elif block.marker == ITS_OUTPUT and not is_for_ci:
            if shown is None:
                checks.that(f"{where}: is the output of a block that ran", False, "none did")
                continue
            compared += 1
            printed, expected = timeless(shown), timeless(block.text)
            if is_update and printed != expected:
                edits.append((block, shown.strip("\n").splitlines()))
                continue
            checks.that(f"{where}: shows what is printed", printed == expected, f"printed\n{printed}\nshown\n{expected}")
    if edits:
        update(document, text, edits)
    return ran, compared, left


def update(document, text, edits):
    """Writes what was printed into a document, in the place of what it shows."""
    lines = text.splitlines()
    for block, printed in reversed(edits):
        until = next(at for at in range(block.line, len(lines)) if lines[at].strip() == "```")
        lines[block.line : until] = [line.rstrip() for line in printed]
    document.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{document.relative_to(ROOT)}: {len(edits)} outputs written anew")


# What docs/alerts.yml must say, and when, as `promtool test rules` takes it.


def export(account, severity=None, **more):
    """The labels of a gauge; with a severity, those of an alert."""
    labels = {"account": account, "command": "export", "job": "exports", **more}
    return {**labels, "severity": severity} if severity else labels


def sync(account, severity=None):
    return export(account, severity, command="sync", job="lake")


def selector(labels):
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def gauge(name, labels, values):
    """A gauge with its values hour by hour, in promtool's notation."""
    return {"series": f"apify_runs_{name}{selector(labels)}", "values": values}


def finds(expression, hour, *alerts):
    """An expression with the alerts that it finds at an hour, and no others."""
    found = [{"__name__": "ALERTS", "alertname": alert, "alertstate": "firing", **labels} for alert, labels in alerts]
    return {"expr": expression, "eval_time": f"{hour}h", "exp_samples": [{"labels": selector(labels), "value": 1} for labels in found]}


def fires(alert, hour, labels, *texts):
    """An alert that fires at an hour with these labels, summary and description."""
    annotations = dict(zip(("summary", "description"), texts))
    return {"alertname": alert, "eval_time": f"{hour}h", "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}]}


def is_silent(alert, hour):
    return {"alertname": alert, "eval_time": f"{hour}h", "exp_alerts": []}


def rule_test(gauges, *expected):
    of_kind = lambda key: [each for each in expected if key in each]
    return {"interval": "1h", "input_series": gauges, "promql_expr_test": of_kind("expr"), "alert_rule_test": of_kind("alertname")}


RUN, SUCCESS = "last_run_timestamp_seconds", "last_success_timestamp_seconds"
CODES = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "terminated": 143}
ALERT_TESTS = [
    # Each exit code is an account here.
    rule_test(
        [
            gauge(RUN, export("any"), "0+3600x24"),
            gauge(SUCCESS, export("any"), "0+3600x24"),
            *(gauge("last_exit_code", export(account), f"{code}x24") for account, code in CODES.items()),
            gauge("last_exit_code", export("four, once"), "4x2 0x21"),
        ],
        finds(
            'sort(ALERTS{alertname="ApifyRunsNeedsSomebody"})',
            12,
            *(("ApifyRunsNeedsSomebody", export(account, "critical")) for account in ("one", "two", "three", "five", "six")),
        ),
        finds(
            'ALERTS{alertname="ApifyRunsKeepsFailing",alertstate="firing"}',
            12,
            *(("ApifyRunsKeepsFailing", export(account, "warning")) for account in ("four", "eight", "terminated")),
        ),
        finds(
            'ALERTS{alertname=~"ApifyRuns(ConditionDoesNotHold|ExportIsLate|SyncIsLate|NeverSucceeded|TellsNothing)"}',
            12,
            ("ApifyRunsConditionDoesNotHold", export("seven", "warning")),
        ),
        fires(
            "ApifyRunsConditionDoesNotHold",
            12,
            export("seven", "warning"),
            "apify-runs export, job exports (seven): a condition does not hold",
            "It was published, but a condition does not hold: --strict, a budget, the reconciliation or --allow-incomplete. Costs may settle later.",
        ),
    ),
    # A sync that stopped succeeding, another one that goes on, and an export of the month before.
    rule_test(
        [
            gauge(RUN, sync("acme"), "0+3600x72"),
            gauge(SUCCESS, sync("acme"), "0x72"),
            gauge(RUN, sync("beta"), "0+3600x72"),
            gauge(SUCCESS, sync("beta"), "0+3600x72"),
            gauge(SUCCESS, export("acme"), "-2764800x72"),
            gauge(RUN, export("new"), "0+3600x72"),
        ],
        finds(
            'ALERTS{alertstate="firing"}',
            48,
            ("ApifyRunsNeverSucceeded", export("new", "warning")),
            ("ApifyRunsExportIsLate", export("acme", "warning")),
        ),
        fires(
            "ApifyRunsSyncIsLate",
            49,
            sync("acme", "critical"),
            "The last successful sync of acme (job lake) was 2d 1h 0m 0s ago",
            "Runs that Apify deletes before the next sync are lost: check for how many days your plan keeps runs.",
        ),
    ),
    # Two jobs of one command: one is late, the other is not. Prometheus has renamed the label.
    rule_test(
        [
            gauge(SUCCESS, export("acme", job="node", exported_job="daily"), "0+3600x48"),
            gauge(SUCCESS, export("acme", job="node", exported_job="monthly"), "-2851200x48"),
        ],
        fires(
            "ApifyRunsExportIsLate",
            24,
            export("acme", "warning", job="node", exported_job="monthly"),
            "The last successful export of acme (job monthly) was 34d 0h 0m 0s ago",
            "An export that ends with exit code 7 (--strict) does not count as successful here, although it was published.",
        ),
    ),
    # Nobody tells anything.
    rule_test(
        [],
        is_silent("ApifyRunsTellsNothing", 12),
        fires("ApifyRunsTellsNothing", 25, {"severity": "warning"}, "There are no metrics of apify-runs: no job ran, or its metrics file is not collected"),
    ),
    # Shares: of costs, of requests; none of no runs.
    rule_test(
        [
            gauge("runs", export("many"), "1000x24"),
            gauge("cost_unknown_runs", export("many"), "51x24"),
            gauge("runs", export("few"), "1000x24"),
            gauge("cost_unknown_runs", export("few"), "50x24"),
            gauge("requests", export("many"), "100x24"),
            gauge("rate_limited_requests", export("many"), "11x24"),
            *(gauge(name, export("none"), "0x24") for name in ("runs", "cost_unknown_runs", "requests", "rate_limited_requests")),
        ],
        fires(
            "ApifyRunsCostsUnknown",
            1,
            export("many", "info"),
            "5.1% of the runs of many have no known cost (export, job exports)",
            "Every total is a minimum. The limit of 5% is an example: use one that fits your Actors.",
        ),
        fires(
            "ApifyRunsIsHeldBack",
            1,
            export("many", "info"),
            "11% of the requests of many got 429 (export, job exports)",
            "Another program uses up the API's rate limit, or --rate is too high.",
        ),
    ),
]


def check_alerts(checks, binary, scratch):
    """Rules, tests of the rules, and the metrics that they are about; whether promtool was there."""
    metrics = scratch / "metrics.prom"
    must_run(binary, "export", "--demo", "--quiet", "--metrics-file", metrics, cwd=scratch)
    written = metrics.read_text(encoding="utf-8")
    known = set(re.findall(r"^(apify_runs_[a-z_]+)", written, flags=re.MULTILINE))
    for path in [ALERTS, *DOCS]:
        named = set(re.findall(r"\bapify_runs_[a-z_]+", path.read_text(encoding="utf-8")))
        checks.equal(f"{path.relative_to(ROOT)}: every metric is one that is written", sorted(named - known), [])
    promtool = shutil.which(os.environ.get("PROMTOOL", "promtool"))
    if promtool is None:
        return False
    # YAML, of which JSON is a part.
    tests = scratch / "alerts_test.yml"
    tests.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1h", "tests": ALERT_TESTS}), encoding="utf-8")
    for what, arguments, stdin in [
        ("promtool takes the rules", ["check", "rules", ALERTS], ""),
        ("the rules fire when they should, and not else", ["test", "rules", tests], ""),
        ("promtool finds no fault with the metrics", ["check", "metrics"], written),
    ]:
        done = subprocess.run(
            [promtool, *map(str, arguments)], check=False, input=stdin, capture_output=True, text=True
        )
        checks.that(f"alerts: {what}", done.returncode == 0, done.stdout + done.stderr)
    return True


def check_webhook(checks, sent):
    """What the documents' two lines of shell have posted."""
    texts = []
    for body in sent.get("/slack", []):
        with contextlib.suppress(ValueError):
            texts.append(json.loads(body).get("text"))
    checks.that("webhook: each message is a text", texts and all(texts), sent.get("/slack"))
    checks.that("webhook: the heartbeat came", "/heartbeat" in sent, sorted(sent))


def main():
    options = command_line(__file__)
    binary = options.binary
    checks, ran, compared, left = Checks(), 0, 0, []
    with tempfile.TemporaryDirectory(prefix="apify-runs-check-") as folder:
        scratch = Path(folder).resolve()
        promtool = check_alerts(checks, binary, scratch)
        with server(binary) as account, a_webhook() as (webhook, sent):
            for document in [document for document in [README, *DOCS] if (options.only or "") in document.stem]:
                place = scratch / str(document.relative_to(ROOT)).replace("/", "-")
                place.mkdir()
                counts = check_blocks(checks, document, Reader(binary, place, account, webhook), options.update)
                ran, compared, left = ran + counts[0], compared + counts[1], left + counts[2]
        if not options.only:
            check_webhook(checks, sent)
    for where, reason in left:
        print(f"not run {where}: {reason}")
    if not promtool:
        print("not run docs/alerts.yml: promtool is not there (Debian: apt-get install prometheus, or PROMTOOL=PATH)")
    print(f"{ran} blocks run, {compared} outputs compared, {len(left)} blocks not run")
    checks.close()


if __name__ == "__main__":
    main()
