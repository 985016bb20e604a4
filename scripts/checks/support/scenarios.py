"""What both binaries are asked to do: every command, in every format, and wrongly. Each function is a scenario of its own, told to
do the same with each binary in turn. Holds no check itself."""

import contextlib
import json
import random
import shutil
import signal
import threading

from checks.support.account import GROUPS
from checks.support.lake_account import HOUR_MS, MovingAccount, MovingStandIn, MovingTable, World
from checks.support.standin import DAY_MS, millis, serving

TOKEN_OF_MADE_UP = "demo"
FIRST = millis("2025-08-01T00:00:00.000Z")
COMMANDS = ["export", "report", "verify", "reconcile", "check", "diff", "sync", "lake", "serve", "config", "completions", "man"]
COMMANDS += ["lake close", "lake optimize", "lake vacuum", "lake repair", "config show"]
SHELLS = ["bash", "elvish", "fish", "powershell", "zsh"]


class WrongApi(MovingStandIn):
    """A stand-in that answers wrongly on request: `wrong` is a function of method-less target to status and body, or None."""

    wrong, stopped, reached = None, None, None

    def answer(self, target):
        if self.stopped is not None and target.startswith("/v2/actor-runs"):
            self.reached.set()
            self.stopped.wait(60)
        found = self.wrong(target) if self.wrong else None
        return super().answer(target) if found is None else found


def error(status, kind, text):
    """An error as the API shapes it."""
    return status, json.dumps({"error": {"type": kind, "message": text}}).encode()


def world(side, clock_ms, runs_a_day=12, seed=3):
    """An account that changes, and its stand-in, as new, at the address that the other binary's had."""
    account = MovingAccount(FIRST, FIRST + 90 * DAY_MS, runs_a_day, 60, seed)
    if "standin" not in side.shared:
        standin = WrongApi(account, clock_ms, 60)
        side.shared["standin"] = side.shared["ends"].enter_context(serving(standin))
    standin = side.shared["standin"]
    standin.runs, standin.wrong, standin.stopped = account, None, None
    side.api_url = standin.url
    found = World(account, standin, MovingTable(), FIRST + 5 * DAY_MS)
    found.set_clock(clock_ms, side)
    return found


def made_up(side):
    """The options that name the made-up account of 3,000 runs, and its token."""
    return ["--api-url", side.made_up, "--rate", 0, "--detail-rate", 0]


def exported(side, out, *more):
    """An export of it."""
    return side.run("export", "--month", "2025-09", "--out", out, *made_up(side), *more, token=TOKEN_OF_MADE_UP)


def help_and_tools(side):
    for words in [[], *[command.split() for command in COMMANDS]]:
        for option in ("--help", "-h", "--help-all"):
            side.run(*words, option)
        side.run("help", *words)
        side.run("man", *words)
    side.run("--version")
    side.run("-V")
    side.run()
    side.run("lake")
    side.run("config")
    for shell in SHELLS:
        side.run("completions", shell)
    side.run("man", "--out", "pages")
    side.run("man", "nothing")
    side.run("completions", "tcsh")


WRONG_USAGE = """export
export --month 2025-13
export --month september
export --month 2025-09 --last-month
export --last 7x
export --last 0d
export --last 7d --demo --dry-run
export --from 2025-09-01
export --from 2025-09-02 --to 2025-09-01 --demo
export --from 2025-09-01T00:00:00Z --to 2025-09-01T00:00:00.0005Z --demo
export --from yesterday --to today
export --month 2026-09 --demo
export --month 2025-10 --demo --out october
export --cycle 2025-09-99
export --month 2025-09 --timezone Mars/Phobos
export --demo --month 2025-09 --format xlsx
export --demo --month 2025-09 --formt csv
export --demo --month 2025-09 --concurrency 0
export --demo --month 2025-09 --concurrency 100000
export --demo --month 2025-09 --rate -1
export --demo --month 2025-09 --timeout 0s
export --demo --month 2025-09 --retries many
export --demo --month 2025-09 --details some
export --demo --month 2025-09 --columns id,nothing
export --demo --month 2025-09 --exclude id
export --demo --month 2025-09 --exclude nothing
export --demo --month 2025-09 --columns id --exclude act_id
export --demo --month 2025-09 --groups absent.csv
export --demo --month 2025-09 --budget 5,5
export --demo --month 2025-09 --budget actor:x
export --demo --month 2025-09 --budget group:x=5
export --demo --month 2025-09 --budget -5
export --demo --month 2025-09 --compare absent
export --demo --month 2025-09 --partition-by week
export --demo --month 2025-09 --strict=some
export --demo --month 2025-09 --status DONE
export --demo --month 2025-09 --out {acount}
export --demo --month 2025-09 --out a{b
export --demo --month 2025-09 --metrics-file m
export --demo --month 2025-09 --outcome absent/outcome.json
export --demo --month 2025-09 --out out --outcome out/outcome.json
export --demo --month 2025-09 --jitter 1h --deadline 1h
export --demo --month 2025-09 --deadline soon
export --demo --month 2025-09 --token-file x
export --demo --month 2025-09 --api-url http://127.0.0.1:1
export --month 2025-09 --api-url http://example.com
export --month 2025-09 --api-url ftp://example.com
export --month 2025-09 --api-url nothing
export --month 2025-09 --token-file absent
export --month 2025-09 --account a
export --month 2025-09 --all-accounts
export --month 2025-09 --config absent.toml
export --demo --month 2025-09 --out s3://
export --demo --month 2025-09 --out ftp://bucket/path
export --demo --month 2025-09 --log-format xml
export --demo --month 2025-09 --quiet --json --dry-run
report
report absent
report .
report --by actor .
report absent --format pdf
report absent --format md,html
report absent --by nothing
report absent --by actor,actor
report absent --only nothing
report absent --month 2025-13
report absent --from 2025-09-01 --month 2025-09
report absent --as-of 0
report absent --out absent
report one two
verify
verify absent
verify .
verify one two
verify s3://bucket/path
diff one
diff one two
diff . .
diff one two --json --csv
reconcile
reconcile --cycle 2025-09-15 absent --demo
reconcile --cycle tomorrow --demo
reconcile --cycle 2025-09-15 --demo --tolerance x
reconcile --cycle 2025-09-15 --demo --tolerance -1
check --out
check --month 2025-09
sync
sync --lake
sync --lake lake --since yesterday --demo
sync --lake lake --lookback x --demo
sync --lake lake --optimize always --demo
sync --lake . --demo --since 2025-09-01 --changes .
sync --lake s3://bucket --demo
sync --lake nothing://bucket/path --demo
sync --lake az://a --demo
sync --lake lake --since 2026-09-01 --demo
lake close
lake close absent --month 2025-09
lake close . --month 2025-9
lake optimize absent
lake vacuum absent
lake vacuum . --keep 1d
lake vacuum . --keep x
lake repair absent
lake repair . --aply
lake nothing
serve
serve absent
serve absent --demo
serve . --port 99999
serve --demo --host 0.0.0.0 --faults x
serve --demo --faults 503=200%
serve --demo --runs x
serve --demo --from 2025-09-02 --to 2025-09-01
serve --demo --cost-missing 101
serve --demo --latency x
serve --demo --rate-limit 0
config show nothing
config show export --nothing
nothing
exprt --month 2025-09
--nothing
-x"""


