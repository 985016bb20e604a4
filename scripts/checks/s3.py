# /// script
# requires-python = ">=3.11"
# dependencies = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "deltalake==1.6.6", "pyarrow==26.0.1"]
#
# [tool.check]
# compares = "lakes and exports in an object store with moto's S3 server, read by deltalake and pyarrow"
# minutes = 5
# megabytes = 145
#
# [tool.check.options]
# "--only PART" = { help = "only this part: lakes, exports, refusals; may be repeated", action = "append", choices = ["lakes", "exports", "refusals"] }
# ///
"""Lakes and exports in an object store: moto's S3 server on loopback, real processes, and the deltalake package and pyarrow,
which read what they leave. A process is killed while the server holds a known request of it, so that nothing depends on
luck."""

import bisect
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import deltalake

from checks.support.account import Checks, exact_sum, plain
from checks.support.environments import command_line
from checks.support.processes import child
from checks.support.s3_server import KEY, REGION, SECRET, Server
from checks.support.standin import StandIn, instant, millis, serving

RUNS = 100_004
COMMIT = "_delta_log/00000000000000000000.json"


class Tool:
    """The binary, in an environment of which nothing is this shell's."""

    def __init__(self, binary, folder, server):
        self.binary, self.folder, self.server = binary, folder, server
        self.keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def environment(self, place, **variables):
        home = self.folder / place
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        return {
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "NO_COLOR": "1",
            "APIFY_TOKEN": "demo",
            "APIFY_RUNS_NOW": "2025-10-03T06:00:00Z",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.server.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
        } | {name: value for name, value in variables.items() if value is not None}

    def start(self, *arguments, place="home", **variables):
        """`place` has a TMPDIR of its own: two in different ones don't know of each other."""
        return child(
            [self.binary, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(place, **(self.keys | variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process, seconds=180):
        try:
            out, error = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, error = process.communicate()
            error += f"(killed after {seconds} s)"
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)

    def run(self, *arguments, place="home", **variables):
        return self.end(self.start(*arguments, place=place, **variables))

    def must(self, *arguments, **variables):
        done = self.run(*arguments, **variables)
        if done.returncode != 0:
            sys.exit(f"apify-runs {' '.join(map(str, arguments))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sync(self, lake, *more, **variables):
        return self.start("sync", "--demo", "--lake", lake, "--quiet", *more, **variables)


def content(where, server=None):
    """A lake as another's software reads it: rows, different IDs, exact sum, and a hash of all that runs are."""
    options = server and {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ALLOW_HTTP": "true",
    }
    table = deltalake.DeltaTable(str(where), storage_options=options).to_pyarrow_table()
    table = table.sort_by([("started_at", "ascending"), ("id", "ascending")])
    ids = table.column("id").to_pylist()
    costs = table.column("usage_total_usd").to_pylist()
    rows = hashlib.sha256()
    for name in sorted(table.column_names):
        rows.update(repr((name, table.column(name).to_pylist())).encode())
    return len(ids), len(set(ids)), plain(exact_sum(costs)), rows.hexdigest()


def version(where, server):
    options = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ALLOW_HTTP": "true",
    }
    return deltalake.DeltaTable(where, storage_options=options).version()


def check_syncs(checks, tool, server):
    """First, second; then killed at each kind of moment."""
    server.bucket("lakes")
    local = tool.folder / "local-lake"
    tool.must("sync", "--demo", "--lake", local, "--quiet")
    expected = content(local)
    checks.equal("a local lake holds the made-up account, each run once", expected[:2], (RUNS, RUNS))

    lake = "s3://lakes/whole/lake"
    server.gate.forget()
    tool.must("sync", "--demo", "--lake", lake, "--quiet")
    checks.equal("the first sync to S3 comes to the same", content(lake, server), expected)
    files = len(server.gate.puts(".parquet"))
    before = version(lake, server)
    server.gate.forget()
    second = tool.must("sync", "--demo", "--lake", lake, "--json")
    told = json.loads(second.stdout)
    checks.equal("the second finds nothing to commit", (told["commits"], version(lake, server)), (0, before))
    checks.equal("and writes nothing", server.gate.puts(), [])
    check_serving(checks, tool, server, local, lake)
    checks.equal("a checkpoint and log of a URL with a slash at its end", tool.run("sync", "--demo", "--lake", lake + "/", "--quiet").returncode, 0)

    moments = [("before its first file is there", lambda path: ".parquet" in path, False, 1)]
    moments += [(f"before file {number} is there", lambda path: ".parquet" in path, False, number) for number in range(2, files + 1)]
    moments += [("before its commit is there", lambda path: COMMIT in path, False, 1)]
    moments += [("after its commit is there, before it knows", lambda path: COMMIT in path, True, 1)]
    for number, (moment, matches, after, at) in enumerate(moments):
        lake = f"s3://lakes/killed-{number}"
        with server.gate.stop(matches, after=after, count=1) as stop:
            skipped = [at - 1]

            def nth(path, matches=matches, skipped=skipped):
                if not matches(path):
                    return False
                skipped[0] -= 1
                return skipped[0] < 0

            stop.matches = nth
            process = tool.sync(lake)
            reached = stop.wait()
            process.send_signal(signal.SIGKILL)
            tool.end(process)
        checks.that(f"killed {moment}", reached and process.returncode == -signal.SIGKILL, process.returncode)
        done = tool.end(tool.sync(lake))
        checks.equal("  the next goes on", (done.returncode, done.stderr), (0, ""))
        checks.equal("  and comes to the same as one that was not killed", content(lake, server), expected)
    return expected


def check_serving(checks, tool, server, local, lake):
    """A lake in S3 behind the API's endpoints, held against the same one on disk, which deltalake reads."""
    table = deltalake.DeltaTable(str(local)).to_pyarrow_table(columns=["id", "status", "started_at"])
    rows = sorted(table.to_pylist(), key=lambda row: (row["started_at"], row["id"]))
    failed = [row["id"] for row in rows if row["status"] == "FAILED"]
    process = tool.start("serve", lake)
    try:
        url = process.stdout.readline().strip()
        checks.that("a lake in S3 is served", url.startswith("http://127.0.0.1:"), url)

        def data(target):
            request = urllib.request.Request(url + target, headers={"Authorization": "Bearer demo"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]

        page = data("/v2/actor-runs?offset=60000")
        ids = [item["id"] for item in page["items"]]
        checks.equal("  its list is the table's", (page["total"], ids), (RUNS, [row["id"] for row in rows[60_000:61_000]]))
        page = data("/v2/actor-runs?status=FAILED&offset=500")
        ids = [item["id"] for item in page["items"]]
        checks.equal("  and with a filter", (page["total"], ids), (len(failed), failed[500:1500]))
        checks.equal("  and one run", data(f"/v2/actor-runs/{rows[777]['id']}")["id"], rows[777]["id"])
    finally:
        process.terminate()
        done = tool.end(process)
    checks.equal("  and it ends when it is told to", done.returncode, 143)


def check_two_at_once(checks, tool, server, expected):
    for count in (2, 3):
        lake = f"s3://lakes/at-once-{count}"
        processes = [tool.sync(lake, place=f"host-{number}") for number in range(count)]
        ended = [tool.end(process) for process in processes]
        codes = [done.returncode for done in ended]
        checks.that(f"{count} syncs at once: each ends with 0 or 8", set(codes) <= {0, 8} and 0 in codes, (codes, [done.stderr for done in ended]))
        checks.equal("  nothing is doubled", content(lake, server), expected)

        lake = f"s3://lakes/same-commit-{count}"
        with server.gate.stop(lambda path: COMMIT in path, count=count) as stop:
            processes = [tool.sync(lake, place=f"host-{number}") for number in range(count)]
            met = stop.wait(count)
            stop.let_go()
            ended = [tool.end(process) for process in processes]
        codes = [done.returncode for done in ended]
        checks.that(f"{count} syncs whose first commits meet: each ends with 0 or 8", met and set(codes) <= {0, 8} and 0 in codes, (met, codes, [done.stderr for done in ended]))
        checks.equal("  nothing is doubled or lost", content(lake, server), expected)

    lake = "s3://lakes/answer-lost"
    server.gate.lose_answer(COMMIT)
    done = tool.end(tool.sync(lake))
    checks.equal("a commit that was made, and answered with 500", (done.returncode, done.stderr), (0, ""))
    checks.equal("  is all there", content(lake, server), expected)


class ListedRuns:
    """The list of runs of a small account that changes, by start; no run has a detail."""

    def __init__(self, items):
        self.list = items

    def between(self, after, before):
        starts = [millis(run["startedAt"]) for run in self.list]
        return bisect.bisect_left(starts, after), bisect.bisect_right(starts, before)

    def items(self, first, last):
        return [json.dumps(run).encode() for run in self.list[first:last]]

    def detail(self, _):
        return None


def a_run(number, cost):
    started = millis("2025-09-30T00:00:00Z") + number * 60_000
    return {
        "id": f"run{number:014}",
        "actId": "actor",
        "status": "SUCCEEDED",
        "startedAt": instant(started),
        "finishedAt": instant(started + 1000),
        "buildId": "build",
        "meta": {"origin": "API"},
        "usageTotalUsd": cost,
    }


def check_changes(checks, tool, server):
    runs = [a_run(number, 0.01) for number in range(2000)]
    with serving(StandIn(ListedRuns(runs), millis("2025-10-03T06:00:00Z"), 90)) as api:
        check_changing(checks, tool, server, api.url, runs)


def check_changing(checks, tool, server, url, runs):
    lake = "s3://lakes/changing"
    sync = ["sync", "--api-url", url, "--lake", lake, "--no-names", "--json", "--rate", "0"]
    tool.must(*sync)
    checks.equal("a small account's lake", content(lake, server)[:3], (2000, 2000, "20"))
    runs[1999]["usageTotalUsd"] = 0.25
    runs += [a_run(number, 0.5) for number in range(2000, 2100)]
    told = json.loads(tool.must(*sync).stdout)
    checks.equal("new runs and a late cost", (told["runs_new"], told["runs_changed"]), (100, 1))
    checks.equal("  are in the lake", content(lake, server)[:3], (2100, 2100, "70.24"))
    # Both see the same new runs, and commit upon the same version.
    runs += [a_run(number, 0.5) for number in range(2100, 2200)]
    commit = f"_delta_log/{version(lake, server) + 1:020}.json"
    with server.gate.stop(lambda path: commit in path, count=2) as stop:
        processes = [tool.start(*sync, place=f"host-{number}") for number in range(2)]
        met = stop.wait(2)
        stop.let_go()
        ended = [tool.end(process) for process in processes]
    new = sorted(json.loads(done.stdout)["runs_new"] for done in ended if done.returncode == 0)
    checks.that("two syncs of the same changes: one commits them", met and new in ([0, 100], [100]), (met, [(done.returncode, done.stderr) for done in ended]))
    checks.equal("  once", content(lake, server)[:3], (2200, 2200, "120.24"))


def refused(checks, what, done, code, *words):
    text = done.stderr.strip()
    held = done.returncode == code and all(word in text for word in words) and "\n" not in text and "<" not in text
    checks.that(f"{what}: exit {code}", held, (done.returncode, done.stderr))
    print(f"          {text}")


def check_refusals(checks, tool, server):
    sync = ["sync", "--demo", "--quiet", "--lake"]
    export = ["export", "--demo", "--quiet", "--out"]
    refused(checks, "sync to a bucket that isn't there", tool.run(*sync, "s3://nowhere/lake"), 6, "NoSuchBucket")
    refused(checks, "export to a bucket that isn't there", tool.run(*export, "s3://nowhere/out"), 6, "NoSuchBucket")
    none = dict(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    started = time.monotonic()
    refused(checks, "no credentials", tool.run(*sync, "s3://lakes/none", **none), 3, "AWS_ACCESS_KEY_ID", "AWS_PROFILE")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        instance = f"http://127.0.0.1:{silent.getsockname()[1]}"
        variables = none | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": instance}
        refused(checks, "no credentials, and an instance that says nothing", tool.run(*sync, "s3://lakes/none", **variables), 3, "AWS_ACCESS_KEY_ID")
    checks.that("  said within 20 s", time.monotonic() - started < 20, time.monotonic() - started)
    refused(checks, "nobody there", tool.run(*sync, "s3://lakes/none", AWS_ENDPOINT_URL="http://127.0.0.1:1"), 4, "http://127.0.0.1:1:", "safe to run again")
    refused(checks, "plain HTTP beyond this machine", tool.run(*sync, "s3://lakes/none", AWS_ENDPOINT_URL="http://minio.invalid"), 2, "https")
    refused(checks, "a URL of another kind", tool.run(*sync, "ftp://lakes/none"), 2, "s3://")

    writer = server.user("writer", "s3:*")
    reader = server.user("reader", "s3:Get*", "s3:List*")
    nobody = server.user("nobody", "sts:GetCallerIdentity")
    server.client().put_object(Bucket="lakes", Key="marker/x", Body=b"")
    with server.asking_who():
        wrong = {"AWS_ACCESS_KEY_ID": "AKIAI44QH8DHBEXAMPLE"}
        refused(checks, "a key that nobody knows", tool.run(*sync, "s3://lakes/bad", **wrong), 3, "InvalidAccessKeyId")
        wrong = writer | {"AWS_SECRET_ACCESS_KEY": "s3cretThatIsWrong"}
        done = tool.run(*sync, "s3://lakes/bad", **wrong)
        refused(checks, "a wrong secret", done, 3, "SignatureDoesNotMatch")
        checks.that("  which is repeated nowhere", "s3cret" not in done.stderr + done.stdout)
        refused(checks, "no permission to list", tool.run(*sync, "s3://lakes/bad", **nobody), 3, "AccessDenied")
        refused(checks, "no permission to write a lake", tool.run(*sync, "s3://lakes/bad", **reader), 6, "AccessDenied")
        refused(checks, "no permission to write an export", tool.run(*export, "s3://lakes/bad-export", **reader), 6, "AccessDenied")
        checks.equal("permission to write", tool.run(*export, "s3://lakes/good-export", **writer).returncode, 0)
        home = tool.folder / "profiles" / ".aws"
        home.mkdir(parents=True)
        (home / "config").write_text(f"[profile work]\nregion = {REGION}\nendpoint_url = {server.url}\n")
        lines = [f"{name.lower()} = {value}" for name, value in writer.items()]
        (home / "credentials").write_text("\n".join(["[work]", *lines]) + "\n")
        profile = none | {"AWS_PROFILE": "work", "AWS_REGION": None, "AWS_ENDPOINT_URL": None}
        done = tool.run(*export, "s3://lakes/by-profile", place="profiles", **profile)
        checks.equal("credentials, region and endpoint of a profile's files", (done.returncode, done.stderr), (0, ""))
    checks.equal("nothing was written by those who may not", server.keys("lakes", "bad"), [])
    server.client().put_object(Bucket="lakes", Key="foreign/notes.txt", Body=b"mine")
    refused(checks, "a lake where other objects are", tool.run(*sync, "s3://lakes/foreign"), 6, "other files")
    refused(checks, "an export where other objects are", tool.run(*export, "s3://lakes/foreign"), 6, "notes.txt")


def manifest(server, prefix):
    return json.loads(server.content("exports", f"{prefix}/manifest.json"))


def check_exports(checks, tool, server):
    server.bucket("exports")
    folder = tool.folder / "folder"
    tool.must("export", "--demo", "--quiet", "--out", folder)
    expected = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ours = json.loads(expected.pop("manifest.json"))
    out = "s3://exports/month"
    export = ["export", "--demo", "--quiet", "--out"]
    tool.must(*export, out)
    first = manifest(server, "month")
    paths = [file["path"] for file in first["files"]]
    ids = {path.split("/")[0] for path in paths}
    checks.that("an export's files are below one ID that tells its time", len(ids) == 1 and paths[0].startswith("20251003T060000Z-"), ids)
    stored = {path.split("/", 1)[1]: server.content("exports", f"month/{path}") for path in paths}
    checks.equal("they are those of a folder, byte by byte", {name: hash(data) for name, data in stored.items()}, {name: hash(data) for name, data in expected.items()})
    checks.equal("and nothing else is there", server.keys("exports", "month/"), sorted([f"month/{path}" for path in paths] + ["month/manifest.json"]))
    plain_paths = lambda document: [{**file, "path": file["path"].split("/", 1)[-1] if file["path"][:2] == "20" else file["path"]} for file in document["files"]]
    checks.equal("the manifest lists the same hashes", plain_paths(first), ours["files"])
    kinds = server.client().head_object(Bucket="exports", Key=f"month/{ids.copy().pop()}/report.html")["ContentType"]
    checks.that("a browser shows the page", kinds.startswith("text/html"), kinds)

    done = tool.must("export", "--demo", "--out", out)
    second = manifest(server, "month")
    checks.equal("a second one replaces it, and says so", (second["replaced"] or {}).get("runs"), first["totals"]["runs"])
    checks.that("  on stdout too", "Replaced the export that was queried at" in done.stdout and f"Wrote {out} in" in done.stdout, done.stdout)
    checks.equal("  and the first one's files are gone", len(server.keys("exports", "month/")), len(paths) + 1)
    done = tool.run(*export, out, "--from", "2025-09-01", "--to", "2025-09-08")
    refused(checks, "another period there", done, 6, "another period", "--replace", out)
    checks.equal("  nothing changes", (manifest(server, "month"), len(server.keys("exports", "month/"))), (second, len(paths) + 1))
    done = tool.run(*export, out, "--from", "2025-09-01", "--to", "2025-09-08", "--replace")
    checks.equal("  --replace replaces it", (done.returncode, manifest(server, "month")["period"]["to"][:10]), (0, "2025-09-08"))
    dry = tool.run("export", "--demo", "--dry-run", "--out", out)
    checks.that("a dry run looks, and writes nothing", dry.returncode == 0 and "Nothing was written" in dry.stdout, dry.stdout + dry.stderr)
    done = tool.run("check", "--demo", "--out", out)
    checks.that("check looks there too", done.returncode == 0 and "can be replaced" in done.stdout, done.stdout + done.stderr)

    check_interrupted(checks, tool, server, export)
    check_race(checks, tool, server, export)


def check_interrupted(checks, tool, server, export):
    out = "s3://exports/interrupted"
    tool.must(*export, out)
    before = manifest(server, "interrupted")
    at_manifest = lambda path: "interrupted/manifest.json" in path
    for name, number, code in [("killed", signal.SIGKILL, -signal.SIGKILL), ("interrupted", signal.SIGINT, 130)]:
        with server.gate.stop(at_manifest) as stop:
            process = tool.start(*export, out)
            stop.wait()
            process.send_signal(number)
            done = tool.end(process)
        checks.equal(f"{name} before its manifest is there", done.returncode, code)
        checks.that("  without a panic", "panicked" not in done.stderr, done.stderr)
        time.sleep(1)
        # moto serves the request that it held back, as a network may deliver late; the version it is put upon decides.
        now = manifest(server, "interrupted")
        checks.that("  the export that is there is whole", all(f"interrupted/{file['path']}" in server.keys("exports", "interrupted/") for file in now["files"]))
        before = now
    with server.gate.stop(lambda path: "runs.csv" in path, method="PUT") as stop:
        process = tool.start(*export, out)
        stop.wait()
        process.kill()
        tool.end(process)
    checks.equal("killed amid its files: nothing changes", manifest(server, "interrupted"), before)
    keys = server.keys("exports", "interrupted/")
    with server.gate.stop(lambda path: "runs.csv" in path, method="PUT") as stop:
        process = tool.start(*export, out)
        stop.wait()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        stop.let_go()
        done = tool.end(process)
    checks.that("interrupted amid its files", done.returncode == 130 and "panicked" not in done.stderr, (done.returncode, done.stderr))
    checks.equal("  takes back what it had sent", server.keys("exports", "interrupted/"), keys)
    done = tool.run(*export, out)
    checks.that("the next publishes, and says what lies about", done.returncode == 0 and "ended early" in done.stderr, (done.returncode, done.stderr))
    left = [path for path in os.listdir(tool.folder / "home" / "tmp") if "apify-runs" in path]
    checks.equal("and this machine's temporary folder is clean", left, [])


def check_race(checks, tool, server, export):
    out = "s3://exports/race"
    for what in ("first", "replacing"):
        with server.gate.stop(lambda path: "race/manifest.json" in path) as stop:
            slow = tool.start(*export, out, place="slow")
            stop.wait()
            fast = tool.run(*export, out, place="fast")
            won = manifest(server, "race")
            stop.let_go()
            lost = tool.end(slow)
        checks.equal(f"two {what} exports at once: one wins", (fast.returncode, lost.returncode), (0, 8))
        print(f"          {lost.stderr.strip()}")
        keys = [f"race/{file['path']}" for file in won["files"]] + ["race/manifest.json"]
        checks.equal("  and nothing of the other stays", (manifest(server, "race"), server.keys("exports", "race/")), (won, sorted(keys)))
    with server.gate.stop(lambda path: False):
        server.gate.lose_answer("race/manifest.json")
        done = tool.run(*export, out)
    checks.equal("a manifest that was put, and answered with 500", (done.returncode, done.stderr), (0, ""))


def main():
    options = command_line(__file__)
    checks = Checks()
    server = Server()
    with tempfile.TemporaryDirectory(prefix="apify-runs-s3-") as folder:
        tool = Tool(str(options.binary), Path(folder), server)
        wanted = lambda name: not options.only or name in options.only
        if wanted("lakes"):
            expected = check_syncs(checks, tool, server)
            check_two_at_once(checks, tool, server, expected)
            check_changes(checks, tool, server)
        with contextlib.suppress(Exception):
            server.bucket("lakes")
        if wanted("exports"):
            check_exports(checks, tool, server)
        if wanted("refusals"):
            check_refusals(checks, tool, server)
    checks.close()


if __name__ == "__main__":
    main()
