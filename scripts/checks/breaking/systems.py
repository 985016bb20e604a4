"""Other systems that a job meets: the system's time zones, DuckDB and spreadsheets, which read its CSV, object stores, and cron, by the
crontabs as they are documented: on a healthy day nothing is printed, so that no mail is sent."""

import csv
import datetime
import hashlib
import json
import os
import re
import struct
import subprocess
import threading

import duckdb
from checks.breaking.bench import TOKEN, Cases
from checks.breaking.servers import DAY_MS, FaultyApi, Runs, api
from checks.support.account import ROOT
from checks.support.s3_server import KEY, REGION, SECRET, Gate, Server
from checks.support.standin import instant, millis, serving

READERS = Cases("readers")
STORES = Cases("stores")
CRON = Cases("cron")
VERSION = r"20\d\d[a-z]"


# Time zones


def newer_zones(place):
    """The system's rules are newer than the built-in ones: both are named."""
    zones = place.folder / "zoneinfo"
    (zones / "Europe").mkdir(parents=True)
    # By them Prague is always nine hours ahead of UTC: a file of version 1 (RFC 9636) with one type of local time and no change.
    (zones / "Europe" / "Prague").write_bytes(struct.pack(">4s16x6Ilxx4s", b"TZif", 0, 0, 0, 0, 1, 4, 9 * 3600, b"XYZ\0"))
    (zones / "tzdata.zi").write_text("# version 2099a\nR d 1916 o - Jun 14 23s 1 S\n")
    (zones / "+VERSION").write_text("2099a\n")
    with api() as standin:
        job = place.export(standin.url, "--timezone", "Europe/Prague", TZDIR=zones)
        place.expect(job, 0, says=["2099a", VERSION.replace("20", "202", 1).replace(r"\d\d", r"\d", 1)])


def zones_are_named(place):
    """The version of the zones' rules is in the manifest and in --version."""
    place.expect(place.run("--version"), 0, says=[VERSION])
    with api() as standin:
        job = place.export(standin.url, "--timezone", "Europe/Prague")
    place.shows(job)
    place.expect(job, 0)
    manifest = place.out / "manifest.json"
    place.that(manifest.exists() and re.search(rf'"{VERSION}"', manifest.read_text()), "the manifest names no version of the zones")


def no_zones(place):
    """No zones on the system, as in an empty image: all is as ever."""
    with api() as standin:
        place.expect(place.export(standin.url, "--timezone", "Europe/Prague", TZDIR=place.folder / "nothing"), 0)


READERS.add("a system with newer time zones", newer_zones)
READERS.add("the version of the time zones", zones_are_named)
READERS.add("a system without time zones", no_zones)


# CSV

AGENTS = [" =1+1", "\t=1+1", "\u00a0=1+1", "\u3000@SUM(1)", "\uff1d1+1", " \uff0b1", "\uff20SUM(1)", "=1+1", "+1", "-1", "@a", "\u200b=1+1", "\ufeff=1"]