def wrong_usage(side):
    world(side, FIRST + 40 * DAY_MS)
    for line in WRONG_USAGE.split("\n"):
        side.run(*line.split())
    for line in ("export --month 2025-13 --outcome outcome.json", "export --formt csv --outcome=outcome.json"):
        side.run(*line.split())
        side.run(*line.split(), "--log-format", "json")
    side.run("export", "--month", "2025-09", environment={"APIFY_RUNS_FORMAT": "xlsx"})
    side.run("export", "--month", "2025-09", environment={"APIFY_RUNS_NOTHING": "1"})
    side.run("export", "--month", "2025-09", environment={"APIFY_RUNS_NOW": "soon"})
    side.run("export", "--demo", environment={"APIFY_RUNS_QUIET": "perhaps"})


def without_token(side):
    url = world(side, FIRST + 40 * DAY_MS).source()
    for command in ("export --last 3d", "check", "sync --lake lake", "reconcile --cycle 2025-09-01"):
        side.run(*command.split(), *url[:2], token=None)
        side.run(*command.split(), *url[:2], token="")
        side.run(*command.split(), *url[:2], token="with a space\n")
    side.write("token", "apify_api_FromAFile0\n", 0o600)
    side.write("open-token", "apify_api_FromAFile0\n", 0o644)
    side.write("empty-token", "\n", 0o600)
    for name in ("token", "open-token", "empty-token", ".", "absent"):
        side.run("check", *url, "--token-file", name, token=None)
    side.write(".apify/auth.json", '{"token": "apify_api_OfTheLogin0"}', 0o600)
    side.run("check", *url, token=None)
    side.write(".apify/auth.json", "garbage", 0o600)
    side.run("check", *url, token=None)
    side.run("serve", "absent", token=None)


def demo_exports(side):
    for words in (
        "export --demo --last-month --out both",
        "export --demo --last-month --out both --replace -v",
        "export --demo --from 2025-09-01 --to 2025-09-04 --out details --details all --format parquet --json",
        "export --demo --month 2025-09 --out days --partition-by day --format parquet --compare both --quiet",
        "export --demo --last-month --dry-run",
        "export --demo --last-month --dry-run --json",
        "check --demo",
    ):
        side.run(*words.split(), unordered="-v" in words)
    for out in ("both", "details", "days"):
        side.run("verify", out)
        side.run("report", out, "--by", "user,status", "--by", "origin", "--by", "week")
    side.run("diff", "both", "details")
    shutil.rmtree(side.path("both"))
    shutil.rmtree(side.path("days"))


def demo_more(side):
    side.run("reconcile", "--demo", "--cycle", "2025-09-15")
    side.run("reconcile", "--demo", "--cycle", "2025-09-15", "--json", "--details", "none")
    side.run("export", "--demo", "--last", "12h", "--out", "part", "--timezone", "Asia/Kathmandu")
    side.run("export", "--demo", "--from", "2025-09-10", "--to", "2025-09-12", "--timezone", "America/New_York", "--out", "two")
    side.run("sync", "--demo", "--lake", "lake")
    side.run("report", "lake", "--month", "2025-09")
    side.run("verify", "lake")
    side.run("export", "--demo", "--last-month", "--deadline", "1ms", "--outcome", "outcome.json")


