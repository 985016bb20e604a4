"""What it takes to answer the API from an export: full pages a second, filtered pages, memory. For the benchmark. The clients
are threads of this script, on the same cores as the server."""

import contextlib
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.measuring import MEBIBYTE, Figure
from checks.support.account import environment, must_run, server
from checks.support.processes import child

CLIENTS = 8
PAGES = 2000
QUESTIONS = 60


class Archive:
    """An export that is being served, and one connection to it."""

    def __init__(self, process, url, seconds):
        self.process, self.seconds = process, seconds
        self.host = url.removeprefix("http://")
        self.connection = self.connect()

    def connect(self):
        return http.client.HTTPConnection(self.host, timeout=60)

    def get(self, target, connection=None):
        connection = connection or self.connection
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"GET {target}: {answer.status} {body[:200]}")
        return body

    def data(self, target):
        return json.loads(self.get(target))["data"]

    def milliseconds(self, targets):
        def one(target):
            started = time.monotonic()
            self.get(target)
            return (time.monotonic() - started) * 1000

        return [one(target) for target in targets]

    def peak_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


@contextlib.contextmanager
def archive(binary, export, scratch):
    started = time.monotonic()
    process = child(
        [str(binary), "serve", str(export)],
        cwd=scratch,
        env={name: value for name, value in environment(scratch).items() if name != "APIFY_TOKEN"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        if not url.startswith("http://127.0.0.1:"):
            sys.exit(f"apify-runs serve {export}: expected a loopback URL as its first line, got {url!r}")
        yield Archive(process, url, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()


def exported(binary, scratch, runs, first, last):
    out = scratch / f"archive-{runs}"
    with server(binary, "--runs", runs, "--from", first, "--to", last) as url:
        must_run(
            binary, "export", "--from", first, "--to", last, "--api-url", url, "--rate", "0", "--details", "none",
            "--format", "parquet", "--quiet", "--out", out, cwd=scratch,
        )
    return out


def pages_a_second(served, total):
    """Full pages one after the other, each client its own part of the archive."""
    each = PAGES // CLIENTS

    def client(number):
        connection = served.connect()
        for page in range(each):
            served.get(f"/v2/actor-runs?offset={(number * each + page) * 1000 % (total - 1000)}", connection)
        connection.close()

    started = time.monotonic()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * CLIENTS / (time.monotonic() - started)


def filtered(served, drawn):
    """Questions by kind, each a page with a filter."""
    failed = served.data("/v2/actor-runs?status=FAILED&limit=1")["total"]
    first, last = (served.data(f"/v2/actor-runs?limit=1{desc}")["items"][0]["startedAt"] for desc in ["", "&desc=1"])
    days = [f"{first[:8]}{day:02}T{hour:02}" for day in range(2, 28) for hour in (0, 6, 12)]
    yield "runs that failed", [f"/v2/actor-runs?status=FAILED&offset={drawn.randrange(failed)}" for _ in range(QUESTIONS)]
    yield (
        "runs of six hours that timed out or were aborted",
        [
            f"/v2/actor-runs?status=TIMED-OUT,ABORTED&startedAfter={hour}:00:00.000Z&startedBefore={hour[:-2]}{int(hour[-2:]) + 5:02}:59:59.999Z"
            for hour in drawn.sample(days, QUESTIONS)
        ],
    )
    actors = served.data("/v2/actors?limit=1000")["items"]
    actors.sort(key=lambda actor: -actor["stats"]["totalRuns"])
    for name, place in [("the busiest Actor", 0), ("the tenth Actor", 9), ("the hundredth Actor", 99), ("the rarest Actor", -1)]:
        actor = actors[place]
        runs = actor["stats"]["totalRuns"]
        offsets = [drawn.randrange(max(runs - 1000, 1)) for _ in range(QUESTIONS // 3)]
        yield f"runs of {name}, {runs:,}", [f"/v2/actors/{actor['id']}/runs?offset={offset}" for offset in offsets]
    some = [served.data(f"/v2/actor-runs?limit=1&offset={drawn.randrange(failed)}")["items"][0]["id"] for _ in range(QUESTIONS)]
    yield "one run by its ID", [f"/v2/actor-runs/{run}" for run in some]


def measure_serve(arguments, scratch):
    drawn = random.Random(1)
    export = exported(arguments.binary, scratch, 1_000_000, "2025-09-01", "2025-10-01")
    with archive(arguments.binary, export, scratch) as served:
        rates = [pages_a_second(served, 1_000_000) for _ in range(arguments.runs_of)]
        yield Figure("serve: full pages of 1,000,000 runs, 8 clients", 300, rates, "/s", 0, at_least=True)
        yield Figure("serve: the same: peak memory", 300, [served.peak_bytes() / MEBIBYTE], "MiB", 1)
    if not arguments.big:
        return
    export = exported(arguments.binary, scratch, 10_000_000, "2025-01-01", "2025-10-01")
    with archive(arguments.binary, export, scratch) as served:
        yield Figure("serve: 10,000,000 runs: until it answers", 10, [served.seconds], "s", 2)
        for name, targets in filtered(served, drawn):
            yield Figure(f"serve: a page of 10,000,000: {name}", 50, served.milliseconds(targets), "ms", 1)
        rates = [pages_a_second(served, 10_000_000) for _ in range(arguments.runs_of)]
        yield Figure("serve: full pages of 10,000,000 runs, 8 clients", 300, rates, "/s", 0, at_least=True)
        yield Figure("serve: 10,000,000 runs: peak memory", 300, [served.peak_bytes() / MEBIBYTE], "MiB", 1)