def csv_in_duckdb(place):
    """`runs.sql` beside the CSV gives DuckDB its types."""
    with api() as standin:
        place.expect(place.export(standin.url), 0)
    script = (place.out / "runs.sql").read_text(encoding="utf-8")
    with duckdb.connect() as database:
        database.execute(f"SET file_search_path = '{place.out}'")
        database.execute("SET TimeZone = 'UTC'")
        found = database.execute(script)
        tables = [name for (name,) in database.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        where = tables[0] if tables else None
        found = database.execute(f'SELECT count(*), sum(usage_total_usd), any_value(typeof(started_at)), any_value(typeof(usage_total_usd)) FROM "{where}"').fetchone() if where else None
    place.that(found is not None, "runs.sql made no table or view")
    if found:
        place.that(found[0] == 240, f"expected 240 rows, found {found[0]}")
        place.that("TIMESTAMP" in str(found[2]), f"started_at is {found[2]}")
        place.that(str(found[3]) == "DECIMAL(38,18)", f"usage_total_usd is {found[3]}")


def formulas(place):
    """What a spreadsheet would run is defused, whatever stands before it."""
    with api(agents=AGENTS) as standin:
        place.expect(place.export(standin.url), 0)
    with open(place.out / "runs.csv", encoding="utf-8", newline="") as file:
        cells = {row["meta_user_agent"] for row in csv.DictReader(file)} - {"curl/8"}
    place.that(len(cells) == len(AGENTS), f"expected {len(AGENTS)} cells, found {len(cells)}")
    loose = sorted(cell for cell in cells if not cell.startswith("'"))
    place.that(not loose, f"not defused: {loose}")


READERS.add("runs.sql in DuckDB", csv_in_duckdb)
READERS.add("cells that a spreadsheet would run", formulas)


# Object stores


class WrongGate(Gate):
    """Answers requests of a bucket as a function of method, path and headers says, or hands them on."""

    def __init__(self, app):
        super().__init__(app)
        self.wrong = {}

    def __call__(self, environ, start_response):
        bucket = environ["PATH_INFO"].strip("/").split("/")[0]
        wrong = self.wrong.get(bucket)
        found = wrong(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ) if wrong else None
        if found is None:
            return super().__call__(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code, text = found
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else f"<Error><Code>{code}</Code><Message>{text}</Message></Error>".encode()
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


STORE, ONCE = [], threading.Lock()


def store():
    """One server for all cases."""
    with ONCE:
        if not STORE:
            STORE.append(Server())
            STORE[0].gate = STORE[0].server.app = WrongGate(STORE[0].gate.app)
        return STORE[0]


def credentials():
    found = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
    return found | {"AWS_ENDPOINT_URL": store().url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}


def stored(name, command, wrong=None, code=0, says=(), never=(), marker=False, twice=False):
    """An export or a lake in a bucket of its own that answers wrongly."""
    bucket = re.sub("[^a-z0-9]+", "-", f"{name}-{command}".lower()).strip("-")[:60].strip("-")

    def does(place):
        server = store()
        server.bucket(bucket)
        if marker:
            for key in ("kept/", "kept/2025-09/", "kept/lake/", "kept/lake/_delta_log/"):
                server.client().put_object(Bucket=bucket, Key=key, Body=b"")
        server.gate.wrong[bucket] = wrong
        with api() as standin:
            source = ["--api-url", standin.url, "--rate", "0"]
            url = f"s3://{bucket}/kept/{'2025-09' if command == 'export' else 'lake'}"
            arguments = ["export", "--month", "2025-09", "--out", url] if command == "export" else ["sync", "--lake", url]
            for _ in range(2 if twice else 1):
                place.expect(place.run(*arguments, *source, **credentials()), code, within=40, says=says, never=never)
            server.gate.wrong.pop(bucket)
            if code == 0:
                return whole_lake(place, url) if command == "sync" else whole_exports(place, server, bucket)
        keys = [key for key in server.keys(bucket) if key.endswith("manifest.json") or "_delta_log" in key]
        place.that(not keys, f"left behind: {keys}")
        return "nothing" if not keys else "HALF"

    STORES.add(f"{name}, {command}", does)


def whole_lake(place, url):
    verified = place.run("verify", url, **credentials())
    place.expect(verified, 0)
    return "whole lake" if verified.code == 0 else "HALF"


def whole_exports(place, server, bucket):
    """The manifest is there, and every file that it lists, with its hash; folder markers are nobody's."""
    keys = [key for key in server.keys(bucket) if not key.endswith("/")]
    manifests = [key for key in keys if key.endswith("/manifest.json")]
    place.that(len(manifests) == 1, f"expected one export, found {manifests}")
    wrong = [] if manifests else ["no export"]
    for manifest in manifests:
        root = manifest.removesuffix("manifest.json")
        listed = {root + file["path"]: file["sha256"] for file in json.loads(server.content(bucket, manifest))["files"]}
        wrong += [key for key, sha in listed.items() if key not in keys or hashlib.sha256(server.content(bucket, key)).hexdigest() != sha]
        wrong += [key for key in keys if key not in listed and key != manifest]
    place.that(not wrong, f"not as the manifest says: {wrong[:4]}")
    return "nothing" if not keys else "HALF" if wrong else "whole export"


def wants_checksum(method, path, environ):
    """Object Lock: a put without a checksum is refused."""
    has = any(name.startswith("HTTP_X_AMZ_CHECKSUM") or name in ("HTTP_CONTENT_MD5", "HTTP_X_AMZ_TRAILER") for name in environ)
    if method == "PUT" and not has:
        return "400 Bad Request", "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
    return None


def refuses_puts(status, code):
    return lambda method, path, environ: (status, code, "not with this store") if method == "PUT" else None


def refuses_conditions(status, code):
    """A store without conditional puts."""
    return lambda method, path, environ: (
        (status, code, "A header you provided implies functionality that is not implemented")
        if method == "PUT" and ("HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MATCH" in environ)
        else None
    )


OTHER_THAN_AGAIN = (1, 2, 3, 6)
AGAIN = ("safe to run again", "run it again", "run again later")
for command in ("export", "sync"):
    stored("Object Lock wants checksums", command, wants_checksum, twice=command == "export")
    stored("folder markers", command, marker=True, twice=True)
    for status, code in (("501 Not Implemented", "NotImplemented"), ("405 Method Not Allowed", "MethodNotAllowed"), ("400 Bad Request", "InvalidArgument")):
        stored(f"puts are {status.split()[0]}", command, refuses_puts(status, code), OTHER_THAN_AGAIN, [status.split()[0]], AGAIN)
stored("conditions are 501", "sync", refuses_conditions("501 Not Implemented", "NotImplemented"), OTHER_THAN_AGAIN, ["501|condition"], AGAIN)


# Cron

FIRST, DAYS, RUNS_A_DAY = datetime.datetime(2025, 9, 18, tzinfo=datetime.UTC), 32, 8
CRONTABS = ["examples/schedules/crontab", "docs/operations.md", "docs/lake.md"]


class Growing(Runs):
    """Runs of three months; the list has those that have started. The last ones run, and the API has no cost of them."""

    def __init__(self):
        super().__init__()
        begins = millis("2025-08-01T00:00:00.000Z")
        self.starts = [begins + at * DAY_MS // RUNS_A_DAY for at in range(90 * RUNS_A_DAY)]
        self.entries = [self.entry(at, start, ()) for at, start in enumerate(self.starts)]
        self.now = 0

    def between(self, after, before):
        return super().between(after, min(before, self.now))

    def items(self, first, last):
        return [self.text(at) for at in range(first, last)]

    def detail(self, wanted):
        at = int(wanted.removeprefix("run"))
        return self.text(at) if self.starts[at] <= self.now else None

    def text(self, at):
        found = dict(self.entries[at])
        if self.starts[at] > self.now - 3_600_000:
            found |= {"status": "RUNNING"}
            found.pop("finishedAt")
            found.pop("usageTotalUsd", None)
        else:
            found.setdefault("usageTotalUsd", 0.25)
        return json.dumps(found).encode()


def jobs_of(path):
    """A crontab's settings, and jobs: five fields and the command; of a page, the blocks that are crontabs."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        text = "\n".join(re.findall(r"^```crontab\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    settings, jobs = {}, []
    for line in text.splitlines():
        if setting := re.fullmatch(r"(\w+)\s*=\s*(.*)", line):
            settings[setting[1]] = setting[2]
        elif line.strip() and not line.startswith("#"):
            *fields, command = line.split(None, 5)
            jobs.append((fields, command.replace("\\%", "%")))
    return settings, jobs


def is_due(fields, day):
    """Whether a job is due on a day; those that are due each hour are run once."""
    _, _, of_month, month, of_week = fields
    fits = lambda field, number: field == "*" or int(field) == number
    return fits(of_month, day.day) and fits(month, day.month) and fits(of_week, (day.weekday() + 1) % 7)


def days_without_mail(path):
    def does(place):
        settings, jobs = jobs_of(path)
        place.that(jobs, f"{path} has no job")
        place.that(all("--strict=incomplete" in command for _, command in jobs if " export " in command), f"{path}: an export without --strict=incomplete")
        folder = place.home / "bin"
        folder.mkdir()
        (place.home / "data").mkdir()
        for made in ("apify/changes", ".config/apify-runs", "exports"):
            (place.home / made).mkdir(parents=True)
        token = place.home / ".config" / "apify-runs" / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        # The binary without its random wait; its own exit code and words.
        tool = folder / "apify-runs"
        tool.write_text(f"""#!/bin/bash
given=()
while [ $# -gt 0 ]; do
    if [ "$1" = --jitter ]; then shift; else given+=("$1"); fi
    shift
done
exec '{place.bench.binary}' "${{given[@]}}"
""")
        (folder / "run-and-retry").write_text((ROOT / "examples/schedules/run-and-retry").read_text(encoding="utf-8"))
        for each in folder.iterdir():
            each.chmod(0o755)
        runs, started, mailed = Growing(), 0, []
        standin = FaultyApi()
        standin.runs = runs
        with serving(standin):
            for number in range(DAYS):
                day = FIRST + datetime.timedelta(days=number)
                for fields, command in jobs:
                    if not is_due(fields, day):
                        continue
                    hour = 0 if fields[1] == "*" else int(fields[1])
                    runs.now = standin.clock_ms = int(day.timestamp() * 1000) + hour * 3_600_000 + int(fields[0]) * 60_000
                    environment = place.environment(**{
                        **{name: value for name, value in settings.items() if name != "SHELL"},
                        "APIFY_API_BASE_URL": standin.url,
                        "APIFY_RUNS_NOW": instant(runs.now),
                        "APIFY_TOKEN": None if "APIFY_RUNS_TOKEN_FILE" in settings else TOKEN,
                        "PATH": f"{folder}:{os.environ['PATH']}",
                        "PAUSE": "0",
                    })
                    command = command.replace("/data/", f"{place.home}/data/")
                    done = subprocess.run(
                        ["sh", "-c", command], cwd=place.home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
                    )
                    started += 1
                    if done.returncode != 0 or done.stdout:
                        mailed.append(f"{day:%Y-%m-%d}: exit {done.returncode}, {done.stdout[:300]!r}")
        place.row.code = 0 if not mailed else "mail"
        place.that(started >= 1, "no job was started")
        place.that(not mailed, f"{len(mailed)} of {started} runs would be mailed: {mailed[:3]}")
        return f"{started} runs, no mail" if not mailed else "mail"

    CRON.add(f"{DAYS} days of {path}", does)


for crontab in CRONTABS:
    days_without_mail(crontab)