def export_options(side):
    """Over the made-up account of 3,000 runs."""
    side.write("groups.csv", GROUPS)
    first = exported(side, "plain", "--outcome", "outcome.json", "--metrics-file", "figures.prom")
    assert first == 0, side.recorded[-1].outputs["stderr"]
    for number, words in enumerate(
        [
            "--format parquet",
            "--format csv",
            "--format csv,parquet --json",
            "--partition-by day",
            "--partition-by day --format parquet",
            "--parquet-compat --format parquet",
            "--details all",
            "--details none",
            "--details all --format csv --columns id,usage_usd_proxy_serps,compute_units,charged_event_counts",
            "--no-names",
            "--no-names --quiet",
            "--columns id,started_at,usage_total_usd",
            "--exclude meta_client_ip,meta_user_agent",
            "--exclude meta_client_ip,meta_user_agent,extra,act_name --format csv",
            "--groups groups.csv",
            "--groups groups.csv --budget 1 --budget group:Operations=5",
            "--budget 500 --budget actor:made-up-account/web-scraper=10",
            "--budget 500 --budget actor:made-up-account/web-scraper=10 --fail-over-budget",
            "--budget 100000 --fail-over-budget",
            "--compare previous",
            "--compare plain",
            "--status FAILED,TIMED-OUT",
            "--status failed",
            "--actor made-up-account/web-scraper",
            "--actor nobody/nothing",
            "--task nothing",
            "--strict",
            "--strict=incomplete",
            "--settle 0s",
            "--settle 30d",
            "--timezone Europe/Berlin",
            "--dry-run",
            "--dry-run --json",
            "--dry-run --quiet",
            "--dry-run --details all --compare previous",
            "--allow-incomplete",
            "--concurrency 1",
            "--wait-settled 1s",
            "--log-format json",
            "--deadline 1h --jitter 1ms",
        ]
    ):
        exported(side, f"out{number:02}", *words.split())
    exported(side, "{account}/{month}/{period}")
    exported(side, "verbose", "-v", "--concurrency", 1, "--detail-concurrency", 1)
    side.run("export", "--from", "2025-09-05", "--to", "2025-09-07", "--out", "days", *made_up(side), token="demo")
    side.run("export", "--from", "2025-09-05T12:00:00Z", "--to", "2025-09-05T13:00:00+01:00", "--out", "no", *made_up(side), token="demo")
    side.run("export", "--from", "2025-08-01", "--to", "2025-08-03", "--out", "empty", *made_up(side), token="demo")
    side.run("export", "--cycle", "2025-09-15", "--out", "cycle", *made_up(side), token="demo")
    side.run("export", "--last-month", *made_up(side), token="demo")
    for path in ("out03", "out06", "out08", "out11", "out14", "cycle", "days", "empty"):
        side.run("verify", path)
        side.run("report", path)
    side.run("reconcile", "--cycle", "2025-09-15", *made_up(side), "cycle", token="demo")
    side.run("reconcile", "--cycle", "2025-09-15", *made_up(side), "plain", token="demo")
    side.run("reconcile", "--cycle", "2025-09-15", *made_up(side), "cycle", "--json", "--fail-unexplained", token="demo")
    side.run("reconcile", "--cycle", "2025-09-15", *made_up(side), "--outcome", "reconciled.outcome.json", token="demo")
    side.run("check", *made_up(side), "--out", "plain", token="demo")
    side.run("check", *made_up(side), "--outcome", "check.outcome.json", "-q", token="demo")


def replacing(side):
    """What is there is replaced, or is not."""
    exported(side, "out")
    exported(side, "out")
    exported(side, "out", "--status", "FAILED")
    exported(side, "out", "--format", "csv", "--json")
    exported(side, "out", "--details", "all")
    side.write("out/foreign.txt", "somebody's")
    exported(side, "out")
    exported(side, "out", "--replace")
    side.path("out/foreign.txt").unlink()
    side.write("out/.DS_Store", "a desktop's")
    exported(side, "out")
    for more in (["--status", "FAILED", "--replace"], ["--dry-run"], []):
        exported(side, "out", *more)
    side.run("export", "--from", "2025-09-05", "--to", "2025-09-07", "--out", "out", *made_up(side), token="demo")
    side.run("export", "--from", "2025-09-05", "--to", "2025-09-07", "--out", "out", *made_up(side), "--replace", token="demo")
    side.run("export", "--demo", "--last", "1h", "--out", "out")
    side.run("export", "--demo", "--last", "1h", "--out", "out", "--replace")
    side.write("not-empty/file", "x")
    side.write("a-file", "x")
    for out in ("not-empty", "a-file", "a-file/below", ".", "/", "absent/below", "/proc/nothing", "out/inside"):
        exported(side, out)
    side.write("broken/manifest.json", "{")
    exported(side, "broken")
    exported(side, "broken", "--replace")
    side.path("locked").mkdir(mode=0o500)
    exported(side, "locked/out")


def reports(side):
    """Offline reports in every format."""
    side.write("groups.csv", GROUPS)
    exported(side, "out", "--details", "all", "--groups", "groups.csv", "--compare", "previous", "--budget", "200")
    exported(side, "csv", "--format", "csv")
    exported(side, "columns", "--columns", "id,started_at")
    side.run("export", "--from", "2025-09-01", "--to", "2025-09-11", "--out", "old", *made_up(side), token="demo")
    for form in ("terminal", "md", "html", "xlsx", "json", "csv", "focus"):
        side.run("report", "out", "--format", form)
        side.run("report", "out", "--format", form, "--out", f"one/{form}", "--by", "actor,status")
        side.run("report", "csv", "--format", form, "--out", f"csv/{form}")
        side.run("report", "out", "--format", form, "--out", f"part/{form}", "--from", "2025-09-03", "--to", "2025-09-09")
        side.run("report", "columns", "--format", form, "--out", f"columns/{form}")
    every = "terminal,md,html,xlsx,json,csv,focus"
    side.run("report", "out", "--format", "md,html,xlsx,json,csv,focus", "--out", "all")
    side.run("report", "out", "--format", every, "--out", "all2", "--with-runs", "--compare", "old")
    side.run("report", "out", "--format", "md,html,json", "--out", "all")
    dimensions = ["actor", "status", "day", "week", "task", "schedule", "origin", "build", "user", "group"]
    for one in dimensions:
        side.run("report", "out", "--by", one)
        side.run("report", "out", "--by", f"{one},{'status' if one != 'status' else 'day'}", "--format", "json")
        side.run("report", "csv", "--by", one, "--timezone", "Asia/Tokyo", "--format", "csv", "--only", "dearest_runs")
    for only in ("cost_by_actor", "cost_by_actor,status_summary", "dearest_runs", "unsettled_by_actor", "unsuccessful_by_actor"):
        for form in ("terminal", "md", "csv", "json"):
            side.run("report", "out", "--only", only, "--format", form)
    for words in (
        "--month 2025-09",
        "--month 2025-08",
        "--from 2025-09-05 --timezone America/St_Johns",
        "--to 2025-09-05",
        "--from 2025-08-05 --to 2025-10-05",
        "--strict",
        "--strict=incomplete",
        "--budget 1",
        "--budget 1 --fail-over-budget",
        "--budget actor:made-up-account/web-scraper=5 --budget group:Operations=2 --format json",
        "--budget group:nothing=2",
        "--compare old",
        "--compare old --format json",
        "--compare old --month 2025-09",
        "--compare absent",
        "--compare previous",
        "--groups absent.csv",
        "--format csv,json",
        "--out out",
        "--out out/below",
        "--quiet",
        "--with-runs",
        "--format focus --groups groups.csv",
        "-v",
    ):
        side.run("report", "out", *words.split())
    for old, new in (("out", "csv"), ("old", "out"), ("out", "old"), ("out", "out"), ("columns", "out")):
        for more in ([], ["--json"], ["--csv"]):
            side.run("diff", old, new, *more)


def broken_archives(side):
    """Archives that aren't what they were."""
    exported(side, "good")
    side.run("export", "--month", "2025-09", "--out", "days", *made_up(side), "--partition-by", "day", token="demo")
    names = sorted(path.name for path in side.path("good").iterdir())
    flipped = lambda at: lambda data: data[: at % len(data)] + bytes([data[at % len(data)] ^ 1]) + data[at % len(data) + 1 :]
    replaced = lambda old, new: lambda data: data.replace(old, new, 1)
    manifest = "manifest.json"
    harms = [("flipped", name, flipped(at)) for name in names for at in (40, 1777) if at == 40 or "cost_by" not in name]
    harms += [("emptied", name, lambda _: b"") for name in names if "cost_by" not in name]
    harms += [("shortened", name, lambda data: data[:-7]) for name in names if "cost_by" not in name]
    harms += [("removed", name, None) for name in names]
    harms += [
        (f"changed {old.decode()}", manifest, replaced(old, new))
        for old, new in (
            (b'"schema_version": 1', b'"schema_version": 2'),
            (b'"tool_version"', b'"tool_verse"'),
            (b'"timezone": "UTC"', b'"timezone": "Mars"'),
            (b"2025-09-01T00", b"2025-09-02T00"),
            (b"2025-10-01T00", b"yesterday"),
            (b'"runs": 3000', b'"runs": 3001'),
            (b'"runs_failed": ', b'"runs_failed": 1'),
            (b'"usage_total_usd": "2', b'"usage_total_usd": "3'),
            (b'"usage_total_usd": "', b'"usage_total_usd": "x'),
            (b'"runs_cost_unknown": ', b'"runs_cost_unknown": 1'),
            (b'"sha256": "', b'"sha256": "0'),
            (b'"path": "runs.parquet"', b'"path": "../runs.parquet"'),
            (b'"path": "runs.csv"', b'"path": "rows.csv"'),
            (b'"rows": 3000', b'"rows": 2999'),
            (b'"source": "api"', b'"source": "file"'),
            (b'"proven": true', b'"proven": false'),
            (b'"counted": 3000', b'"counted": 2000'),
            (b'"queried_at": "', b'"queried_at": "x'),
            (b'"settle_ms": 600000', b'"settle_ms": "soon"'),
            (b'"id": "MADE', b'"id": "OTHER'),
        )
    ]
    harms += [
        ("a run twice", "runs.csv", lambda data: data + data.splitlines(keepends=True)[-1]),
        ("a run less", "runs.csv", lambda data: b"".join(data.splitlines(keepends=True)[:-1])),
        ("another status", "runs.csv", replaced(b",SUCCEEDED,", b",FAILED,")),
        ("no instant", "runs.csv", replaced(b"2025-09-01T", b"2025-19-01T")),
        ("another header", "runs.csv", replaced(b"act_id", b"actor_id")),
        ("a report's row", "cost_by_day.csv", replaced(b"2025-09-02", b"2025-09-20")),
        ("a report's figure", "report.json", replaced(b'"runs": 3', b'"runs": 4')),
    ]
    for _, name, change in harms:
        side.path("bad").mkdir()
        for each in names:
            (side.path("bad") / each).hardlink_to(side.path("good") / each)
        path = side.path("bad") / name
        data = path.read_bytes()
        path.unlink()
        if change:
            path.write_bytes(change(data))
        side.run("verify", "bad")
        side.run("verify", "bad", "--quick")
        if name in (manifest, "runs.parquet", "runs.csv"):
            side.run("report", "bad", "--only", "cost_by_day")
            side.run("diff", "good", "bad")
        if name in (manifest, "runs.parquet"):
            side.run("serve", "bad", "--port", "99999")
            exported(side, "bad", "--dry-run")
        shutil.rmtree(side.path("bad"))
    # In CSV alone, rows are read from there.
    exported(side, "csv", "--format", "csv")
    for name, what, change in harms:
        if what == "runs.csv" and change:
            whole = side.path("csv/runs.csv").read_bytes()
            side.edit("csv/runs.csv", change)
            for command in ("verify csv", "verify csv --quick", "report csv --only cost_by_day", "diff csv good"):
                side.run(*command.split())
            side.write("csv/runs.csv", whole)
    day = sorted(side.path("days/runs").iterdir())[3]
    shutil.rmtree(day)
    for command in ("verify days", "verify days --quick", "report days", "verify good --quiet", "verify good -v"):
        side.run(*command.split())
    side.write("good/more.txt", "somebody's")
    side.run("verify", "good")


def syncs(side):
    """A lake from its first sync on, and all that is done with it."""
    it = world(side, FIRST + 20 * DAY_MS)
    since = ["--since", "2025-08-03", "--lake", "lake"]
    side.run("sync", *since, *it.source(), "--changes", "changes0.csv", "--outcome", "sync.outcome.json")
    hours = [24, 24, 24, 6, 48, 24, 24, 24, 24, 24, 96, 24]
    for number, step in enumerate(hours, 1):
        clock = it.clock + step * HOUR_MS
        it.account.happen(clock)
        it.set_clock(clock, side)
        more = [[], ["--json"], ["--quiet"], ["--resweep"], ["--accept-repricing"], ["--details", "all"]][number % 6]
        side.run("sync", "--lake", "lake", *it.source(), "--changes", f"changes{number}.csv", *more)
    for words in ("report lake", "verify lake", "verify lake --as-of 0", "verify lake --quick", "verify lake -v"):
        side.run(*words.split())
    side.run("lake", "close", "lake", "--month", "2025-08", "--out", "closed")
    side.run("lake", "close", "lake", "--month", "2025-08", "--out", "closed")
    side.run("lake", "close", "lake", "--month", "2025-08", "--out", "closed2", "--timezone", "Europe/Berlin", "--json", "--replace")
    side.run("lake", "close", "lake", "--month", "2025-07", "--out", "closed3")
    side.run("lake", "close", "lake", "--month", "2025-10", "--out", "closed4")
    for step in (24, 24):
        clock = it.clock + step * HOUR_MS
        it.account.happen(clock)
        it.set_clock(clock, side)
        side.run("sync", "--lake", "lake", *it.source(), "--resweep", "--metrics-file", "lake.prom")
    for form in ("terminal", "md", "html", "xlsx", "json", "csv", "focus"):
        side.run("report", "lake", "--format", form, "--out", f"reports/{form}", "--month", "2025-08")
    for words in (
        "report lake --by day --as-of 3",
        "report lake --by day --as-of 2025-08-25",
        "report lake --as-of 999",
        "report lake --from 2025-08-10 --to 2025-09-03 --by user,actor",
        "report lake --month 2025-09 --compare closed",
        "report lake --month 2025-11",
        "report lake --strict",
        "verify closed",
        "report closed --by day",
        "diff closed lake",
        "diff lake lake --as-of 2",
        "diff lake lake --as-of 2 --json",
        "diff lake lake --as-of 2025-08-25T00:00:00Z --csv",
        "lake optimize lake",
        "lake vacuum lake --dry-run",
        "lake vacuum lake --keep 1d",
        "lake vacuum lake",
        "lake vacuum lake --keep 0d --force --dry-run",
        "lake repair lake",
        "verify lake",
        "report lake --by week",
    ):
        side.run(*words.split())
    side.run("reconcile", "--cycle", "2025-08-15", *it.source(), "lake")
    side.run("reconcile", "--cycle", "2025-08-15", *it.source(), "lake", "--json", "--tolerance", "1000")
    side.run("reconcile", "--cycle", "2025-08-15", *it.source(), "closed", "--fail-unexplained")
    side.run("export", "--month", "2025-08", "--out", "compared", *it.source(), "--compare", "lake")
    # The API has none of them any more, and then answers wrongly.
    it.account.empty = True
    it.set_clock(it.clock + 2 * HOUR_MS, side)
    side.run("sync", "--lake", "lake", *it.source(), "--resweep")
    side.run("sync", "--lake", "lake", *it.source(), "--resweep", "--accept-deletions")
    it.account.empty = False
    it.set_clock(it.clock + 2 * HOUR_MS, side)
    it.standin.wrong = lambda target: error(500, "internal", "no") if "actor-runs" in target else None
    side.run("sync", "--lake", "lake", *it.source(), "--retries", 0)
    it.standin.wrong = None
    # A damaged file is found, and taken out.
    file = max(side.glob("lake/started_month=2025-08/*.parquet"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    file.write_bytes(whole[:500] + bytes([whole[500] ^ 4]) + whole[501:])
    for words in ("verify lake", "verify lake --quick", "report lake --by day", "lake repair lake", "lake repair lake --apply"):
        side.run(*words.split())
    side.run("lake", "repair", "lake")
    side.run("sync", "--lake", "lake", *it.source())
    side.run("verify", "lake")
    for path in side.glob("lake/_delta_log/*5.json"):
        path.write_bytes(b"{")
    for words in ("verify lake", "report lake", "lake repair lake", "lake optimize lake", "lake vacuum lake --dry-run"):
        side.run(*words.split())
    side.run("sync", "--lake", "lake", *it.source())
    side.write("other/file", "x")
    side.run("sync", "--lake", "other", *it.source())
    side.run("sync", "--lake", "other/file", *it.source())


def checkpoints(side):
    """So many syncs that the log is shortened, without names and details."""
    it = world(side, FIRST + 20 * DAY_MS, runs_a_day=4, seed=9)
    for number in range(24):
        clock = it.clock + 24 * HOUR_MS
        it.account.happen(clock)
        it.set_clock(clock, side)
        side.run("sync", "--lake", "lake", "--no-names", "--details", "none", "--optimize", "auto", *it.source(), "--changes", "c.csv")
        if number % 8 == 7:
            side.run("lake", "optimize", "lake")
            side.run("lake", "vacuum", "lake")
            side.run("verify", "lake")
    side.run("report", "lake", "--by", "day")


def wrong_answers(side):
    """An API that answers wrongly."""
    it = world(side, FIRST + 40 * DAY_MS)
    wrongs = {
        "401": error(401, "user-or-token-not-found", "User was not found or authentication token is not valid"),
        "403": error(403, "insufficient-permissions", "No."),
        "404": error(404, "record-not-found", "Nothing is here"),
        "400": error(400, "invalid-input", "The input is \x1b[31mbad\nand long " + "x" * 500),
        "402": error(402, "usage-hard-limit-exceeded", "Pay"),
        "408": error(408, "timeout", "Late"),
        "429": error(429, "rate-limit-exceeded", "Slower"),
        "500": error(500, "internal-server-error", "Ours"),
        "502": (502, b"<html><body>Bad gateway</body></html>"),
        "503": error(503, "query-timeout", "Too much"),
        "301": (301, b""),
        "200 of nothing": (200, b""),
        "200 of HTML": (200, b"<html>sign in</html>"),
        "200 of JSON": (200, b"[1, 2, 3]"),
        "no data": (200, b'{"data": null}'),
        "no items": (200, b'{"data": {"total": 3}}'),
        "items of no runs": (200, b'{"data":{"total":1,"offset":0,"limit":1000,"count":1,"desc":false,"items":[{"id":5}]}}'),
        "cut off": (200, b'{"data":{"total":1,"offset":0,"limit":1000,"count":1,"desc":false,"items":[{"id":"a"'),
        "total of -1": (200, b'{"data":{"total":-1,"offset":0,"limit":1000,"count":0,"desc":false,"items":[]}}'),
    }
    # One request at a time, so that the same one fails first.
    quick = ["--retries", 0, "--timeout", "5s", "--concurrency", 1, "--detail-concurrency", 1]
    some = ["401", "429", "500", "200 of HTML", "no data"]
    for path in ("/v2/actor-runs?", "/v2/actor-runs/", "/v2/users/me", "/v2/users/me/limits", "/v2/actors", "/v2/users/me/usage/monthly"):
        for name, answer in wrongs.items():
            if "actor-runs" not in path and name not in some:
                continue
            fits = lambda target, path=path: target.startswith(path) if path[-1] in "?/" else target.partition("?")[0] == path
            it.standin.wrong = lambda target, fits=fits, answer=answer: answer if fits(target) else None
            # What is tried again and then left out says for how long, in files with hashes.
            if path not in ("/v2/users/me/limits", "/v2/actors") or name == "401":
                side.run("export", "--last", "3d", "--out", "out", *it.source(), *quick, "--outcome", "outcome.json")
            if path.startswith("/v2/users") or path.endswith("runs?"):
                side.run("check", *it.source())
                side.run("reconcile", "--cycle", "2025-08-15", *it.source(), *quick)
                side.run("sync", "--lake", "lake", *it.source(), *quick)
            shutil.rmtree(side.path("out"), ignore_errors=True)
            shutil.rmtree(side.path("lake"), ignore_errors=True)
    it.standin.wrong = None


def wrong_lists(side):
    """Lists that hold less, more or other than they should."""
    it = world(side, FIRST + 40 * DAY_MS)

    def changed(change):
        def wrong(target):
            if not target.startswith("/v2/actor-runs?"):
                return None
            status, body = MovingStandIn.answer(it.standin, target)
            document = json.loads(body, parse_float=lambda text: text)
            text = json.dumps(change(document["data"]) or document["data"])
            return status, b'{"data":' + text.encode() + b"}"

        return wrong

    def each(number, **members):
        def change(data):
            for item in data["items"][::number]:
                item.update(members)

        return changed(change)

    wrongs = [
        changed(lambda data: data.update(total=data["total"] + 3)),
        changed(lambda data: data.update(total=max(0, data["total"] - 3))),
        changed(lambda data: data["items"].reverse()),
        changed(lambda data: data.update(items=data["items"][:-1])),
        changed(lambda data: data.update(items=data["items"] + data["items"][:1])),
        each(5, usageTotalUsd=None),
        each(5, usageTotalUsd="much"),
        each(5, usageTotalUsd=-1),
        each(5, status="EXPLODED"),
        each(5, status=7),
        each(5, finishedAt="yesterday"),
        each(5, startedAt="yesterday"),
        each(5, startedAt=None),
        each(5, actId=None),
        each(5, meta=None, buildNumber=5, userId={"a": 1}),
        each(5, aNewField=[1, {"b": "=cmd()"}], buildId="=1+1"),
        each(500, id="same"),
        each(500, id=""),
    ]
    for wrong in wrongs:
        it.standin.ready, it.standin.wrong = {}, wrong
        for more in ([], ["--allow-incomplete", "--strict=incomplete"]):
            side.run("export", "--last", "3d", "--out", "out", *it.source(), "--retries", 1, *more, "--outcome", "outcome.json")
            if side.path("out").exists():
                side.run("verify", "out")
                shutil.rmtree(side.path("out"))
        side.run("sync", "--lake", "lake", "--since", "2025-09-01", *it.source(), "--retries", 1)
        shutil.rmtree(side.path("lake"), ignore_errors=True)
    it.standin.wrong = None


def accounts(side):
    """Several accounts of a configuration."""
    it = world(side, FIRST + 40 * DAY_MS)
    config = f"""outcome = "outcome.json"
accounts-at-once = 1
[export]
out = "exports/{{account}}/{{month}}"
month = "2025-09"
rate = 0
detail-rate = 0
[accounts.acme]
token-env = "ACME"
api-url = "{it.source()[1]}"
[accounts.beta]
token-file = "beta.token"
api-url = "{side.made_up}"
[accounts.beta.export]
format = "parquet"
[accounts.none]
token-env = "NONE"
"""
    side.write("apify-runs.toml", config)
    side.write("beta.token", "demo\n", 0o600)
    some = {"ACME": "a-token", "NONE": ""}
    for words in (
        "export --all-accounts",
        "export --all-accounts --metrics-file all.prom",
        "export --account acme,beta",
        "export --account acme,beta --json",
        "export --account acme --quiet",
        "export --account beta --format csv --replace",
        "export --account nobody",
        "export --account acme,acme",
        "export --account acme,beta --out same",
        "check --account acme,beta",
        "check --all-accounts",
        "sync --account acme --lake lakes/{account}",
        "sync --account acme,beta --lake lakes/{account}",
        "sync --account acme,beta --lake lake",
        "reconcile --account acme,beta --cycle 2025-09-02",
        "export --account acme,beta --dry-run",
        "config show",
        "config show export",
        "config show export --account acme",
        "config show export --account beta",
        "config show sync --account beta --lake x",
        "config show lake close x --month 2025-09",
        "config show export --month 2025-08 --quiet",
    ):
        side.run(*words.split(), environment=some, token=None)
    side.run("export", "--account", "acme,beta", "--accounts-at-once", 2, environment=some, unordered=True, token=None)
    side.run("config", "show", "export", environment=some | {"APIFY_RUNS_FORMAT": "csv", "APIFY_RUNS_RATE": "5"})
    side.path("apify-runs.toml").unlink()
    side.run("config", "show")
    for text in (
        "rate = 'x'",
        "rat = 3",
        "[export]\nformt = 'csv'",
        "[export]\nformat = 'xlsx'",
        "[exprt]\nformat = 'csv'",
        "[accounts.a]\ntoken-file = 'x'\nrat = 3",
        "[accounts.a]\nrate = 3",
        "[accounts.'../evil']\ntoken-file = 'x'",
        "[accounts.a]\ntoken = 'apify_api_Secret0'",
        "accounts = 3",
        "[[accounts]]\nrate = 3",
        "api-url = 'https://user:Secret0@example.com/?key=Secret1'",
        "garbage",
        "[export]\nmonth = '2025-09'\nlast-month = true\ndemo = true",
        "[export]\ndemo = 'yes'",
        "account = 'a'\n[accounts.a]\ntoken-file = 'absent'",
        "[accounts.a]\ntoken-env = 'T'\n[accounts.a.export]\ndeadline = '1s'",
    ):
        side.write("apify-runs.toml", text + "\n")
        side.run("export", "--demo", "--month", "2025-09", "--dry-run")
        side.run("config", "show", "export", "--demo")
        side.run("export", "--all-accounts", "--month", "2025-09")
    side.write("apify-runs.toml", b"\xff\xfe")
    side.run("config", "show")
    side.run("config", "show", "--config", ".")


def targets(side, archive):
    """What a server is asked."""
    ids = [line.split(b",")[0].decode() for line in side.path(f"{archive}/runs.csv").read_bytes().splitlines()[1:]]
    rows = side.path(f"{archive}/runs.csv").read_text(encoding="utf-8").splitlines()
    header = rows[0].split(",")
    actor, task = rows[1].split(",")[header.index("act_id")], None
    task = next((row.split(",")[header.index("actor_task_id")] for row in rows[1:] if row.split(",")[header.index("actor_task_id")]), "x")
    paths = ["/v2/actor-runs" + query for query in (
        "", "?limit=5", "?limit=5&offset=3", "?limit=5&desc=1", "?limit=5&desc=true", "?limit=5&desc=maybe", "?offset=99999",
        "?limit=-1", "?limit=1.5", "?offset=1e300", "?startedAfter=yesterday", "?startedBefore=%ff%fe", "?status=%00",
        "?limit=1&limit=2", "?limit=1&limit=-2", "?limit=0", "?limit=5000", "?status=FAILED,TIMED-OUT&limit=9",
        "?startedAfter=2025-09-03T00:00:00.000Z&startedBefore=2025-09-04T00:00:00.000Z", "?status=NOTHING", "?unknown=1&limit=2",
        "/nosuchrunanywhere", "/..%2f..%2fetc%2fpasswd", "/%ff", "/a/b/c", f"/{ids[0]}", f"/{ids[-1]}", f"/{ids[7]}",
        f"/{ids[0]}?x=1", f"/{ids[0]}/log",
    )]
    paths += [f"/v2/actors/{actor}", f"/v2/acts/{actor}", f"/v2/actors/{actor}/runs?limit=4", f"/v2/acts/{actor}/runs?desc=1&limit=4"]
    paths += [f"/v2/actor-tasks/{task}", f"/v2/actor-tasks/{task}/runs?limit=4", "/v2/actor-tasks/x", "/v2/actor-tasks/x/runs"]
    paths += ["/v2/actors", "/v2/acts?limit=3", "/v2/actors?limit=2&offset=1&desc=1", "/v2/actor-tasks", "/v2/actor-tasks?limit=3"]
    paths += ["/v2/actors/nobody~nothing", "/v2/actors/~/runs", "/v2/actors/x/runs", "/v2/actors/made-up-account~web-scraper"]
    paths += ["/v2/users/me", "/v2/users/me/limits", "/v2/users/me/usage/monthly", "/v2/users/me/usage/monthly?date=2025-09-15"]
    paths += ["/v2/users/me/usage/monthly?date=soon", "/v2/users/you", "/v2", "/", "/v2/", "/v3/actor-runs", "/v2/../etc/passwd", "/health"]
    paths += ["/v2/actor-runs?token=secret", "/v2/actor-runs?limit=3&token=a-token-for-loopback"]
    return paths


def served(side):
    """A server's answers, of archives and of the made-up account."""
    exported(side, "out", "--details", "all")
    exported(side, "csv", "--format", "csv")
    side.run("export", "--month", "2025-09", "--out", "part", *made_up(side), "--columns", "id,started_at,usage_total_usd", token="demo")
    paths = targets(side, "out")
    asks = [("GET", path, None, None) for path in paths]
    of_demo = {"Authorization": "Bearer demo"}
    asks += [("GET", path, {"Accept-Encoding": coding}, None) for coding in ("gzip", "br", "zstd", "identity", "*;q=0") for path in paths[:1]]
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        asks += [(method, path, None, b"{}" if method in ("POST", "PUT") else None) for path in ("/v2/actor-runs?limit=2", "/v2/users/me", "/no")]
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}, {"X-Nothing": "1"}):
        asks += [("GET", path, headers, None) for path in ("/v2/actor-runs?limit=1", "/v2/users/me", "/nothing")]
    for archive in ("out", "csv", "part"):
        side.serve([archive, "--refresh", "0s"], asks)
    side.serve(["out", "--access-log"], asks[:6])
    side.serve(["out"], asks[:6], token=None)
    demo = [(method, path, of_demo if headers is None else headers, body) for method, path, headers, body in asks]
    small = ["--demo", "--runs", "500", "--actors", "9", "--seed", "4"]
    side.serve(small, demo)
    side.serve([*small, "--cost-missing", "50", "--retention-days", "7", "--from", "2025-09-10", "--to", "2025-09-12"], demo)
    side.serve([*small, "--faults", "503=100%,seed=7"], demo[:5])
    side.serve([*small, "--faults", "500=50%,cut=20%,reset=20%,seed=7"], demo[:40])
    it = world(side, FIRST + 40 * DAY_MS)
    side.run("sync", "--lake", "lake", *it.source(), "--since", "2025-08-20")
    side.serve(["lake"], asks)
    side.serve(["lake", "--as-of", "0"], asks[:9])
    side.run("serve", "lake", "--as-of", "7")


def held_and_ended(side):
    """Two jobs at one output; jobs that are ended."""
    it = world(side, FIRST + 40 * DAY_MS)
    jobs = {
        "out": ["export", "--last", "3d", "--out", "out", *it.source()],
        "lake": ["sync", "--lake", "lake", "--since", "2025-09-01", *it.source()],
    }
    for path, words in jobs.items():
        for end in (None, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            it.standin.reached, it.standin.stopped = threading.Event(), threading.Event()
            first = side.start(*words)
            it.standin.reached.wait(30)
            if end is None:
                side.run(*words)
                side.run(*words, "--quiet", "--outcome", "outcome.json")
                if path == "lake":
                    side.run("lake", "optimize", "lake")
                    side.run("verify", "lake")
            else:
                first.send_signal(end)
            with contextlib.ExitStack() as ends:
                ends.callback(it.standin.stopped.set)
                if end is not None:
                    ends.pop_all()
                    side.end(first, *words, f"ended by {end.name}")
            if end is None:
                side.end(first, *words)
            it.standin.stopped.set()
            it.standin.stopped = None


def filtered(side):
    """An account with odd names and runs, exported with every filter."""
    it = world(side, FIRST + 40 * DAY_MS, runs_a_day=40)
    chosen = random.Random(1)
    ids = [life.id for life in chosen.sample(it.account.there, 3)]
    for number, words in enumerate(
        [
            "--status SUCCEEDED",
            "--status RUNNING,FAILED",
            "--actor actPlain0000000001",
            "--actor stand-in/plain-crawler",
            "--actor actGone00000000005,nothing",
            "--task taskOne0000000001",
            "--task taskGone000000002",
            "--actor actPlain0000000001 --task taskOne0000000001 --status FAILED",
            "--details all",
            "--details none --no-names",
            "--retries 0 --strict",
            "--json",
        ]
    ):
        out = f"out{number}"
        side.run("export", "--from", "2025-08-20", "--to", "2025-09-05", "--out", out, *it.source(), *words.split())
        side.run("verify", out)
        side.run("report", out, "--format", "md,html,xlsx,json,csv,focus", "--out", f"report{number}", "--with-runs")
    side.run("export", "--last", "2d", "--out", "running", *it.source(), "--strict")
    side.run("export", "--last", "2d", "--out", "running", *it.source(), "--wait-settled", "1s")
    side.run("export", "--month", "2025-06", "--out", "expired", *it.source())
    side.run("export", "--from", "2025-07-01", "--to", "2025-08-10", "--out", "expired2", *it.source())
    for run_id in ids:
        it.account.by_id[run_id].deleted_at = it.clock - 1
    it.set_clock(it.clock + 1, side)
    side.run("export", "--from", "2025-08-20", "--to", "2025-09-05", "--out", "out0", *it.source(), "--status", "SUCCEEDED")
    side.run("export", "--from", "2025-08-20", "--to", "2025-09-05", "--out", "out8", *it.source(), "--details", "all")
    side.run("export", "--from", "2025-08-20", "--to", "2025-09-05", "--out", "out8", *it.source(), "--details", "all", "--replace")
    side.run("diff", "out9", "out8", "--csv")
    # Clocks that differ.
    for ahead in (6 * 60_000, 2 * DAY_MS, -2 * DAY_MS):
        side.now = f"2025-09-{10 + ahead // DAY_MS:02}T00:0{6 if 0 < ahead < DAY_MS else 0}:00Z"
        side.run("export", "--last", "2d", "--out", "clock", *it.source())
        side.run("export", "--from", "2025-08-20", "--to", "2025-08-22", "--out", "clock2", *it.source())
        side.run("sync", "--lake", "lake", "--since", "2025-09-01", *it.source())
        side.run("check", *it.source())


SCENARIOS = [
    demo_exports,
    syncs,
    broken_archives,
    wrong_answers,
    checkpoints,
    reports,
    export_options,
    wrong_lists,
    filtered,
    demo_more,
    served,
    replacing,
    accounts,
    held_and_ended,
    wrong_usage,
    without_token,
    help_and_tools,
]
